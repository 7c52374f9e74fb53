import type { StoredDay } from '../../db/series.ts';
import { slotMs, slotOf, slotsPerDay } from '../../domain/rating/slot.ts';
import { dayOf } from '../../domain/series/day.ts';
import type { SeriesDay } from '../../domain/series/day.ts';
import { encodeDay } from '../../domain/series/dayCodec.ts';
import { dayRow, mergeRuns, nothingKnown, openDay } from './advanceRegister.ts';
import type { Advance, OpenDay } from './advanceRegister.ts';
import type { RegisterWork } from './gatherReadings.ts';

/** Energies of intervals as a meter tells them: kept as they came, never walked or billed. */
export type KeptIntervals = {
  readonly days: readonly OpenDay[];
  readonly advance: Advance;
  /** Ends of intervals that were not known so before. */
  readonly changedMs: readonly number[];
};

/** UTC days in which intervals end, and those in which they or the slot before them begin. */
export function daysTouched({ days }: RegisterWork): readonly number[] {
  return [...days.keys()].flatMap((day) => [day - 1, day]);
}

function endsOf(work: RegisterWork, day: number, fromMs: number): number[] {
  const ends: number[] = [];
  for (const { columns, from, to } of work.days.get(day) ?? []) {
    for (let row = from; row < to; row += 1) {
      if (columns.readAtMs[row] >= fromMs) ends.push(columns.readAtMs[row]);
    }
  }
  return ends;
}

export function keepIntervals(
  work: RegisterWork,
  storedOf: (day: number) => StoredDay | null,
): KeptIntervals {
  const { meter, channel } = work;
  const days: OpenDay[] = [];
  const changedMs: number[] = [];
  for (const [day, runs] of work.days) {
    const open = openDay(day, storedOf(day));
    const changedFromMs = mergeRuns(open, runs);
    days.push(open);
    changedMs.push(...endsOf(work, day, changedFromMs));
  }
  days.sort((a, b) => a.day - b.day);
  const register = { meter, channel: channel.code };
  // Without a head nothing of a day is kept elsewhere.
  const rows = days
    .filter(({ isWritten }) => isWritten)
    .map((open) => dayRow(register, open, { storedBytes: encodeDay(open.series), carryIn: null }));
  const advance = { ...nothingKnown, days: rows };
  return { days, advance, changedMs };
}

/**
 * Whether the register was read in the slot of an interval and in both beside it: then no gap of
 * more than two slots touches the interval, not even with a part of its slot.
 */
function isReadAround(endMs: number, dayAt: (day: number) => SeriesDay | null): boolean {
  return [endMs - slotMs - 1, endMs - 1, endMs].every((atMs) => {
    const day = dayOf(atMs);
    const place = 2 * (slotOf(atMs) - day * slotsPerDay);
    return (dayAt(day)?.offsetMs[place] ?? -1) !== -1;
  });
}

/**
 * The day from which on a meter's main register is walked again, because energies of intervals came
 * to be known inside a gap that was closed without them; null: none did.
 */
export function gapDayOf(
  { changedMs }: KeptIntervals,
  lastAtMs: number,
  dayAt: (day: number) => SeriesDay | null,
): number | null {
  const inGap = changedMs.filter((endMs) => endMs <= lastAtMs && !isReadAround(endMs, dayAt));
  return inGap.length === 0 ? null : dayOf(Math.min(...inGap) - 1);
}
