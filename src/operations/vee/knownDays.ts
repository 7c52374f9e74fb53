import type { Transaction } from '../../db/connect.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { readDays } from '../../db/series.ts';
import { readFirstDays, readStretches } from '../../db/seriesStretches.ts';
import type { SeriesStretch } from '../../db/seriesStretches.ts';
import { exportChannel, importChannel } from '../../domain/channel.ts';
import { gapBridgedDaysMax } from '../../domain/limits.ts';
import { slotStartMs } from '../../domain/rating/slot.ts';
import { dayOf } from '../../domain/series/day.ts';
import { decodeDay } from '../../domain/series/dayCodec.ts';
import { marksOf } from '../../domain/series/meterMarks.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { localDayAt, localDaysFrom } from './noteDuties.ts';

/** The registers that are billed have days and bills to be judged. */
export const billedChannels = [importChannel, exportChannel] as const;

/** A silence that is not bridged: with a day at either end it is surely longer. */
const holeDaysMax = gapBridgedDaysMax + 1;

export type Days = {
  /** Of a meter's billed registers. */
  readonly stretches: readonly SeriesStretch[];
  /** The local day in which import was first read, or was said to begin; null: never. */
  readonly importFromMs: number | null;
};

type Wanted = { readonly meter: RatedMeter; readonly meterId: number; readonly fromMs: number };

/** Where in its first day the register begins: at its first reading, or a mark before it. */
function beginOf(meter: RatedMeter, day: number, bytes: Uint8Array | undefined): number {
  // Places of slots without a reading have a negative offset.
  const offsetMs = bytes && decodeDay(bytes).offsetMs.find((offset) => offset >= 0);
  const instants = offsetMs === undefined ? [] : [day * dayMs + offsetMs];
  for (const { atMs } of marksOf(meter.marks, importChannel)) {
    if (dayOf(atMs) === day) instants.push(atMs);
  }
  const atMs = instants.length === 0 ? day * dayMs : Math.min(...instants);
  return slotStartMs(localDayAt(meter.timeZone, atMs).firstSlot);
}

/**
 * By place among the wanted, the days that can be judged at all: none before the first reading, and
 * none of a silence so long that its energy is in no slot. Wherever a duty begins, however early
 * the first row that a device sent is dated: what is judged is a function of what was read.
 */
export async function readKnownDays(
  tx: Transaction,
  wanted: readonly Wanted[],
): Promise<readonly Days[]> {
  const stretches = await readStretches(tx, {
    wanted: wanted.map(({ meterId, fromMs }) => ({ meterId, fromDay: dayOf(fromMs) })),
    channels: billedChannels,
    holeDaysMax,
  });
  const meterIds = wanted.map(({ meterId }) => meterId);
  const first = await readFirstDays(tx, { meterIds, channel: importChannel });
  // Of duties behind it, as all live ones are, the first day itself is not looked at.
  const near = wanted.flatMap(({ meterId, fromMs }) => {
    const day = first.get(meterId);
    return day !== undefined && (day + 2) * dayMs > fromMs ? [{ meterId, day }] : [];
  });
  const rows = await readDays(tx, {
    meterId: near.map(({ meterId }) => meterId),
    channel: near.map(() => importChannel),
    day: near.map(({ day }) => day),
  });
  const bytesOf = new Map(rows.map(({ meterId, bytes }) => [meterId, bytes]));
  return wanted.map(({ meter, meterId }, place) => {
    const day = first.get(meterId);
    const importFromMs = day === undefined ? null : beginOf(meter, day, bytesOf.get(meterId));
    return { stretches: stretches.get(place) ?? [], importFromMs };
  });
}

/** The local days of the stretches that lie in [fromMs, untilMs), the first one whole. */
export function knownDays(
  timeZone: string,
  { stretches }: Days,
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
): readonly { readonly fromMs: number; readonly toMs: number }[] {
  return stretches.flatMap(({ firstDay, lastDay }) => {
    const beginMs = Math.max(fromMs, firstDay * dayMs);
    const endMs = Math.min(untilMs, lastDay === null ? Infinity : (lastDay + 1) * dayMs);
    if (endMs <= beginMs) return [];
    const starts = localDaysFrom(timeZone, beginMs, endMs);
    return starts
      .slice(1)
      .map((toMs, at) => ({ fromMs: starts[at], toMs }))
      .filter(({ fromMs: startMs, toMs }) => startMs < endMs && toMs <= untilMs);
  });
}
