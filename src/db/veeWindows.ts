import {
  exportChannel,
  phaseChannels,
  q1Channel,
  q2Channel,
  q3Channel,
  q4Channel,
} from '../domain/channel.ts';
import { instantsOf, integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of what there is to validate. */

/** By place among the wanted, begins of a meter's billing periods whose bills are all closed. */
export async function readClosedPeriods(
  statement: Statement,
  wanted: readonly { readonly meterId: number; readonly fromMs: number }[],
): Promise<ReadonlyMap<number, readonly number[]>> {
  if (wanted.length === 0) return new Map();
  const rows = await statement<{ place: bigint; period_start: Date }[]>`
    select w.place - 1 as place, c.period_start
    from unnest(${integersOf(wanted.map((each) => each.meterId))}::int4[],
                ${instantsOf(wanted.map((each) => each.fromMs))}::timestamptz[])
      with ordinality as w(meter_id, from_at, place)
    join charge c on c.meter_id = w.meter_id and c.period_start >= w.from_at
    -- One that was given back for want of readings is no bill.
    where octet_length(c.accumulator) > 0 or c.energy_wh <> 0 or c.amount_micros <> 0
    group by w.place, c.period_start
    having bool_and(c.open_until is null)
    order by w.place, c.period_start`;
  const found = new Map<number, number[]>();
  for (const row of rows) {
    const place = Number(row.place);
    const known = found.get(place) ?? [];
    found.set(place, known);
    known.push(row.period_start.getTime());
  }
  return found;
}

/** By meter, the begin of the first bill at its service point; none of one without bills. */
export async function readFirstBills(
  statement: Statement,
  meterIds: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  if (meterIds.length === 0) return new Map();
  const rows = await statement<{ meter_id: number; first: Date }[]>`
    select m.id as meter_id, min(c.period_start) as first
    from meter m
    join meter b on b.company_id = m.company_id and b.service_point_id = m.service_point_id
    join charge c on c.meter_id = b.id
    where m.id = any(${integersOf(meterIds)}::int4[]) group by m.id`;
  return new Map(rows.map((row) => [row.meter_id, row.first.getTime()]));
}

const siblingChannels = [exportChannel, q1Channel, q2Channel, q3Channel, q4Channel];

/** The registers beside import that meters have, and since which UTC day. */
export async function readSiblings(
  statement: Statement,
  meterIds: readonly number[],
): Promise<
  readonly { readonly meterId: number; readonly channel: number; readonly firstDay: number }[]
> {
  if (meterIds.length === 0) return [];
  return statement<{ meterId: number; channel: number; firstDay: number }[]>`
    select h.meter_id as "meterId", h.channel, d.day as "firstDay"
    from series_head h
    cross join lateral (
      select day from series_day s
      where s.meter_id = h.meter_id and s.channel = h.channel order by day limit 1) d
    where h.meter_id = any(${integersOf(meterIds)}::int4[])
      and h.channel = any(${integersOf(siblingChannels)}::int2[])
    order by h.meter_id, h.channel`;
}

const channelsOfPhases = phaseChannels.flatMap((phase) => [phase.import, phase.export]);

/** The registers of single phases that meters have. */
export async function readPhaseRegisters(
  statement: Statement,
  meterIds: readonly number[],
): Promise<readonly { readonly meterId: number; readonly channel: number }[]> {
  if (meterIds.length === 0) return [];
  return statement<{ meterId: number; channel: number }[]>`
    select meter_id as "meterId", channel from series_head
    where meter_id = any(${integersOf(meterIds)}::int4[])
      and channel = any(${integersOf(channelsOfPhases)}::int2[])
    order by meter_id, channel`;
}

export type HeldBill = {
  readonly meterId: number;
  readonly periodStartMs: number;
};

/** Whether a hold that stands, or none, is what the open decisions say of each closed bill. */
export async function readWrongHolds(
  statement: Statement,
  points: readonly {
    readonly servicePointId: number;
    readonly periodStartMs: number;
    readonly periodEndMs: number;
  }[],
): Promise<readonly HeldBill[]> {
  if (points.length === 0) return [];
  const rows = await statement<{ meter_id: number; period_start: Date }[]>`
    select distinct c.meter_id, c.period_start
    from unnest(${integersOf(points.map((point) => point.servicePointId))}::int4[],
                ${instantsOf(points.map((point) => point.periodStartMs))}::timestamptz[],
                ${instantsOf(points.map((point) => point.periodEndMs))}::timestamptz[])
      as p(service_point_id, period_start, period_end)
    join meter m on m.service_point_id = p.service_point_id
    join charge c on c.meter_id = m.id and c.period_start = p.period_start
      and c.open_until is null
    join agreement g on g.id = c.agreement_id and g.mode = 'postpaid'
    left join charge_hold h on h.agreement_id = c.agreement_id and h.meter_id = c.meter_id
      and h.period_start = c.period_start and h.tariff_version_id = c.tariff_version_id
    where (h.code is not distinct from 'VEE_HELD') <> exists (
      select from meter own
      join vee_decision d on d.meter_id = own.id and d.outcome = 'hold' and d.withdrawn_at is null
        and d.from_at < p.period_end and d.to_at > p.period_start
      where own.service_point_id = p.service_point_id
        and not exists (
          select from vee_resolution r where r.decision_id = d.id and r.kind = 'released'))
      and h.code is distinct from 'CHARGE_HELD'
      and (c.energy_wh <> 0 or c.amount_micros <> 0)
    order by c.meter_id, c.period_start`;
  return rows.map((row) => ({
    meterId: row.meter_id,
    periodStartMs: row.period_start.getTime(),
  }));
}

export type OpenHold = {
  readonly servicePointId: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly message: string;
};

/** Decisions that hold bills of these service points: not withdrawn and not released. */
export async function readOpenHolds(
  statement: Statement,
  servicePointIds: readonly number[],
): Promise<readonly OpenHold[]> {
  if (servicePointIds.length === 0) return [];
  const rows = await statement<
    { service_point_id: number; from_at: Date; to_at: Date; message: string }[]
  >`
    select m.service_point_id, d.from_at, d.to_at, d.message
    from meter m join vee_decision d on d.meter_id = m.id
    where m.service_point_id = any(${integersOf(servicePointIds)}::int4[])
      and d.outcome = 'hold' and d.withdrawn_at is null
      and not exists (
        select from vee_resolution r where r.decision_id = d.id and r.kind = 'released')
    order by m.service_point_id, d.from_at, d.id`;
  return rows.map((row) => ({
    servicePointId: row.service_point_id,
    fromMs: row.from_at.getTime(),
    toMs: row.to_at.getTime(),
    message: row.message,
  }));
}
