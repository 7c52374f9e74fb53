import type { Statement } from '../db/connect.ts';
import { readDaysWithin } from '../db/seriesReads.ts';
import { importChannel } from '../domain/channel.ts';
import { accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { slotMs } from '../domain/rating/slot.ts';
import { dayOf } from '../domain/series/day.ts';
import { decodeDay } from '../domain/series/dayCodec.ts';
import { qualityVoid } from '../domain/series/quality.ts';
import { dayMs } from '../domain/time/civil.ts';
import { readIntervals } from './readSeries.ts';
import type { IntervalView, SeriesWindow, SeriesWindowCode } from './readSeries.ts';

/** A reading that the series keeps, and the batch that brought it. */
export type KeptReading = {
  readonly atMs: number;
  readonly registerWh: bigint;
  readonly quality: number;
  readonly revision: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly row: number;
};

/** `readings`: those inside the interval; without one it lies between readings further away. */
export type ProfileInterval = IntervalView & { readonly readings: readonly KeptReading[] };

export type LoadProfile = {
  readonly intervals: readonly ProfileInterval[];
  readonly expected: number;
  readonly received: number;
};

async function keptWithin(
  tx: Statement,
  meterId: number,
  { fromMs, toMs }: SeriesWindow,
): Promise<Map<number, KeptReading[]>> {
  const rows = await readDaysWithin(tx, {
    meterId,
    channel: importChannel,
    fromDay: dayOf(fromMs),
    throughDay: dayOf(toMs - 1),
  });
  const kept = new Map<number, KeptReading[]>();
  for (const { bytes } of rows) {
    const day = decodeDay(bytes);
    for (const [place, offsetMs] of day.offsetMs.entries()) {
      const isRepeated = place % 2 === 1 && offsetMs === day.offsetMs[place - 1];
      if (offsetMs === -1 || isRepeated || day.quality[place] === qualityVoid) continue;
      const atMs = day.day * dayMs + offsetMs;
      const startMs = Math.floor(atMs / slotMs) * slotMs;
      const readings = kept.get(startMs) ?? [];
      kept.set(startMs, readings);
      readings.push({
        atMs,
        registerWh: BigInt(day.wh[place]),
        quality: day.quality[place],
        revision: day.revision[place],
        epoch: day.epoch[place],
        sequence: BigInt(day.sequence[place]),
        row: day.row[place],
      });
    }
  }
  return kept;
}

/** The assembled profile: what each quarter hour is worth today, and the readings behind it. */
export async function readLoadProfile(
  tx: Statement,
  meter: Parameters<typeof readIntervals>[1],
  window: SeriesWindow & { readonly nowMs: number },
): Promise<Outcome<LoadProfile, SeriesWindowCode>> {
  const read = await readIntervals(tx, meter, window);
  if (!read.ok) return read;
  const kept = await keptWithin(tx, meter.id, window);
  const { intervals, expected, received } = read.value;
  return accept({
    expected,
    received,
    intervals: intervals.map((interval) => ({
      ...interval,
      readings: kept.get(interval.startMs) ?? [],
    })),
  });
}
