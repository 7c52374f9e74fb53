import type { Statement } from '../db/connect.ts';
import { readMarks } from '../db/registerMarks.ts';
import { readDaysAround, readDaysWithin } from '../db/seriesReads.ts';
import { readOwnTimes } from '../db/tenancies.ts';
import type { OwnTime } from '../db/tenancies.ts';
import { importChannel } from '../domain/channel.ts';
import { seriesWindowDaysMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { isOnSlotGrid, slotMs, slotOf, slotStartMs } from '../domain/rating/slot.ts';
import { decodeCarry } from '../domain/series/carryCodec.ts';
import { dayOf } from '../domain/series/day.ts';
import type { SeriesDay } from '../domain/series/day.ts';
import { decodeDay } from '../domain/series/dayCodec.ts';
import { noMarks, walkOptionsOf } from '../domain/series/meterMarks.ts';
import { qualityEstimated, qualityMissing, qualityVoid } from '../domain/series/quality.ts';
import { walkDays } from '../domain/series/walk.ts';
import { dayMs } from '../domain/time/civil.ts';

/** [fromMs, toMs). */
export type SeriesWindow = { readonly fromMs: number; readonly toMs: number };
export type SeriesWindowCode = 'WINDOW_EMPTY' | 'WINDOW_TOO_LONG' | 'WINDOW_OFF_GRID';

export type ReadingView = {
  readonly atMs: number;
  readonly registerWh: bigint;
  readonly quality: number;
  readonly revision: number;
};

export type IntervalView = {
  readonly startMs: number;
  readonly endMs: number;
  /** Null: nothing is known of it, which is not zero. */
  readonly energyWh: bigint | null;
  readonly quality: number;
  /** A better reading may still change it. */
  readonly isProvisional: boolean;
  readonly revision: number;
};

export type IntervalsView = {
  readonly intervals: readonly IntervalView[];
  /** Slots of the window that are over. */
  readonly expected: number;
  /** Those among them whose energy is known. */
  readonly received: number;
};

export function checkWindow({ fromMs, toMs }: SeriesWindow): Outcome<null, SeriesWindowCode> {
  if (toMs <= fromMs) {
    return refuse('WINDOW_EMPTY', 'The window ends before it begins. Send a later "to".', ['to']);
  }
  if (toMs - fromMs > seriesWindowDaysMax * dayMs) {
    const message = `A window has at most ${seriesWindowDaysMax} days. Ask for it in parts.`;
    return refuse('WINDOW_TOO_LONG', message, ['to']);
  }
  return accept(null);
}

function collectReadings(
  day: SeriesDay,
  { window, revision }: { window: SeriesWindow; revision: number },
  into: ReadingView[],
): void {
  for (let place = 0; place < day.offsetMs.length; place += 1) {
    const offsetMs = day.offsetMs[place];
    const isRepeated = place % 2 === 1 && offsetMs === day.offsetMs[place - 1];
    if (offsetMs === -1 || isRepeated || day.quality[place] === qualityVoid) continue;
    const atMs = day.day * dayMs + offsetMs;
    if (atMs < window.fromMs || atMs >= window.toMs) continue;
    const registerWh = BigInt(day.wh[place]);
    into.push({ atMs, registerWh, quality: day.quality[place], revision });
  }
}

/** A reading at the end of one tenancy and the begin of the next is both theirs. */
function isWithin(times: readonly OwnTime[] | null, startMs: number, endMs: number): boolean {
  return times === null || times.some(({ fromMs, toMs }) => startMs >= fromMs && endMs <= toMs);
}

/**
 * The readings that the series keeps: the first and the last of each slot, in time order. A
 * subscriber is told those of its own time at the place.
 */
export async function readReadings(
  tx: Statement,
  meter: { readonly id: number },
  window: SeriesWindow,
): Promise<Outcome<readonly ReadingView[], SeriesWindowCode>> {
  const checked = checkWindow(window);
  if (!checked.ok) return checked;
  const rows = await readDaysWithin(tx, {
    meterId: meter.id,
    channel: importChannel,
    fromDay: dayOf(window.fromMs),
    throughDay: dayOf(window.toMs - 1),
  });
  const readings: ReadingView[] = [];
  for (const { bytes, revision } of rows) {
    collectReadings(decodeDay(bytes), { window, revision }, readings);
  }
  const times = await readOwnTimes(tx, meter.id);
  return accept(readings.filter(({ atMs }) => isWithin(times, atMs, atMs)));
}

type WalkedMeter = {
  readonly id: number;
  readonly powerMaxW: number;
  readonly registerModulusWh: bigint | null;
};

/**
 * The days of a window and around it, walked. Where the day behind it has no reading that is
 * believed, the next one is read too: the energy up to it flowed in the window.
 */
async function walkAround(tx: Statement, meter: WalkedMeter, { fromMs, toMs }: SeriesWindow) {
  const marks = (await readMarks(tx, [meter.id])).get(meter.id) ?? noMarks;
  const options = walkOptionsOf({ ...meter, marks }, importChannel);
  const window = { meterId: meter.id, channel: importChannel, fromDay: dayOf(fromMs) };
  let throughDay = dayOf(toMs - 1);
  for (;;) {
    const rows = await readDaysAround(tx, { ...window, throughDay });
    const days = rows.map((row) => decodeDay(row.bytes));
    const walked = walkDays(days, decodeCarry(rows[0]?.carryIn ?? null), options);
    const lastDay = rows.at(-1)?.day ?? throughDay;
    const isReached = walked.carryOut !== null && walked.carryOut.lastAtMs >= toMs;
    if (isReached || lastDay <= throughDay) return { rows, walked };
    throughDay = lastDay;
  }
}

/**
 * Energy of each quarter hour of a window, by the same walk over the same readings that rating
 * takes, so that the two never differ. Slots that nothing is known of are there, without energy;
 * those of somebody else's time at the place are not told to a subscriber.
 */
export async function readIntervals(
  tx: Statement,
  meter: WalkedMeter,
  { fromMs, toMs, nowMs }: SeriesWindow & { readonly nowMs: number },
): Promise<Outcome<IntervalsView, SeriesWindowCode>> {
  const checked = checkWindow({ fromMs, toMs });
  if (!checked.ok) return checked;
  if (!isOnSlotGrid(fromMs) || !isOnSlotGrid(toMs)) {
    const message = 'Intervals begin and end on quarter hours, such as 00:00 or 00:15.';
    return refuse('WINDOW_OFF_GRID', message, ['from']);
  }
  const times = await readOwnTimes(tx, meter.id);
  const { rows, walked } = await walkAround(tx, meter, { fromMs, toMs });
  const revisions = new Map(rows.map((row) => [row.day, row.revision]));
  // A slot that a reading beyond its end closed is interpolated until a nearer one comes.
  const settledSlot = walked.carrySettled?.boundarySlot ?? -1;
  const intervals: IntervalView[] = [];
  let received = 0;
  const endMs = Math.min(toMs, slotStartMs(slotOf(nowMs)));
  for (let startMs = fromMs; startMs < endMs; startMs += slotMs) {
    if (!isWithin(times, startMs, startMs + slotMs)) continue;
    const slot = slotOf(startMs);
    const index = slot - walked.firstSlot;
    const isWalked = index >= 0 && index < walked.slotWh.length;
    const wh = isWalked ? walked.slotWh[index] : Number.NaN;
    const isKnown = !Number.isNaN(wh);
    const quality = isKnown ? walked.slotQuality[index] : qualityMissing;
    if (isKnown) received += 1;
    intervals.push({
      startMs,
      endMs: startMs + slotMs,
      energyWh: isKnown ? BigInt(wh) : null,
      quality,
      isProvisional: quality >= qualityEstimated || slot >= settledSlot,
      revision: revisions.get(dayOf(startMs)) ?? 0,
    });
  }
  return accept({ intervals, expected: intervals.length, received });
}
