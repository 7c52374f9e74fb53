import type { Fraction } from '../exact.ts';
import { registerStepWhMax } from '../limits.ts';
import { dayOf } from './day.ts';
import { factorOne } from './factor.ts';
import type { MarkKind, RegisterMark } from './mark.ts';
import type { WalkOptions } from './walk.ts';

/**
 * Of a mark: it holds for every register of the meter, as a transformer's ratio does, where the
 * register has no word of its own at that instant.
 */
export const everyChannel = 0;

/** The word that counts on a register and an instant. */
export type RecordedMark = Omit<RegisterMark, 'kind' | 'numerator' | 'denominator'> & {
  readonly channel: number;
  readonly kind: MarkKind | 'withdrawn';
  /**
   * Null: not said. Then it is that of all registers at the instant, or the one before, whatever is
   * said of that later.
   */
  readonly factor: Fraction | null;
  /**
   * A word on this register and instant, this one or one before it, takes effect at its instant
   * whatever is read later: it came with a value, or took the register away.
   */
  readonly wasBound: boolean;
};

/** What the readings of a meter's registers stand for. */
export type MeterMarks = {
  /** By channel, where one has a word of its own; in the order of time. */
  readonly ofChannel: ReadonlyMap<number, readonly RegisterMark[]>;
  /** Of all other channels. */
  readonly ofEvery: readonly RegisterMark[];
  /**
   * By channel, `everyChannel` among them, the UTC days of marks that take effect by themselves,
   * withdrawn ones too: they are days of the series with or without readings, so that whoever
   * reads days comes by the mark.
   */
  readonly days: ReadonlyMap<number, readonly number[]>;
};

export const noMarks: MeterMarks = { ofChannel: new Map(), ofEvery: [], days: new Map() };

/** A register's own words before those of every register; a withdrawn one leaves these. */
function inForce(own: readonly RecordedMark[], every: readonly RecordedMark[]): RegisterMark[] {
  const said = new Map<number, Omit<RecordedMark, 'kind'> & Pick<RegisterMark, 'kind'>>();
  for (const { kind, ...word } of [...every, ...own]) {
    if (kind === 'withdrawn') continue;
    const factor = word.factor ?? said.get(word.atMs)?.factor ?? null;
    said.set(word.atMs, { ...word, kind, factor });
  }
  let last = factorOne;
  return [...said.values()]
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs, kind, finalValue, startValue, factor }) => {
      last = factor ?? last;
      const { numerator, denominator } = last;
      return { atMs, kind, finalValue, startValue, numerator, denominator };
    });
}

/** From the words that count. */
export function marksOfMeter(marks: readonly RecordedMark[]): MeterMarks {
  const every = marks.filter(({ channel }) => channel === everyChannel);
  const own = Map.groupBy(
    marks.filter(({ channel }) => channel !== everyChannel),
    ({ channel }) => channel,
  );
  return {
    ofEvery: inForce([], every),
    ofChannel: new Map([...own].map(([channel, words]) => [channel, inForce(words, every)])),
    days: new Map(
      [...Map.groupBy(marks, ({ channel }) => channel)].map(([channel, words]) => {
        const days = words.flatMap(({ wasBound, atMs }) => (wasBound ? [dayOf(atMs)] : []));
        return [channel, [...new Set(days)]];
      }),
    ),
  };
}

/** What a count of a register stands for just before an instant. */
export function factorBefore(marks: MeterMarks, channel: number, atMs: number): Fraction {
  const last = marksOf(marks, channel).findLast((mark) => mark.atMs < atMs);
  return last ?? factorOne;
}

export function marksOf(marks: MeterMarks, channel: number): readonly RegisterMark[] {
  return marks.ofChannel.get(channel) ?? marks.ofEvery;
}

/** Days of a register's marks, in the order of time. */
export function markDaysOf({ days }: MeterMarks, channel: number): readonly number[] {
  const all = [...(days.get(channel) ?? []), ...(days.get(everyChannel) ?? [])];
  return [...new Set(all)].toSorted((a, b) => a - b);
}

/** How a meter's register is walked, by whoever walks it. */
export function walkOptionsOf(
  meter: {
    readonly powerMaxW: number;
    readonly registerModulusWh: bigint | number | null;
    readonly marks: MeterMarks;
  },
  channel: number,
): WalkOptions {
  const { powerMaxW, registerModulusWh, marks } = meter;
  return {
    powerMaxW,
    registerStepWh: registerStepWhMax,
    registerModulusWh: registerModulusWh === null ? null : Number(registerModulusWh),
    marks: marksOf(marks, channel),
  };
}
