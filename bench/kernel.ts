import { assert } from '../src/domain/assert.ts';
import { decimalMicros } from './decimalLoop.ts';
import type { Prices } from './decimalLoop.ts';
import { readColumn, spin } from './memory.ts';
import { moneyJobOf, rateToMoney } from './money.ts';
import { jobOf, readingsOf, settlementsOf, tablesOf } from './ratingKinds.ts';
import type { Kind } from './ratingKinds.ts';
import { byCpu, compare, sideBySide, timed } from './sideBySide.ts';
import type { Result, Side } from './sideBySide.ts';
import { openThreads } from './threads.ts';
import type { Threads } from './threads.ts';

export type KernelSize = {
  kinds: readonly Kind[];
  agreements: number;
  slotsPerAgreement: number;
  decimalAgreements: number;
  spinSteps: number;
  rounds: number;
};

/** A month of quarter hours of 3,600 agreements, 86 MB: more than any cache holds. */
export const kernelSize: KernelSize = {
  kinds: [
    'time of use',
    'chronological blocks',
    'spot by the hour',
    'spot by the quarter hour',
    'demand with ratchet',
  ],
  agreements: 3_600,
  slotsPerAgreement: 2_976,
  decimalAgreements: 12,
  spinSteps: 20_000_000,
  rounds: 7,
};

/** A month of 10,000 agreements to finished bills: night, day, standing charge and tax. */
export const monthSize: KernelSize = {
  ...kernelSize,
  kinds: ['bills of a month'],
  agreements: 10_000,
};

const copySide = 'memcpy';
const readSide = 'reading alone';
const spinSide = 'a loop in registers';
const spinPairSide = 'the same on two threads';

/** What a rating's rate is held against. Of folded windows and whole bills it is only shown. */
function copyTarget(kind: Kind): number | null {
  return kind === 'demand with ratchet' || kind === 'bills of a month' ? null : 0.35;
}

/** One kind on one thread, on two, and by the loops that one would write first. */
function sidesOf(kind: Kind, size: KernelSize, column: Float64Array, threads: Threads) {
  const { agreements, slotsPerAgreement, decimalAgreements } = size;
  const tables = tablesOf(kind, slotsPerAgreement);
  const job = jobOf(tables, column, { agreements, slotsPerAgreement });
  const settlements = settlementsOf(kind, slotsPerAgreement);
  const slots = agreements * slotsPerAgreement;
  const names = {
    kernel: kind,
    pool: `${kind}, two threads`,
    texts: `decimal.js, ${kind}`,
    prepared: `decimal.js with prices made before, ${kind}`,
  };
  const came = new Map<string, readonly string[]>();
  const kernelSide = (
    name: string,
    run: (money: ReturnType<typeof moneyJobOf>) => Promise<void>,
  ) => ({
    name,
    run: () => {
      const money = moneyJobOf(job, settlements);
      const done = timed(slots, () => run(money));
      return done.then((each) => {
        came.set(name, Array.from(money.micros, String));
        return each;
      });
    },
  });
  const decimalSide = (prices: Prices): Side => ({
    name: names[prices],
    run: () =>
      timed(decimalAgreements * slotsPerAgreement, async () => {
        const options = { agreements: decimalAgreements, prices };
        came.set(names[prices], decimalMicros(kind, job, options));
      }),
  });
  const sides: Side[] = [
    kernelSide(names.kernel, async (money) => rateToMoney(money)),
    kernelSide(names.pool, (money) => threads.rate(money)),
    decimalSide('texts'),
    decimalSide('prepared'),
  ];
  const verify = (): string => {
    const rated = came.get(names.kernel) ?? [];
    assert(rated.length === agreements, 'every agreement was rated');
    assert(rated.join() === came.get(names.pool)?.join(), 'threads come to the same');
    const first = rated.slice(0, decimalAgreements).join();
    for (const side of [names.texts, names.prepared]) {
      const plain = came.get(side)?.join();
      assert(first === plain, `${kind}: micros ${first} by the kernel, ${plain} by decimal.js`);
    }
    const totalMicros = rated.reduce((sum, micros) => sum + BigInt(micros), 0n);
    return (
      `${totalMicros} micros, the same on two threads; ` +
      `${decimalAgreements} agreements to the micro by decimal.js`
    );
  };
  return { kind, names, sides, verify };
}

function floorsOf(column: Float64Array, size: KernelSize, threads: Threads): Side[] {
  const copy = new Float64Array(column.length);
  const { spinSteps, slotsPerAgreement } = size;
  return [
    { name: copySide, run: () => timed(copy.length, async () => copy.set(column)) },
    {
      name: readSide,
      run: () =>
        timed(column.length, async () => {
          let energyWh = 0;
          // As many at a time as an agreement has, so that it is called as often as the kernel.
          for (let from = 0; from < column.length; from += slotsPerAgreement) {
            energyWh += readColumn(column, { from, to: from + slotsPerAgreement });
          }
          assert(energyWh > 0, 'there is energy');
        }),
    },
    {
      name: spinSide,
      run: () =>
        timed(spinSteps, async () => {
          assert(spin(spinSteps) >= 0, 'it was not left out');
        }),
    },
    { name: spinPairSide, run: () => timed(spinSteps, () => threads.spin(spinSteps)) },
  ];
}

/** The rating kernel from readings to money, intervals a second. */
export async function kernel(
  { onProgress }: { onProgress: (line: string) => void },
  size: KernelSize,
): Promise<Result[]> {
  const threads = openThreads();
  try {
    const column = readingsOf(size.agreements * size.slotsPerAgreement);
    const measured = size.kinds.map((kind) => sidesOf(kind, size, column, threads));
    const sides = [...measured.flatMap((each) => each.sides), ...floorsOf(column, size, threads)];
    const rates = await sideBySide(sides, { rounds: size.rounds, onProgress });
    const results = measured.flatMap(({ kind, names, verify }) => {
      // By time of cores: on a shared machine the short sides else meet others by chance.
      const line = { side: byCpu(names.kernel), unit: 'intervals/s', verified: verify() };
      const pool = { ...line, side: names.pool };
      const ofCore = { side: byCpu(names.pool), against: byCpu(names.kernel) };
      return [
        { ...line, name: kind, against: byCpu(names.texts), target: 800 },
        { ...line, name: kind, against: byCpu(names.prepared), target: null },
        { ...line, name: kind, against: byCpu(copySide), target: copyTarget(kind) },
        { ...line, name: kind, against: byCpu(readSide), target: null },
        { ...pool, name: names.pool, against: names.kernel, target: 1.7 },
        // Two whole cores at this rate are 1.7 of one.
        { ...pool, ...ofCore, name: `${names.pool}, time of cores`, target: 0.85 },
      ].map((each) => compare(rates, each));
    });
    const machine = compare(rates, {
      name: 'what two threads get here now',
      side: spinPairSide,
      against: spinSide,
      unit: 'steps/s',
      target: null,
      verified: 'no memory, no hand-over: what the other processes leave',
    });
    return [...results, machine];
  } finally {
    await threads.close();
  }
}
