import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

export type SeriesStretch = {
  /** UTC days, both with readings of one of the registers. */
  readonly firstDay: number;
  /** Null: the series goes on to its end without a hole. */
  readonly lastDay: number | null;
};

/**
 * By place among the wanted, where a meter's registers have days: stretches without a hole of more
 * than so many days, from the last day before `fromDay` on.
 */
export async function readStretches(
  statement: Statement,
  {
    wanted,
    channels,
    holeDaysMax,
  }: {
    readonly wanted: readonly { readonly meterId: number; readonly fromDay: number }[];
    readonly channels: readonly number[];
    readonly holeDaysMax: number;
  },
): Promise<ReadonlyMap<number, readonly SeriesStretch[]>> {
  if (wanted.length === 0) return new Map();
  const registers = integersOf(channels);
  // The last day before is looked up register by register, from the end of the index.
  const rows = await statement<{ place: bigint; day: number; before: number | null }[]>`
    select w.place - 1 as place, d.day, d.before
    from unnest(${integersOf(wanted.map((each) => each.meterId))}::int4[],
                ${integersOf(wanted.map((each) => each.fromDay))}::int4[])
      with ordinality as w(meter_id, from_day, place)
    cross join lateral (
      select max(b.day) as day from unnest(${registers}::int2[]) as c(channel)
      cross join lateral (
        select day from series_day s
        where s.meter_id = w.meter_id and s.channel = c.channel and s.day < w.from_day
        order by s.day desc limit 1) b) l
    cross join lateral (
      select s.day, lag(s.day) over (order by s.day) as before from series_day s
      where s.meter_id = w.meter_id and s.channel = any(${registers}::int2[])
        and s.day >= coalesce(l.day, w.from_day)) d
    where d.before is null or d.day - d.before > ${holeDaysMax}
    order by w.place, d.day`;
  const found = new Map<number, SeriesStretch[]>();
  for (const [place, begins] of Map.groupBy(rows, (row) => Number(row.place))) {
    found.set(
      place,
      begins.map(({ day }, at) => ({
        firstDay: day,
        lastDay: begins[at + 1]?.before ?? null,
      })),
    );
  }
  return found;
}

/** By meter, the first day of a register that it has. */
export async function readFirstDays(
  statement: Statement,
  { meterIds, channel }: { readonly meterIds: readonly number[]; readonly channel: number },
): Promise<ReadonlyMap<number, number>> {
  if (meterIds.length === 0) return new Map();
  const rows = await statement<{ meterId: number; day: number }[]>`
    select w.meter_id as "meterId", d.day
    from unnest(${integersOf(meterIds)}::int4[]) as w(meter_id)
    cross join lateral (
      select day from series_day s where s.meter_id = w.meter_id and s.channel = ${channel}
      order by day limit 1) d`;
  return new Map(rows.map(({ meterId, day }) => [meterId, day]));
}
