import { withNewest } from '../domain/series/newestReading.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** One meter's channel over some days: what a bill is rated from as a whole. */
export type ChannelDays = {
  readonly meterId: number;
  readonly channel: number;
  readonly fromDay: number;
  readonly throughDay: number;
};

export type DayAround = {
  /** Place among what was asked for. */
  readonly wanted: number;
  readonly day: number;
  readonly bytes: Uint8Array;
  readonly carryIn: Uint8Array | null;
};

/**
 * The stored days of each with the neighbouring ones on both sides, in time order: a slot's energy
 * is known from the last reading before its begin and the first at or after its end.
 */
export async function readDaysAroundEach(
  statement: Statement,
  wanted: readonly ChannelDays[],
): Promise<readonly DayAround[]> {
  if (wanted.length === 0) return [];
  const rows = await statement<
    {
      wanted: bigint;
      day: number;
      bytes: Uint8Array;
      carry_in: Uint8Array | null;
      newest: Uint8Array | null;
    }[]
  >`
    select w.ordinal - 1 as wanted, d.day, d.bytes, d.carry_in, h.newest
    from unnest(${integersOf(wanted.map((each) => each.meterId))}::int4[],
                ${integersOf(wanted.map((each) => each.channel))}::int2[],
                ${integersOf(wanted.map((each) => each.fromDay))}::int4[],
                ${integersOf(wanted.map((each) => each.throughDay))}::int4[])
      with ordinality as w(meter_id, channel, from_day, through_day, ordinal)
    cross join lateral (
      select s.day, s.bytes, s.carry_in from series_day s
      where s.meter_id = w.meter_id and s.channel = w.channel
        and s.day >= coalesce((select max(b.day) from series_day b
                               where b.meter_id = w.meter_id and b.channel = w.channel
                                 and b.day < w.from_day), w.from_day)
        and s.day <= coalesce((select min(a.day) from series_day a
                               where a.meter_id = w.meter_id and a.channel = w.channel
                                 and a.day > w.through_day), w.through_day)) d
    left join series_head h on h.meter_id = w.meter_id and h.channel = w.channel
    order by w.ordinal, d.day`;
  return rows.map((row) => ({
    wanted: Number(row.wanted),
    day: row.day,
    bytes: withNewest(row, row.newest),
    carryIn: row.carry_in,
  }));
}
