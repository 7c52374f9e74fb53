import type { Statement } from '../../db/connect.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { readDaysAroundEach } from '../../db/seriesAround.ts';
import type { ChannelDays } from '../../db/seriesAround.ts';
import { readOutages } from '../../db/veeFacts.ts';
import type { MeterSpan } from '../../db/veeFacts.ts';
import { slotMs, slotOf, slotsPerDay } from '../../domain/rating/slot.ts';
import { decodeCarry } from '../../domain/series/carryCodec.ts';
import { dayOf, placesPerDay } from '../../domain/series/day.ts';
import type { SeriesDay } from '../../domain/series/day.ts';
import { decodeDay } from '../../domain/series/dayCodec.ts';
import { walkOptionsOf } from '../../domain/series/meterMarks.ts';
import { qualityVoid } from '../../domain/series/quality.ts';
import { walkDays } from '../../domain/series/walk.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { intervalEnergyChannel } from '../../domain/channel.ts';
import type { SlotColumns, Span } from '../../domain/vee/window.ts';
import type { SlotHistory } from './slotHistory.ts';

/** Energies of quarter hours, each told by the reading that ends it, from days of channel 257. */
export function intervalsOf(
  days: readonly SeriesDay[],
  { fromMs, toMs }: Span,
): SlotColumns | null {
  const firstSlot = slotOf(fromMs);
  const count = slotOf(toMs - 1) - firstSlot + 1;
  const wh = new Float64Array(count).fill(Number.NaN);
  const quality = new Uint8Array(count);
  for (const day of days) {
    for (let place = 0; place < placesPerDay; place += 1) {
      const offsetMs = day.offsetMs[place];
      if (offsetMs === -1 || offsetMs % slotMs !== 0 || day.quality[place] === qualityVoid)
        continue;
      const at = slotOf(day.day * dayMs + offsetMs) - 1 - firstSlot;
      if (at < 0 || at >= count) continue;
      wh[at] = day.wh[place];
      quality[at] = day.quality[place];
    }
  }
  return wh.every((each) => Number.isNaN(each)) ? null : { firstSlot, wh, quality };
}

/** Channel 257 of some meters over their spans; days that a commit has in hand go before stored. */
export async function readIntervals(
  tx: Statement,
  spans: readonly MeterSpan[],
  inHand: ReadonlyMap<number, readonly SeriesDay[]>,
): Promise<ReadonlyMap<number, readonly SeriesDay[]>> {
  const wanted = spans.map(({ meterId, fromMs, toMs }) => ({
    meterId,
    channel: intervalEnergyChannel,
    fromDay: dayOf(fromMs),
    throughDay: dayOf(toMs),
  }));
  const found = new Map<number, Map<number, SeriesDay>>();
  for (const { wanted: index, day, bytes } of await readDaysAroundEach(tx, wanted)) {
    const { meterId } = wanted[index];
    const days = found.get(meterId) ?? new Map<number, SeriesDay>();
    found.set(meterId, days);
    days.set(day, decodeDay(bytes));
  }
  for (const [meterId, days] of inHand) {
    const known = found.get(meterId) ?? new Map<number, SeriesDay>();
    found.set(meterId, known);
    for (const day of days) known.set(day.day, day);
  }
  return new Map([...found].map(([meterId, days]) => [meterId, [...days.values()]]));
}

export type OutagesByMeter = ReadonlyMap<number, readonly Span[]>;

export async function outagesOf(
  tx: Statement,
  spans: readonly MeterSpan[],
): Promise<OutagesByMeter> {
  return byMeter(await readOutages(tx, spans));
}

export function byMeter(spans: readonly MeterSpan[]): OutagesByMeter {
  const found = new Map<number, Span[]>();
  for (const { meterId, fromMs, toMs } of spans) {
    const known = found.get(meterId) ?? [];
    found.set(meterId, known);
    known.push({ fromMs, toMs });
  }
  return found;
}

type WantedSlots = {
  readonly meter: RatedMeter;
  readonly channel: number;
  readonly fromDay: number;
  readonly throughDay: number;
  readonly into: SlotHistory;
};

/** Walks stored days and keeps their slots; in one statement for all registers. */
export async function readSlots(tx: Statement, wanted: readonly WantedSlots[]): Promise<void> {
  const asked = wanted.map(({ meter, channel, fromDay, throughDay }): ChannelDays => ({
    meterId: meter.meterId,
    channel,
    fromDay,
    throughDay,
  }));
  const rows = await readDaysAroundEach(tx, asked);
  const byWanted = Map.groupBy(rows, (row) => row.wanted);
  for (const [index, days] of byWanted) {
    const { meter, channel, into } = wanted[index];
    const walked = walkDays(
      days.map(({ bytes }) => decodeDay(bytes)),
      decodeCarry(days[0].carryIn),
      walkOptionsOf(meter, channel),
    );
    into.put(walked);
  }
}

export function firstSlotOfDay(day: number): number {
  return day * slotsPerDay;
}
