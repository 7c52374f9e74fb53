import { setCircumstances } from '../db/circumstances.ts';
import type { Sql, Transaction } from '../db/connect.ts';
import {
  insertAccounts,
  insertCompany,
  insertEdgeKeys,
  insertEdges,
  insertMeters,
  insertServicePoints,
  insertTariffs,
  lockRegistration,
  setKeyZones,
  setRegions,
  upsertBuses,
} from '../db/fleet.ts';
import type { AccountRow, MeterRow } from '../db/fleet.ts';
import { insertRetryDuties } from '../db/heldBack.ts';
import { insertMarkDuties } from '../db/registerMarks.ts';
import {
  holdPrices,
  insertPricingChange,
  insertTariffDuties,
  insertTariffVersion,
} from '../db/tariffVersions.ts';
import { assert } from '../domain/assert.ts';
import { checkFleet } from '../domain/checkFleet.ts';
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
import { accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { FleetRefused, conflict, idOf, keyRevoked } from './fleetRefused.ts';
import { registerAgreements } from './registerAgreements.ts';
import { registerInstallations } from './registerInstallations.ts';

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
  for (const { name } of fleet.edges) {
    // Whoever signs in its name may edit readings: only we do.
    if (edges.get(name)?.kind === 'office') throw conflict(`Edge "${name}", the office,`);
  }
  const edgeIds = byName(rows);
  const declared = fleet.edges.flatMap(({ name, publicKeys }) =>
    publicKeys.map((publicKey) => ({ edgeId: idOf(edgeIds, name), publicKey })),
  );
  const keys = await insertEdgeKeys(tx, companyId, declared);
  for (const { edgeId, publicKey } of declared) {
    const key = keys.find((one) => Buffer.compare(one.publicKey, publicKey) === 0);
    if (key?.edgeId !== edgeId) throw conflict('The key of an edge');
    if (key.isRevoked) throw keyRevoked(publicKey);
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

async function registerPoints(
  tx: Transaction,
  companyId: number,
  { fleet, nowMs }: { fleet: Fleet; nowMs: number },
) {
  const points = await insertServicePoints(tx, companyId, fleet.servicePoints);
  const zones = new Map(points.map((point) => [point.name, point.timeZone]));
  for (const { name, timeZone } of fleet.servicePoints) {
    if (zones.get(name) !== timeZone) throw conflict(`Service point "${name}"`);
  }
  const isKeyZone = new Map(points.map((point) => [point.name, point.isKeyZone]));
  const isMoved = fleet.servicePoints.some(
    (point) => point.isKeyZone !== undefined && point.isKeyZone !== isKeyZone.get(point.name),
  );
  if (isMoved) {
    await setKeyZones(tx, companyId, fleet.servicePoints);
    await insertPricingChange(tx, { companyId, what: 'key_zone', atMs: nowMs });
  }
  await setCircumstances(tx, companyId, fleet.servicePoints);
  await setRegions(tx, companyId, fleet.servicePoints);
  return byName(points);
}

async function registerMeters(
  tx: Transaction,
  companyId: number,
  {
    fleet,
    edgeIds,
    buses,
    servicePoints,
  }: {
    fleet: Fleet;
    edgeIds: ReadonlyMap<string, number>;
    buses: ReadonlyMap<string, number>;
    servicePoints: ReadonlyMap<string, number>;
  },
) {
  const declared = fleet.meters.map((meter): MeterRow => ({
    edgeId: idOf(edgeIds, meter.edge),
    servicePointId: idOf(servicePoints, meter.servicePoint),
    serial: meter.serial,
    busId:
      meter.bus === null ? null : idOf(buses, busKey({ edge: meter.edge, bus: meter.bus.name })),
    unitId: meter.bus?.unitId ?? null,
    mapName: meter.mapName,
    medium: meter.medium ?? 'electricity',
    powerMaxW: meter.powerMaxW,
    registerModulusWh: meter.registerModulusWh,
    contactorUnitId: meter.contactor?.unitId ?? null,
    contactorCoil: meter.contactor?.coil ?? null,
    limiterRegister: meter.contactor?.limiterRegister ?? null,
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
      row.medium === meter.medium &&
      row.powerMaxW === meter.powerMaxW &&
      row.registerModulusWh === meter.registerModulusWh &&
      row.contactorUnitId === meter.contactorUnitId &&
      row.contactorCoil === meter.contactorCoil;
    if (!isSame) throw conflict(`Meter "${meter.serial}"`);
  }
  await markBeside(tx, companyId, rows);
  return new Map(rows.map((row) => [row.serial, row.id]));
}

/** Bills of a point that has bills already are now of the new meter, too: it is missing in them. */
async function markBeside(
  tx: Transaction,
  companyId: number,
  meters: readonly (MeterRow & { readonly id: number; readonly isNew: boolean })[],
): Promise<void> {
  const known = new Set(
    meters.flatMap(({ isNew, servicePointId }) => (isNew ? [] : servicePointId)),
  );
  const beside = meters.filter(({ isNew, servicePointId }) => isNew && known.has(servicePointId));
  if (beside.length === 0) return;
  // A rating commit underway may close a bill without having heard of it.
  await holdPrices(tx);
  await insertMarkDuties(
    tx,
    beside.map(({ id }) => ({ companyId, meterId: id, fromDay: 0 })),
  );
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
        const servicePoints = await registerPoints(tx, companyId, { fleet, nowMs });
        const field = { fleet, edgeIds, buses, servicePoints };
        const meters = await registerMeters(tx, companyId, field);
        await registerInstallations(tx, companyId, { fleet, meters, nowMs });
        // Readings that came before their meter was registered enter the series now.
        await insertRetryDuties(tx, { companyId, meterId: null, nowMs, isUnasked: true });
        const accounts = await registerAccounts(tx, companyId, fleet);
        const tariffs = await registerTariffs(tx, companyId, { fleet, nowMs });
        const ids = { accounts, tariffs, servicePoints };
        const agreements = await registerAgreements(tx, companyId, { fleet, ids, nowMs });
        return {
          companyId: branded(companyId, parseCompanyId),
          edges: new Map(
            [...edges].map(([name, { id, logShard }]) => [
              name,
              { edgeId: branded(id, parseEdgeId), logShard },
            ]),
          ),
          buses: brandedMap(buses, parseBusId),
          servicePoints: brandedMap(servicePoints, parseServicePointId),
          meters: brandedMap(meters, parseMeterId),
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
