import { registerStepWhMax } from '../limits.ts';
import { dayOf } from './day.ts';
import type { MarkKind, RegisterMark } from './mark.ts';
import type { WalkOptions } from './walk.ts';

/**
 * Of a mark: it holds for every register of the meter, as a transformer's ratio does, where the
 * register has no word of its own at that instant.
 */
export const everyChannel = 0;

/** The word that counts on a register and an instant. */
export type RecordedMark = Omit<RegisterMark, 'kind'> & {
  readonly channel: number;
  readonly kind: MarkKind | 'withdrawn';
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

function inForce(marks: readonly RecordedMark[]): RegisterMark[] {
  const found: RegisterMark[] = [];
  for (const { atMs, kind, finalValue, startValue, numerator, denominator } of marks) {
    if (kind === 'withdrawn') continue;
    found.push({ atMs, kind, finalValue, startValue, numerator, denominator });
  }
  return found.toSorted((a, b) => a.atMs - b.atMs);
}

/** From the words that count; a withdrawn one leaves what is said of every register. */
export function marksOfMeter(marks: readonly RecordedMark[]): MeterMarks {
  const every = marks.filter(({ channel }) => channel === everyChannel);
  const own = Map.groupBy(
    marks.filter(({ channel }) => channel !== everyChannel),
    ({ channel }) => channel,
  );
  return {
    ofEvery: inForce(every),
    ofChannel: new Map(
      [...own].map(([channel, words]) => {
        const said = new Set(words.flatMap(({ kind, atMs }) => (kind === 'withdrawn' ? [] : atMs)));
        return [channel, inForce([...words, ...every.filter(({ atMs }) => !said.has(atMs))])];
      }),
    ),
    days: new Map(
      [...Map.groupBy(marks, ({ channel }) => channel)].map(([channel, words]) => {
        const days = words.flatMap(({ wasBound, atMs }) => (wasBound ? [dayOf(atMs)] : []));
        return [channel, [...new Set(days)]];
      }),
    ),
  };
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
