import type { Statement } from './connect.ts';

/** SQL of exchanging a meter: another one in its place, with what hangs on the place. */

export type ExchangedMeter = {
  readonly id: number;
  readonly companyId: number;
  readonly serial: string;
  readonly servicePointId: number;
  readonly mapName: string;
  readonly powerMaxW: number;
};

/** The meter as far as the viewer may see it. */
export async function findExchanged(
  tx: Statement,
  { companyId, meterId }: { readonly companyId: number; readonly meterId: number },
): Promise<ExchangedMeter | null> {
  const [row] = await tx<ExchangedMeter[]>`
    select id, company_id as "companyId", serial, service_point_id as "servicePointId",
           map_name as "mapName", power_max_w as "powerMaxW"
    from meter where company_id = ${companyId} and id = ${meterId}`;
  return row ?? null;
}

export async function isSerialTaken(
  tx: Statement,
  { companyId, serial }: { readonly companyId: number; readonly serial: string },
): Promise<boolean> {
  const [row] = await tx<{ is_taken: boolean }[]>`
    select exists (select from meter
                   where company_id = ${companyId} and serial = ${serial}) as is_taken`;
  return row?.is_taken ?? false;
}

/**
 * The new meter at the service point and edge of the old one. It takes over the old one's address
 * on its bus and its contactor, in the state in which it is and watched as it was; the old one
 * keeps none of these.
 */
export async function insertExchange(
  tx: Statement,
  old: ExchangedMeter,
  meter: {
    readonly serial: string;
    readonly mapName: string;
    readonly powerMaxW: number;
    readonly registerModulusWh: bigint | null;
  },
): Promise<number> {
  const modulus = meter.registerModulusWh?.toString() ?? null;
  const [place] = await tx<
    {
      bus_id: number | null;
      unit_id: number | null;
      contactor_unit_id: number | null;
      contactor_coil: number | null;
      limiter_register: number | null;
    }[]
  >`
    select bus_id, unit_id, contactor_unit_id, contactor_coil, limiter_register
    from meter where id = ${old.id}`;
  await tx`
    update meter
    set bus_id = null, unit_id = null, contactor_unit_id = null, contactor_coil = null,
        limiter_register = null
    where id = ${old.id}`;
  const [row] = await tx<{ id: number }[]>`
    insert into meter (company_id, edge_id, service_point_id, serial, bus_id, unit_id, map_name,
                       medium, power_max_w, register_modulus_wh, contactor_unit_id, contactor_coil,
                       limiter_register)
    select company_id, edge_id, service_point_id, ${meter.serial}, ${place?.bus_id ?? null}::int4,
           ${place?.unit_id ?? null}::int2, ${meter.mapName}, medium, ${meter.powerMaxW},
           ${modulus}::int8, ${place?.contactor_unit_id ?? null}::int2,
           ${place?.contactor_coil ?? null}::int2, ${place?.limiter_register ?? null}::int2
    from meter where id = ${old.id} returning id`;
  if (row === undefined) throw new Error('METER_MISSING: the meter just read cannot be exchanged');
  await tx`
    insert into supply (meter_id, company_id, state, cause, since)
    select ${row.id}::int4, company_id, state, cause, since from supply where meter_id = ${old.id}`;
  // The new register begins elsewhere.
  await tx`
    update supply_watch set meter_id = ${row.id}, register_wh = null, over_since = null
    where meter_id = ${old.id}`;
  return row.id;
}
