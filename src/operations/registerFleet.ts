import type { Sql, Transaction } from '../db/connect.ts';
import {
  insertAccounts,
  insertAgreements,
  insertCompany,
  insertEdgeKeys,
  insertEdges,
  insertMeters,
  insertServicePoints,
  insertTariffs,
  lockRegistration,
  readAgreementRows,
  upsertBuses,
} from '../db/fleet.ts';
import type { AccountRow, AgreementRow, MeterRow } from '../db/fleet.ts';
import {
  insertAgreementDuties,
  insertTariffDuties,
  insertTariffVersion,
} from '../db/tariffVersions.ts';
import { assert } from '../domain/assert.ts';
import { checkFleet, checkOverlap } from '../domain/fleet.ts';
import type { Fleet, FleetCode } from '../domain/fleet.ts';
import {
  parseAccountId,
  parseAgreementId,
  parseBusId,
  parseCompanyId,
  parseEdgeId,
  parseMeterId,
  parseServicePointId,
  parseTariffId,
} from '../domain/ids.ts';
import type {
  AccountId,
  AgreementId,
  BusId,
  CompanyId,
  EdgeId,
  MeterId,
  ServicePointId,
  TariffId,
} from '../domain/ids.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';

export type RegisterFleetDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
};

/** The ids behind the names of a declaration. */
export type RegisteredFleet = {
  readonly companyId: CompanyId;
  readonly edges: ReadonlyMap<string, { readonly edgeId: EdgeId; readonly logShard: number }>;
  /** By `busKey`. */
  readonly buses: ReadonlyMap<string, BusId>;
  readonly servicePoints: ReadonlyMap<string, ServicePointId>;
  /** By serial. */
  readonly meters: ReadonlyMap<string, MeterId>;
  /** By account number. */
  readonly accounts: ReadonlyMap<string, AccountId>;
  readonly tariffs: ReadonlyMap<string, TariffId>;
  /** In the order of the declaration. */
  readonly agreements: readonly AgreementId[];
};

export function busKey({ edge, bus }: { edge: string; bus: string }): string {
  return `${edge}/${bus}`;
}

/** Carries a refusal out of the transaction, which it rolls back. */
class FleetRefused extends Error {
  readonly refusal: Refused<FleetCode>;

  constructor(refusal: Refused<FleetCode>) {
    super(refusal.code);
    this.refusal = refusal;
  }
}

function conflict(what: string): FleetRefused {
  return new FleetRefused(
    refuse(
      'FLEET_CONFLICT',
      `${what} is registered with other particulars. Registered facts are not rewritten: ` +
        'declare it as it is, or under another name.',
    ),
  );
}

function idOf(ids: ReadonlyMap<string, number>, name: string): number {
  const id = ids.get(name);
  assert(id !== undefined, 'a checked declaration refers only to what it declares');
  return id;
}

type ParseId<T> = (raw: unknown) => Outcome<T, 'ID_MALFORMED'>;

function branded<T>(id: number, parse: ParseId<T>): T {
  const parsed = parse(id);
  assert(parsed.ok, 'the database counts its ids from 1');
  return parsed.value;
}

function brandedMap<T>(ids: ReadonlyMap<string, number>, parse: ParseId<T>): Map<string, T> {
  return new Map([...ids].map(([name, id]) => [name, branded(id, parse)]));
}

function byName(rows: readonly { readonly id: number; readonly name: string }[]) {
  return new Map(rows.map((row) => [row.name, row.id]));
}

async function registerEdges(tx: Transaction, companyId: number, fleet: Fleet) {
  const rows = await insertEdges(
    tx,
    companyId,
    fleet.edges.map(({ name, logShard }) => ({ name, logShard: logShard ?? null })),
  );
  const edges = new Map(rows.map((row) => [row.name, row]));
  const edgeIds = byName(rows);
  const declared = fleet.edges.flatMap(({ name, publicKeys }) =>
    publicKeys.map((publicKey) => ({ edgeId: idOf(edgeIds, name), publicKey })),
  );
  const keys = await insertEdgeKeys(tx, companyId, declared);
  for (const { edgeId, publicKey } of declared) {
    const key = keys.find((one) => Buffer.compare(one.publicKey, publicKey) === 0);
    if (key?.edgeId !== edgeId) throw conflict('The key of an edge');
  }
  for (const { name, logShard } of fleet.edges) {
    if (logShard !== undefined && edges.get(name)?.logShard !== logShard) {
      throw conflict(`Edge "${name}"`);
    }
  }
  const busRows = await upsertBuses(
    tx,
    companyId,
    fleet.edges.flatMap(({ name, buses }) =>
      buses.map((bus) => ({ ...bus, edgeId: idOf(edgeIds, name) })),
    ),
  );
  const edgeNames = new Map(rows.map((row) => [row.id, row.name]));
  const buses = new Map(
    busRows.map((bus) => [
      busKey({ edge: edgeNames.get(bus.edgeId) ?? '', bus: bus.name }),
      bus.id,
    ]),
  );
  return { edges, edgeIds, buses };
}

async function registerMeters(
  tx: Transaction,
  companyId: number,
  {
    fleet,
    edgeIds,
    buses,
  }: {
    fleet: Fleet;
    edgeIds: ReadonlyMap<string, number>;
    buses: ReadonlyMap<string, number>;
  },
) {
  const points = await insertServicePoints(tx, companyId, fleet.servicePoints);
  const zones = new Map(points.map((point) => [point.name, point.timeZone]));
  for (const { name, timeZone } of fleet.servicePoints) {
    if (zones.get(name) !== timeZone) throw conflict(`Service point "${name}"`);
  }
  const servicePoints = byName(points);
  const declared = fleet.meters.map((meter): MeterRow => ({
    edgeId: idOf(edgeIds, meter.edge),
    servicePointId: idOf(servicePoints, meter.servicePoint),
    serial: meter.serial,
    busId:
      meter.bus === null ? null : idOf(buses, busKey({ edge: meter.edge, bus: meter.bus.name })),
    unitId: meter.bus?.unitId ?? null,
    mapName: meter.mapName,
    powerMaxW: meter.powerMaxW,
    registerModulusWh: meter.registerModulusWh,
    contactorUnitId: meter.contactor?.unitId ?? null,
    contactorCoil: meter.contactor?.coil ?? null,
  }));
  const rows = await insertMeters(tx, companyId, declared);
  const registered = new Map(rows.map((row) => [row.serial, row]));
  for (const meter of declared) {
    const row = registered.get(meter.serial);
    const isSame =
      row !== undefined &&
      row.edgeId === meter.edgeId &&
      row.servicePointId === meter.servicePointId &&
      row.busId === meter.busId &&
      row.unitId === meter.unitId &&
      row.mapName === meter.mapName &&
      row.powerMaxW === meter.powerMaxW &&
      row.registerModulusWh === meter.registerModulusWh &&
      row.contactorUnitId === meter.contactorUnitId &&
      row.contactorCoil === meter.contactorCoil;
    if (!isSame) throw conflict(`Meter "${meter.serial}"`);
  }
  return { servicePoints, meters: new Map(rows.map((row) => [row.serial, row.id])) };
}

async function registerAccounts(tx: Transaction, companyId: number, fleet: Fleet) {
  const declared = fleet.customers.flatMap(({ name, accounts }) =>
    accounts.map((account): Omit<AccountRow, 'id'> => ({ ...account, customer: name })),
  );
  const rows = await insertAccounts(tx, companyId, declared);
  const registered = new Map(rows.map((row) => [row.number, row]));
  for (const account of declared) {
    const row = registered.get(account.number);
    if (row?.currency !== account.currency || row.customer !== account.customer) {
      throw conflict(`Account "${account.number}"`);
    }
  }
  return new Map(rows.map((row) => [row.number, row.id]));
}

async function registerTariffs(
  tx: Transaction,
  companyId: number,
  { fleet, nowMs }: { fleet: Fleet; nowMs: number },
) {
  const rows = await insertTariffs(tx, companyId, fleet.tariffs);
  const registered = new Map(rows.map((row) => [row.name, row]));
  for (const tariff of fleet.tariffs) {
    const row = registered.get(tariff.name);
    if (row?.currency !== tariff.currency) throw conflict(`Tariff "${tariff.name}"`);
    for (const { validFromMs, document } of tariff.versions) {
      const version = { companyId, tariffId: row.id, validFromMs, document };
      const published = { publishedAtMs: nowMs, publishedBy: 'registration' };
      const versionId = await insertTariffVersion(tx, { ...version, ...published });
      if (versionId !== null) {
        await insertTariffDuties(tx, { companyId, tariffId: row.id, fromMs: validFromMs });
      }
    }
  }
  return byName(rows);
}

type NamedIds = {
  readonly accounts: ReadonlyMap<string, number>;
  readonly servicePoints: ReadonlyMap<string, number>;
  readonly tariffs: ReadonlyMap<string, number>;
};

function agreementKey(row: Pick<AgreementRow, 'accountId' | 'servicePointId' | 'validFromMs'>) {
  return `${row.accountId}/${row.servicePointId}/${row.validFromMs}`;
}

async function registerAgreements(
  tx: Transaction,
  companyId: number,
  { fleet, ids }: { fleet: Fleet; ids: NamedIds },
): Promise<readonly number[]> {
  const declared = fleet.agreements.map((agreement): AgreementRow => ({
    accountId: idOf(ids.accounts, agreement.account),
    servicePointId: idOf(ids.servicePoints, agreement.servicePoint),
    tariffId: idOf(ids.tariffs, agreement.tariff),
    mode: agreement.mode,
    validFromMs: agreement.validFromMs,
    validToMs: agreement.validToMs,
    balanceLimitMicros: agreement.balanceLimitMicros,
    reconnectMicros: agreement.reconnectMicros,
  }));
  const known = new Set((await readAgreementRows(tx, companyId)).map(agreementKey));
  const fresh = declared.filter((agreement) => !known.has(agreementKey(agreement)));
  if (fresh.length > 0) {
    await insertAgreements(tx, companyId, fresh);
    await insertAgreementDuties(tx, {
      companyId,
      servicePointIds: fresh.map(({ servicePointId }) => servicePointId),
      fromMs: fresh.reduce((least, { validFromMs }) => Math.min(least, validFromMs), Infinity),
    });
  }
  const rows = await readAgreementRows(tx, companyId);
  const pointNames = new Map([...ids.servicePoints].map(([name, id]) => [id, name]));
  const overlap = checkOverlap(
    rows.map((row) => ({ ...row, servicePoint: pointNames.get(row.servicePointId) ?? '' })),
  );
  if (!overlap.ok) throw new FleetRefused(overlap);
  const registered = new Map(rows.map((row) => [agreementKey(row), row]));
  return declared.map((agreement) => {
    const row = registered.get(agreementKey(agreement));
    const isSame =
      row !== undefined &&
      row.tariffId === agreement.tariffId &&
      row.mode === agreement.mode &&
      row.validToMs === agreement.validToMs &&
      row.balanceLimitMicros === agreement.balanceLimitMicros &&
      row.reconnectMicros === agreement.reconnectMicros;
    if (!isSame) {
      throw conflict(`The agreement of service point ${agreement.servicePointId}`);
    }
    return row.id;
  });
}

/**
 * Makes the registry say what the declaration says. The same declaration again changes nothing;
 * one that contradicts what is registered changes nothing either and is refused.
 */
export async function registerFleet(
  { sql, clock }: RegisterFleetDeps,
  fleet: Fleet,
): Promise<Outcome<RegisteredFleet, FleetCode>> {
  const checked = checkFleet(fleet);
  if (!checked.ok) return checked;
  const nowMs = clock.nowMs();
  try {
    return accept(
      await sql.begin(async (tx): Promise<RegisteredFleet> => {
        await lockRegistration(tx);
        const companyId = await insertCompany(tx, fleet.company);
        const { edges, edgeIds, buses } = await registerEdges(tx, companyId, fleet);
        const field = await registerMeters(tx, companyId, { fleet, edgeIds, buses });
        const accounts = await registerAccounts(tx, companyId, fleet);
        const tariffs = await registerTariffs(tx, companyId, { fleet, nowMs });
        const ids = { accounts, tariffs, servicePoints: field.servicePoints };
        const agreements = await registerAgreements(tx, companyId, { fleet, ids });
        return {
          companyId: branded(companyId, parseCompanyId),
          edges: new Map(
            [...edges].map(([name, { id, logShard }]) => [
              name,
              { edgeId: branded(id, parseEdgeId), logShard },
            ]),
          ),
          buses: brandedMap(buses, parseBusId),
          servicePoints: brandedMap(field.servicePoints, parseServicePointId),
          meters: brandedMap(field.meters, parseMeterId),
          accounts: brandedMap(accounts, parseAccountId),
          tariffs: brandedMap(tariffs, parseTariffId),
          agreements: agreements.map((id) => branded(id, parseAgreementId)),
        };
      }),
    );
  } catch (error) {
    if (error instanceof FleetRefused) return error.refusal;
    throw error;
  }
}
