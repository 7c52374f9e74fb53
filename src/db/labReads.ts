import { loadChannels, packDays } from '../domain/series/loadOfDays.ts';
import type { PackedDays, PackedMeter } from '../domain/series/loadOfDays.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** Agreements with what they were measured by, for rating that posts nothing. */

export type LabAgreement = {
  readonly agreementId: number;
  readonly companyId: number;
  readonly accountId: number;
  readonly servicePointId: number;
  readonly tariffId: number;
  readonly zone: string;
  readonly currency: string;
  readonly mode: 'prepaid' | 'postpaid';
  readonly attributes: unknown;
  readonly validFromMs: number;
  /** Infinity while it is open. */
  readonly validToMs: number;
};

/** As far as the viewer may see them; the writer sees all, so it names the company. */
export async function readLabAgreements(
  tx: Statement,
  { companyId, agreementIds }: { companyId: number; agreementIds: readonly number[] },
): Promise<readonly LabAgreement[]> {
  const rows = await tx<
    (Omit<LabAgreement, 'validFromMs' | 'validToMs'> & { validFrom: Date; validTo: Date | null })[]
  >`
    select g.id as "agreementId", g.company_id as "companyId", g.account_id as "accountId",
           g.service_point_id as "servicePointId", g.tariff_id as "tariffId",
           s.time_zone as zone, a.currency, g.mode, g.attributes,
           g.valid_from as "validFrom", g.valid_to as "validTo"
    from agreement g
    join account a on a.company_id = g.company_id and a.id = g.account_id
    join service_point s on s.company_id = g.company_id and s.id = g.service_point_id
    where g.company_id = ${companyId} and g.id = any(${integersOf(agreementIds)}::int4[])
    order by g.id`;
  return rows.map(({ validFrom, validTo, ...row }) => ({
    ...row,
    validFromMs: validFrom.getTime(),
    validToMs: validTo?.getTime() ?? Infinity,
  }));
}

type MeterRow = {
  id: number;
  service_point_id: number;
  power_max_w: number;
  register_modulus_wh: bigint | null;
};
type DayRow = {
  meter_id: number;
  channel: number;
  bytes: Uint8Array;
  carry_in: Uint8Array | null;
};

/**
 * The meters at service points with their stored days and the neighbouring ones on both sides: a
 * slot's energy is known from readings that may be days away.
 */
export async function readPackedMeters(
  tx: Statement,
  wanted: {
    readonly companyId: number;
    readonly servicePointIds: readonly number[];
    readonly fromDay: number;
    readonly throughDay: number;
  },
): Promise<ReadonlyMap<number, readonly PackedMeter[]>> {
  const { fromDay, throughDay } = wanted;
  const meters = await tx<MeterRow[]>`
    select id, service_point_id, power_max_w, register_modulus_wh from meter
    where company_id = ${wanted.companyId}
      and service_point_id = any(${integersOf(wanted.servicePointIds)}::int4[])
    order by id`;
  const rows = await tx<DayRow[]>`
    select m.id as meter_id, c.code as channel, d.bytes, d.carry_in
    from unnest(${integersOf(meters.map(({ id }) => id))}::int4[]) as m(id)
    cross join unnest(${integersOf(loadChannels)}::int2[]) as c(code)
    cross join lateral (
      select day, bytes, carry_in from series_day s
      where s.meter_id = m.id and s.channel = c.code
        and s.day >= coalesce((select max(day) from series_day
                               where meter_id = m.id and channel = c.code
                                 and day < ${fromDay}), ${fromDay}::int4)
        and s.day <= coalesce((select min(day) from series_day
                               where meter_id = m.id and channel = c.code
                                 and day > ${throughDay}), ${throughDay}::int4)) d
    order by m.id, c.code, d.day`;
  const days = new Map<string, { bytes: Uint8Array; carryIn: Uint8Array | null }[]>();
  for (const row of rows) {
    const key = `${row.meter_id}/${row.channel}`;
    const list = days.get(key) ?? [];
    list.push({ bytes: row.bytes, carryIn: row.carry_in });
    days.set(key, list);
  }
  const packed = new Map<number, PackedMeter[]>();
  for (const meter of meters) {
    const channels: PackedDays[] = [];
    for (const code of loadChannels) {
      const found = days.get(`${meter.id}/${code}`);
      if (found !== undefined) channels.push(packDays(code, found));
    }
    const list = packed.get(meter.service_point_id) ?? [];
    list.push({
      powerMaxW: meter.power_max_w,
      registerModulusWh:
        meter.register_modulus_wh === null ? null : Number(meter.register_modulus_wh),
      channels,
    });
    packed.set(meter.service_point_id, list);
  }
  return packed;
}
