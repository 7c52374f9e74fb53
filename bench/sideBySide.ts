import { performance } from 'node:perf_hooks';

/** One way of doing the work. It prepares its input, then times what counts. */
export type Side = {
  readonly name: string;
  run(round: number): Promise<Timed>;
};

/** Units of work, and how long they took; and for how long the process held cores meanwhile. */
export type Timed = {
  readonly units: number;
  readonly durationMs: number;
  readonly cpuMs: number;
};

export type Spread = { readonly median: number; readonly min: number; readonly max: number };

/** Units a second of each side, by round: what stood side by side in a round is compared. */
export type Rates = ReadonlyMap<string, readonly number[]>;

/** Without interpolation: the middle round, the upper one of two. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

export async function timed(units: number, work: () => Promise<void>): Promise<Timed> {
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  await work();
  const durationMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { units, durationMs, cpuMs: (user + system) / 1_000 };
}

/** A side's rate by the time of cores, all threads together: what others do here hardly shows. */
export function byCpu(side: string): string {
  return `${side}, of a core`;
}

/**
 * Runs the sides in turn, A B A B, so that a machine that slows down slows all of them. The first
 * round warms up and is thrown away.
 */
export async function sideBySide(
  sides: readonly Side[],
  { rounds, onProgress }: { rounds: number; onProgress: (line: string) => void },
): Promise<Rates> {
  const rates = new Map(
    sides.flatMap(({ name }) => [name, byCpu(name)]).map((name) => [name, Array<number>()]),
  );
  for (let round = 0; round <= rounds; round += 1) {
    for (const side of sides) {
      const { units, durationMs, cpuMs } = await side.run(round);
      const rate = units / (durationMs / 1_000);
      onProgress(
        `${round === 0 ? 'warm-up' : `round ${round}/${rounds}`}  ${side.name}  ${shown(rate)}/s`,
      );
      if (round === 0) continue;
      rates.get(side.name)?.push(rate);
      rates.get(byCpu(side.name))?.push(units / (cpuMs / 1_000));
    }
  }
  return rates;
}

/** One line of the table. */
export type Result = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The other side of the same rounds, in the same unit; null where there is only a target. */
  readonly against: number | null;
  readonly againstName: string | null;
  /** The median of the rounds' own ratios, so not exactly value / against. */
  readonly ratio: number | null;
  readonly ratioMin: number | null;
  readonly ratioMax: number | null;
  /** Of the ratio; of the value where there is no other side. */
  readonly target: number | null;
  /** What was checked of the work's result, so that a fast wrong answer is noticed. */
  readonly verified: string;
};

export function compare(
  rates: Rates,
  line: {
    name: string;
    side: string;
    against: string;
    unit: string;
    target: number | null;
    verified: string;
  },
): Result {
  const mine = rates.get(line.side) ?? [];
  const others = rates.get(line.against) ?? [];
  const ratio = spreadOf(mine.map((rate, round) => rate / (others[round] ?? Number.NaN)));
  return {
    name: line.name,
    value: spreadOf(mine).median,
    unit: line.unit,
    against: spreadOf(others).median,
    againstName: line.against,
    ratio: ratio.median,
    ratioMin: ratio.min,
    ratioMax: ratio.max,
    target: line.target,
    verified: line.verified,
  };
}

/** Three figures: more would be noise. */
export function shown(value: number | null): string {
  if (value === null) return '';
  if (Math.abs(value) >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))} M`;
  if (Math.abs(value) >= 10_000) return `${Number((value / 1_000).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}
