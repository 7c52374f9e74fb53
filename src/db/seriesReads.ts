import { withNewest } from '../domain/series/newestReading.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** A day of the series as its viewer may see it. */
export type DayView = {
  readonly day: number;
  readonly bytes: Uint8Array;
  readonly carryIn: Uint8Array | null;
  readonly revision: number;
};

type StoredView = DayView & { readonly newest: Uint8Array | null };

function viewOf({ newest, ...view }: StoredView): DayView {
  return { ...view, bytes: withNewest(view, newest) };
}

type Window = { meterId: number; channel: number; fromDay: number; throughDay: number };

/** The stored days of a window, in time order. */
export async function readDaysWithin(
  tx: Statement,
  { meterId, channel, fromDay, throughDay }: Window,
): Promise<readonly DayView[]> {
  const rows = await tx<StoredView[]>`
    select d.day, d.bytes, d.carry_in as "carryIn", d.revision, h.newest
    from series_day d left join series_head h using (meter_id, channel)
    where d.meter_id = ${meterId} and d.channel = ${channel}
      and d.day between ${fromDay} and ${throughDay}
    order by d.day`;
  return rows.map(viewOf);
}

/**
 * The same with the neighbouring stored days on both sides: a slot's energy is known from the last
 * reading before its begin and the first at or after its end, which may be days away.
 */
export async function readDaysAround(
  tx: Statement,
  { meterId, channel, fromDay, throughDay }: Window,
): Promise<readonly DayView[]> {
  const rows = await tx<StoredView[]>`
    select d.day, d.bytes, d.carry_in as "carryIn", d.revision, h.newest
    from series_day d left join series_head h using (meter_id, channel)
    where d.meter_id = ${meterId} and d.channel = ${channel}
      and d.day >= coalesce((select max(day) from series_day
                           where meter_id = ${meterId} and channel = ${channel}
                             and day < ${fromDay}), ${fromDay}::int4)
      and d.day <= coalesce((select min(day) from series_day
                           where meter_id = ${meterId} and channel = ${channel}
                             and day > ${throughDay}), ${throughDay}::int4)
    order by d.day`;
  return rows.map(viewOf);
}

/** A day of one register. */
export type RegisterDay = {
  readonly meterId: number;
  readonly channel: number;
  readonly day: number;
  readonly bytes: Uint8Array;
};

/** All that is stored of some meters on a day, of every register. */
export async function readStoredDays(
  tx: Statement,
  { meterIds, day }: { readonly meterIds: readonly number[]; readonly day: number },
): Promise<readonly RegisterDay[]> {
  const rows = await tx<(RegisterDay & { readonly newest: Uint8Array | null })[]>`
    select d.meter_id as "meterId", d.channel, d.day, d.bytes, h.newest
    from series_day d left join series_head h using (meter_id, channel)
    where d.meter_id = any(${integersOf(meterIds)}::int4[]) and d.day = ${day}`;
  return rows.map(({ newest, ...row }) => ({ ...row, bytes: withNewest(row, newest) }));
}
