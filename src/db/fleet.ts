import { createHash } from 'node:crypto';
import type { CustomerClass, FleetBus, FleetServicePoint } from '../domain/fleet.ts';
import type { Medium } from '../domain/medium.ts';
import type { AttributesShape } from '../domain/tariff/shape.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/**
 * Registry rows by their natural keys. Each function inserts what is missing and returns the rows
 * as they stand, so that the caller can see where the registry says something else.
 */

/** Any constant of its own. Registrations take turns: some natural keys have no unique index. */
const registrationLock = 7_425_300_913n;

/** Rows as one json parameter; via text, because a json parameter would be quoted a second time. */
function recordsOf(rows: readonly object[]): string {
  return JSON.stringify(rows, (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

function hexBytes(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes).toString('hex')}`;
}

export async function lockRegistration(tx: Statement): Promise<void> {
  await tx`select pg_advisory_xact_lock(${registrationLock.toString()}::int8)`;
}

export async function insertCompany(tx: Statement, name: string): Promise<number> {
  await tx`insert into company (name) values (${name}) on conflict do nothing`;
  const [row] = await tx<{ id: number }[]>`select id from company where name = ${name}`;
  if (row === undefined) throw new Error('COMPANY_MISSING: the row just written cannot be read');
  return row.id;
}

export type EdgeRow = {
  readonly id: number;
  readonly name: string;
  readonly logShard: number;
  readonly kind: 'gateway' | 'office';
};

/** `logShard` null takes the next shard in turn, counted over all edges of the database. */
export async function insertEdges(
  tx: Statement,
  companyId: number,
  edges: readonly { readonly name: string; readonly logShard: number | null }[],
): Promise<readonly EdgeRow[]> {
  await tx`
    insert into edge (company_id, name, log_shard)
    select ${companyId}::int4, r.name,
           coalesce(r."logShard", ((select count(*) from edge) + row_number() over () - 1) %
                                  (select count(*) from log_head))
    from json_to_recordset(${recordsOf(edges)}::text::json) as r(name text, "logShard" int2)
    where not exists (select from edge e
                      where e.company_id = ${companyId} and e.name = r.name)`;
  return tx<EdgeRow[]>`
    select id, name, log_shard as "logShard", kind from edge where company_id = ${companyId}`;
}

/** The id of a key as batches carry it: the first 16 bytes of its SHA-256. */
export function keyIdOf(publicKey: Uint8Array): Uint8Array {
  return createHash('sha256').update(publicKey).digest().subarray(0, 16);
}

export type RegisteredKey = {
  readonly publicKey: Uint8Array;
  readonly edgeId: number;
  readonly isRevoked: boolean;
};

/** The edge that each key stands for, also where another company had registered it first. */
export async function insertEdgeKeys(
  tx: Statement,
  companyId: number,
  keys: readonly { readonly edgeId: number; readonly publicKey: Uint8Array }[],
): Promise<readonly RegisteredKey[]> {
  const records = recordsOf(
    keys.map(({ edgeId, publicKey }) => ({
      edgeId,
      keyId: hexBytes(keyIdOf(publicKey)),
      publicKey: hexBytes(publicKey),
    })),
  );
  await tx`
    insert into edge_key (key_id, company_id, edge_id, public_key)
    select r."keyId", ${companyId}, r."edgeId", r."publicKey"
    from json_to_recordset(${records}::text::json)
      as r("keyId" bytea, "edgeId" int4, "publicKey" bytea)
    on conflict do nothing`;
  return tx<RegisteredKey[]>`
    select k.public_key as "publicKey", k.edge_id as "edgeId",
           k.revoked_at is not null as "isRevoked"
    from edge_key k
    join json_to_recordset(${records}::text::json) as r("keyId" bytea) on r."keyId" = k.key_id`;
}

export type BusRow = { readonly id: number; readonly edgeId: number; readonly name: string };

/** A bus that is known takes its declared address and interval: sockets move, meters do not. */
export async function upsertBuses(
  tx: Statement,
  companyId: number,
  buses: readonly (FleetBus & { readonly edgeId: number })[],
): Promise<readonly BusRow[]> {
  const records = recordsOf(buses);
  await tx`
    insert into bus (company_id, edge_id, name, address, poll_interval_ms)
    select ${companyId}, r."edgeId", r.name, r.address, r."pollIntervalMs"
    from json_to_recordset(${records}::text::json)
      as r("edgeId" int4, name text, address jsonb, "pollIntervalMs" int4)
    on conflict do nothing`;
  const moved = await tx<{ id: number; address: string; pollIntervalMs: number }[]>`
    select b.id, r.address::text as address, r."pollIntervalMs"
    from json_to_recordset(${records}::text::json)
      as r("edgeId" int4, name text, address jsonb, "pollIntervalMs" int4)
    join bus b on b.edge_id = r."edgeId" and b.name = r.name
    where b.address <> r.address or b.poll_interval_ms <> r."pollIntervalMs"`;
  for (const { id, address, pollIntervalMs } of moved) {
    await tx`
      update bus set address = ${address}::text::jsonb, poll_interval_ms = ${pollIntervalMs}
      where id = ${id}`;
  }
  return tx<BusRow[]>`
    select id, edge_id as "edgeId", name from bus where company_id = ${companyId}`;
}

export type ServicePointRow = {
  readonly id: number;
  readonly name: string;
  readonly timeZone: string;
  readonly isKeyZone: boolean;
  readonly customerClass: CustomerClass;
  readonly isOccupied: boolean;
};

export async function insertServicePoints(
  tx: Statement,
  companyId: number,
  points: readonly FleetServicePoint[],
): Promise<readonly ServicePointRow[]> {
  await tx`
    insert into service_point (company_id, name, time_zone, is_key_zone, customer_class,
                               is_occupied, has_generation, region)
    select ${companyId}, r.name, r."timeZone", coalesce(r."isKeyZone", false),
           coalesce(r."customerClass", 'community'), coalesce(r."isOccupied", true),
           coalesce(r."hasGeneration", false), coalesce(r.region, '')
    from json_to_recordset(${recordsOf(points)}::text::json)
      as r(name text, "timeZone" text, "isKeyZone" boolean, "customerClass" text,
           "isOccupied" boolean, "hasGeneration" boolean, region text)
    on conflict do nothing`;
  return tx<ServicePointRow[]>`
    select id, name, time_zone as "timeZone", is_key_zone as "isKeyZone",
           customer_class as "customerClass", is_occupied as "isOccupied"
    from service_point where company_id = ${companyId}`;
}

/** Points that are declared a key zone, or no longer one, become it. */
export async function setKeyZones(
  tx: Statement,
  companyId: number,
  points: readonly FleetServicePoint[],
): Promise<void> {
  await tx`
    update service_point p set is_key_zone = r."isKeyZone"
    from json_to_recordset(${recordsOf(points)}::text::json) as r(name text, "isKeyZone" boolean)
    where p.company_id = ${companyId} and p.name = r.name and p.is_key_zone <> r."isKeyZone"`;
}

/** Points that are declared in another region lie there from now on. */
export async function setRegions(
  tx: Statement,
  companyId: number,
  points: readonly FleetServicePoint[],
): Promise<void> {
  await tx`
    update service_point p set region = r.region
    from json_to_recordset(${recordsOf(points)}::text::json) as r(name text, region text)
    where p.company_id = ${companyId} and p.name = r.name and p.region <> r.region`;
}

export type MeterRow = {
  readonly edgeId: number;
  readonly servicePointId: number;
  readonly serial: string;
  readonly busId: number | null;
  readonly unitId: number | null;
  readonly mapName: string;
  readonly medium: Medium;
  readonly powerMaxW: number;
  readonly registerModulusWh: bigint | null;
  readonly contactorUnitId: number | null;
  readonly contactorCoil: number | null;
  readonly limiterRegister: number | null;
};

export async function insertMeters(
  tx: Statement,
  companyId: number,
  meters: readonly MeterRow[],
): Promise<readonly (MeterRow & { readonly id: number; readonly isNew: boolean })[]> {
  const fresh = await tx<{ id: number }[]>`
    insert into meter (company_id, edge_id, service_point_id, serial, bus_id, unit_id, map_name,
                       medium, power_max_w, register_modulus_wh, contactor_unit_id, contactor_coil,
                       limiter_register)
    select ${companyId}, r."edgeId", r."servicePointId", r.serial, r."busId", r."unitId",
           r."mapName", r.medium, r."powerMaxW", r."registerModulusWh", r."contactorUnitId",
           r."contactorCoil", r."limiterRegister"
    from json_to_recordset(${recordsOf(meters)}::text::json)
      as r("edgeId" int4, "servicePointId" int4, serial text, "busId" int4, "unitId" int2,
           "mapName" text, medium text, "powerMaxW" int4, "registerModulusWh" int8,
           "contactorUnitId" int2, "contactorCoil" int2, "limiterRegister" int2)
    on conflict do nothing returning id`;
  await tx`
    update meter m set limiter_register = r."limiterRegister"
    from json_to_recordset(${recordsOf(meters)}::text::json)
      as r(serial text, "limiterRegister" int2)
    where m.company_id = ${companyId} and m.serial = r.serial
      and m.limiter_register is distinct from r."limiterRegister"`;
  return tx<(MeterRow & { id: number; isNew: boolean })[]>`
    select id, id = any(${integersOf(fresh.map(({ id }) => id))}::int4[]) as "isNew",
           edge_id as "edgeId", service_point_id as "servicePointId", serial,
           bus_id as "busId", unit_id as "unitId", map_name as "mapName",
           medium, power_max_w as "powerMaxW", register_modulus_wh as "registerModulusWh",
           contactor_unit_id as "contactorUnitId", contactor_coil as "contactorCoil",
           limiter_register as "limiterRegister"
    from meter where company_id = ${companyId}`;
}

export type AccountRow = {
  readonly id: number;
  readonly number: string;
  readonly currency: string;
  readonly customer: string;
};

/** Accounts with their customers, ledger accounts, zero balances, and a counter to pay at. */
export async function insertAccounts(
  tx: Statement,
  companyId: number,
  accounts: readonly Omit<AccountRow, 'id'>[],
): Promise<readonly AccountRow[]> {
  const records = recordsOf(accounts);
  await tx`
    insert into customer (company_id, name)
    select distinct ${companyId}::int4, r.customer
    from json_to_recordset(${records}::text::json) as r(customer text)
    where not exists (select from customer c
                      where c.company_id = ${companyId} and c.name = r.customer)`;
  await tx`
    insert into account (company_id, customer_id, number, currency)
    select ${companyId}, c.id, r.number, r.currency
    from json_to_recordset(${records}::text::json) as r(number text, currency text, customer text)
    join customer c on c.company_id = ${companyId} and c.name = r.customer
    on conflict do nothing`;
  await tx`
    insert into account_balance (account_id, company_id, balance_micros)
    select id, company_id, 0 from account where company_id = ${companyId} on conflict do nothing`;
  await tx`
    insert into ledger_account (company_id, code, currency, account_id)
    select company_id, 'customer', currency, id from account where company_id = ${companyId}
    union all
    select distinct ${companyId}::int4, code, currency, null::int4
    from account, unnest(array['energy_revenue', 'payments_clearing']) code
    where company_id = ${companyId}
    on conflict do nothing`;
  await tx`
    insert into payment_channel (company_id, name, kind, currency)
    select distinct company_id, 'counter ' || currency, 'counter', currency
    from account where company_id = ${companyId}
    on conflict do nothing`;
  return tx<AccountRow[]>`
    select a.id, a.number, a.currency, c.name as customer
    from account a join customer c on c.id = a.customer_id where a.company_id = ${companyId}`;
}

export type TariffRow = { readonly id: number; readonly name: string; readonly currency: string };

export async function insertTariffs(
  tx: Statement,
  companyId: number,
  tariffs: readonly { readonly name: string; readonly currency: string }[],
): Promise<readonly TariffRow[]> {
  await tx`
    insert into tariff (company_id, name, currency)
    select ${companyId}, r.name, r.currency
    from json_to_recordset(${recordsOf(tariffs)}::text::json) as r(name text, currency text)
    on conflict do nothing`;
  return tx<TariffRow[]>`
    select id, name, currency from tariff where company_id = ${companyId}`;
}

export type AgreementRow = {
  readonly accountId: number;
  readonly servicePointId: number;
  readonly tariffId: number;
  readonly mode: 'prepaid' | 'postpaid';
  readonly validFromMs: number;
  readonly validToMs: number | null;
  readonly balanceLimitMicros: bigint;
  readonly reconnectMicros: bigint;
  readonly attributes: AttributesShape;
};

export type RegisteredAgreement = AgreementRow & {
  readonly id: number;
  /** It ended where another one went on with its place. */
  readonly isChanged: boolean;
};

/** The agreements of a company; `validFrom` and `validTo` as epoch milliseconds. */
export async function readAgreementRows(
  tx: Statement,
  companyId: number,
): Promise<readonly RegisteredAgreement[]> {
  const rows = await tx<
    (Omit<RegisteredAgreement, 'validFromMs' | 'validToMs'> & {
      validFrom: Date;
      validTo: Date | null;
    })[]
  >`
    select id, account_id as "accountId", service_point_id as "servicePointId",
           tariff_id as "tariffId", mode, valid_from as "validFrom", valid_to as "validTo",
           balance_limit_micros as "balanceLimitMicros", reconnect_micros as "reconnectMicros",
           attributes,
           exists (select from mode_change c where c.ended_id = agreement.id) as "isChanged"
    from agreement where company_id = ${companyId} order by id`;
  return rows.map(({ validFrom, validTo, ...row }) => ({
    ...row,
    validFromMs: validFrom.getTime(),
    validToMs: validTo?.getTime() ?? null,
  }));
}

export async function insertAgreements(
  tx: Statement,
  companyId: number,
  agreements: readonly AgreementRow[],
): Promise<void> {
  const records = recordsOf(
    agreements.map(({ validFromMs, validToMs, ...row }) => ({
      ...row,
      validFrom: new Date(validFromMs).toISOString(),
      validTo: validToMs === null ? null : new Date(validToMs).toISOString(),
    })),
  );
  await tx`
    insert into agreement (company_id, account_id, service_point_id, tariff_id, mode, valid_from,
                           valid_to, balance_limit_micros, reconnect_micros, attributes)
    select ${companyId}, r."accountId", r."servicePointId", r."tariffId", r.mode, r."validFrom",
           r."validTo", r."balanceLimitMicros", r."reconnectMicros", r.attributes
    from json_to_recordset(${records}::text::json)
      as r("accountId" int4, "servicePointId" int4, "tariffId" int4, mode text,
           "validFrom" timestamptz, "validTo" timestamptz, "balanceLimitMicros" int8,
           "reconnectMicros" int8, attributes jsonb)`;
}

/** Adds what an agreement did not say before; the caller has checked that nothing is rewritten. */
export async function addAttributes(
  tx: Statement,
  { agreementId, attributes }: { agreementId: number; attributes: AttributesShape },
): Promise<void> {
  await tx`
    update agreement set attributes = attributes || ${JSON.stringify(attributes)}::text::jsonb
    where id = ${agreementId}`;
}
