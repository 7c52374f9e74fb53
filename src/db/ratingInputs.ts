import type { Medium } from '../domain/medium.ts';
import { noMarks } from '../domain/series/meterMarks.ts';
import type { MeterMarks } from '../domain/series/meterMarks.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { readMarks } from './registerMarks.ts';

/** What rating reads of the registry: meters with their marks, agreements, tariff versions. */

export type RatedMeter = {
  readonly meterId: number;
  readonly companyId: number;
  readonly edgeId: number;
  readonly servicePointId: number;
  readonly timeZone: string;
  /** Of its service point. */
  readonly isKeyZone: boolean;
  /** What flows through it. */
  readonly medium: Medium;
  readonly powerMaxW: number;
  readonly registerModulusWh: bigint | null;
  readonly contactorUnitId: number | null;
  readonly marks: MeterMarks;
};

export type RatedAgreement = {
  readonly agreementId: number;
  readonly companyId: number;
  readonly accountId: number;
  readonly servicePointId: number;
  readonly tariffId: number;
  readonly currency: string;
  readonly mode: 'prepaid' | 'postpaid';
  readonly validFromMs: number;
  /** Infinity while it is open. */
  readonly validToMs: number;
  readonly balanceLimitMicros: bigint;
  readonly reconnectMicros: bigint;
  /** As registered; domain/tariff/attributes reads it. */
  readonly attributes: unknown;
  /** The ledger accounts of a posting. */
  readonly customerLedgerId: number;
  readonly revenueLedgerId: number;
};

export type RatedVersion = {
  readonly versionId: number;
  readonly tariffId: number;
  readonly validFromMs: number;
  /** The document's own; null: the service point's. */
  readonly zone: string | null;
  readonly document: unknown;
};

/**
 * The meters at the service points of these meters, themselves included, in the order of their
 * ids; a meter that is not registered is simply absent.
 */
export async function readMetersBeside(
  statement: Statement,
  meterIds: Int32Array | readonly number[],
): Promise<readonly RatedMeter[]> {
  const rows = await statement<
    {
      id: number;
      company_id: number;
      edge_id: number;
      service_point_id: number;
      time_zone: string;
      is_key_zone: boolean;
      medium: Medium;
      power_max_w: number;
      register_modulus_wh: bigint | null;
      contactor_unit_id: number | null;
    }[]
  >`
    select m.id, m.company_id, m.edge_id, m.service_point_id, s.time_zone, s.is_key_zone,
           m.medium, m.power_max_w, m.register_modulus_wh, m.contactor_unit_id
    from meter m join service_point s on s.id = m.service_point_id
    where m.service_point_id in (
      select service_point_id from meter where id = any(${integersOf(meterIds)}::int4[]))
    order by m.id`;
  const marks = await readMarks(
    statement,
    rows.map((row) => row.id),
  );
  return rows.map((row) => ({
    meterId: row.id,
    companyId: row.company_id,
    edgeId: row.edge_id,
    servicePointId: row.service_point_id,
    timeZone: row.time_zone,
    isKeyZone: row.is_key_zone,
    medium: row.medium,
    powerMaxW: row.power_max_w,
    registerModulusWh: row.register_modulus_wh,
    contactorUnitId: row.contactor_unit_id,
    marks: marks.get(row.id) ?? noMarks,
  }));
}

export async function readAgreements(
  statement: Statement,
  servicePointIds: readonly number[],
): Promise<readonly RatedAgreement[]> {
  const rows = await statement<
    {
      id: number;
      company_id: number;
      account_id: number;
      service_point_id: number;
      tariff_id: number;
      currency: string;
      mode: 'prepaid' | 'postpaid';
      valid_from: Date;
      valid_to: Date | null;
      balance_limit_micros: bigint;
      reconnect_micros: bigint;
      attributes: unknown;
      customer_id: number;
      revenue_id: number;
    }[]
  >`
    select g.id, g.company_id, g.account_id, g.service_point_id, g.tariff_id, a.currency, g.mode,
           g.valid_from, g.valid_to, g.balance_limit_micros, g.reconnect_micros, g.attributes,
           c.id as customer_id, r.id as revenue_id
    from agreement g
    join account a on a.id = g.account_id
    -- From these agreements on: joined freely, the accounts of all companies may be read for them.
    cross join lateral (
      select l.id from ledger_account l
      where l.account_id = a.id and l.company_id = g.company_id and l.code = 'customer' offset 0) c
    cross join lateral (
      select l.id from ledger_account l
      where l.company_id = g.company_id and l.code = 'energy_revenue' and l.currency = a.currency
      offset 0) r
    where g.service_point_id = any(${integersOf(servicePointIds)}::int4[])
    order by g.service_point_id, g.valid_from, g.id`;
  return rows.map((row) => ({
    agreementId: row.id,
    companyId: row.company_id,
    accountId: row.account_id,
    servicePointId: row.service_point_id,
    tariffId: row.tariff_id,
    currency: row.currency,
    mode: row.mode,
    validFromMs: row.valid_from.getTime(),
    validToMs: row.valid_to?.getTime() ?? Infinity,
    balanceLimitMicros: row.balance_limit_micros,
    reconnectMicros: row.reconnect_micros,
    attributes: row.attributes,
    customerLedgerId: row.customer_id,
    revenueLedgerId: row.revenue_id,
  }));
}

export async function readVersions(
  statement: Statement,
  tariffIds: readonly number[],
): Promise<readonly RatedVersion[]> {
  const rows = await statement<
    { id: number; tariff_id: number; valid_from: Date; zone: string | null; document: unknown }[]
  >`
    select id, tariff_id, valid_from, document->>'zone' as zone, document from tariff_version
    where tariff_id = any(${integersOf(tariffIds)}::int4[])
    order by tariff_id, valid_from`;
  return rows.map((row) => ({
    versionId: row.id,
    tariffId: row.tariff_id,
    validFromMs: row.valid_from.getTime(),
    zone: row.zone,
    document: row.document,
  }));
}

/** Moves with every change of the registry, its prices, marks and what agreements say. */
export async function registryMark(statement: Statement): Promise<string> {
  const [row] = await statement<{ mark: string }[]>`
    select concat_ws('/', (select max(id) from tariff_version), (select max(id) from agreement),
                     (select max(id) from meter), (select max(id) from pricing_change),
                     (select max(id) from register_mark),
                     (select count(*) from edge where kind = 'office')) as mark`;
  return row?.mark ?? '';
}

/** Edges that enter readings of all meters of their company. */
export async function readOffices(
  statement: Statement,
): Promise<readonly { readonly edgeId: number; readonly companyId: number }[]> {
  return statement<{ edgeId: number; companyId: number }[]>`
    select id as "edgeId", company_id as "companyId" from edge where kind = 'office'`;
}
