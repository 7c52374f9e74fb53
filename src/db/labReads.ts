import { decodeCarry } from '../domain/series/carryCodec.ts';
import { decodeDay } from '../domain/series/dayCodec.ts';
import { loadChannels, packDays } from '../domain/series/loadOfDays.ts';
import type { PackedDays, PackedMeter } from '../domain/series/loadOfDays.ts';
import { marksOf, noMarks, walkOptionsOf } from '../domain/series/meterMarks.ts';
import type { MeterMarks } from '../domain/series/meterMarks.ts';
import { walkDays } from '../domain/series/walk.ts';
import { dayMs } from '../domain/time/civil.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { readMarks } from './registerMarks.ts';
import { readDaysAroundEach } from './seriesAround.ts';
import type { ChannelDays, DayAround } from './seriesAround.ts';

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

type LabMeter = {
  readonly id: number;
  readonly servicePointId: number;
  readonly powerMaxW: number;
  readonly registerModulusWh: number | null;
  readonly marks: MeterMarks;
};

type Place = ChannelDays & { readonly meter: LabMeter };

/** Whether a stored day has a reading that is believed, by what was known at its beginning. */
function isBelieved({ day, bytes, carryIn }: DayAround, { meter, channel }: Place): boolean {
  const options = walkOptionsOf(meter, channel);
  const { carryOut } = walkDays([decodeDay(bytes)], decodeCarry(carryIn), options);
  return carryOut !== null && carryOut.lastAtMs >= day * dayMs;
}

/**
 * Of each place its days and the neighbouring ones on both sides. Where the day behind has no
 * reading that is believed, the next one is read too: the energy up to it flowed before.
 */
async function readDays(
  tx: Statement,
  places: readonly Place[],
): Promise<ReadonlyMap<Place, readonly DayAround[]>> {
  const found = new Map<Place, DayAround[]>();
  let open = places.map((place) => ({ ...place, place, afterDay: -Infinity }));
  while (open.length > 0) {
    for (const row of await readDaysAroundEach(tx, open)) {
      const { place, afterDay } = open[row.wanted];
      if (row.day <= afterDay) continue;
      const days = found.get(place) ?? [];
      found.set(place, days);
      days.push(row);
    }
    open = open.flatMap(({ place, throughDay }) => {
      const last = found.get(place)?.at(-1);
      // Days up to the end alone: nothing is stored behind them.
      if (last === undefined || last.day <= throughDay) return [];
      if (isBelieved(last, place)) return [];
      const further = { fromDay: last.day, throughDay: last.day, afterDay: last.day };
      return [{ ...place, place, ...further }];
    });
  }
  return found;
}

async function readMeters(
  tx: Statement,
  wanted: { readonly companyId: number; readonly servicePointIds: readonly number[] },
): Promise<readonly LabMeter[]> {
  const rows = await tx<
    {
      id: number;
      service_point_id: number;
      power_max_w: number;
      register_modulus_wh: bigint | null;
    }[]
  >`
    select id, service_point_id, power_max_w, register_modulus_wh from meter
    where company_id = ${wanted.companyId}
      and service_point_id = any(${integersOf(wanted.servicePointIds)}::int4[])
    order by id`;
  const marks = await readMarks(
    tx,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({
    id: row.id,
    servicePointId: row.service_point_id,
    powerMaxW: row.power_max_w,
    registerModulusWh: row.register_modulus_wh === null ? null : Number(row.register_modulus_wh),
    marks: marks.get(row.id) ?? noMarks,
  }));
}

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
  const meters = await readMeters(tx, wanted);
  const places = meters.flatMap((meter) =>
    loadChannels.map((channel): Place => ({
      meter,
      meterId: meter.id,
      channel,
      fromDay,
      throughDay,
    })),
  );
  const found = await readDays(tx, places);
  const packed = new Map<number, PackedMeter[]>();
  const byMeter = new Map<LabMeter, PackedDays[]>();
  for (const meter of meters) {
    const list = packed.get(meter.servicePointId) ?? [];
    packed.set(meter.servicePointId, list);
    const channels: PackedDays[] = [];
    const { powerMaxW, registerModulusWh } = meter;
    list.push({ powerMaxW, registerModulusWh, channels });
    byMeter.set(meter, channels);
  }
  for (const place of places) {
    const days = found.get(place);
    if (days === undefined) continue;
    const { meter, channel } = place;
    byMeter.get(meter)?.push(packDays(channel, days, marksOf(meter.marks, channel)));
  }
  return packed;
}
