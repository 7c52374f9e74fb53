import { connect } from '../../src/db/connect.ts';
import type { Sql } from '../../src/db/connect.ts';
import { findAccounts } from '../../src/db/accountReads.ts';
import { pageCharges } from '../../src/db/chargeReads.ts';
import { pageReadingExceptions } from '../../src/db/exceptionReads.ts';
import { assert } from '../../src/domain/assert.ts';
import type { Fleet, FleetCode } from '../../src/domain/fleet.ts';
import { accept } from '../../src/domain/outcome.ts';
import type { Outcome } from '../../src/domain/outcome.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { hourMs } from '../../src/domain/time/civil.ts';
import { billingPeriodAt } from '../../src/domain/time/zone.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import type { RateDeps } from '../../src/operations/rateReadings.ts';
import { readChargeBill } from '../../src/operations/readChargeBill.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import type { RegisteredFleet } from '../../src/operations/registerFleet.ts';
import { startField } from './field.ts';
import type { Field } from './field.ts';
import type { LoadFile, LoadHour } from './loadFile.ts';
import { pollsOf } from './polls.ts';
import type { Poll } from './polls.ts';
import { mapNameOf } from './registerKind.ts';
import type { RegisterKind } from './registerKind.ts';
import { makeEdgeKey, openSender } from './sender.ts';
import type { EdgeKey } from './sender.ts';

/** A batch an hour, a day of them a commit: as a head-end catches up. */
const pollsPerCommit = 24;
/** Room over the strongest hour of the file, in which a load may have been twice the mean. */
const powerMarginW = 24_000;
const powerMaxWMax = 2_000_000_000; // int4 in the registry
const edgeName = 'head-end';
const tariffName = 'replay';
/** More months than any file of hours has. */
const chargesPerAccountMax = 5_000;

export type BilledMonth = {
  /** By component and period of the tariff. */
  readonly energyWh: ReadonlyMap<string, bigint>;
  readonly amountMicros: bigint;
};

export type BilledAccount = {
  readonly meter: string;
  /** By local month, such as 2016-03. */
  readonly months: ReadonlyMap<string, BilledMonth>;
  /** What the account owes: its balance, negated. */
  readonly owedMicros: bigint;
};

export type Replayed = {
  readonly accounts: readonly BilledAccount[];
  readonly readings: number;
  readonly batches: number;
  /** Readings that the road refused, by code; each loses energy. */
  readonly exceptions: ReadonlyMap<string, number>;
};

export type ReplayRequest = {
  readonly databaseUrl: string;
  readonly load: LoadFile;
  /** The hours of the file that are replayed, in time order. */
  readonly hours: readonly LoadHour[];
  readonly zone: string;
  readonly registers: RegisterKind;
  readonly tariff: unknown;
  readonly currency: string;
  onProgress(done: { readonly polls: number; readonly pollsTotal: number }): void;
};

export function lineKey(line: { readonly component: string; readonly period: string }): string {
  return `${line.component}/${line.period}`;
}

function accountNumber(meterIndex: number): string {
  return `R-${String(meterIndex + 1).padStart(3, '0')}`;
}

function powerMaxW(hours: readonly LoadHour[]): number {
  let most = 0;
  for (const { energyWh } of hours) for (const wh of energyWh) most = Math.max(most, Number(wh));
  return Math.min(2 * most + powerMarginW, powerMaxWMax);
}

function fleetOf(request: ReplayRequest, { field, key }: { field: Field; key: EdgeKey }): Fleet {
  const { load, hours, registers, zone, tariff, currency } = request;
  const maxW = powerMaxW(hours);
  return {
    company: 'Replay',
    edges: [
      {
        name: edgeName,
        publicKeys: [key.publicKey],
        buses: field.buses.map(({ host, port }, index) => ({
          name: `bus ${index + 1}`,
          address: { kind: 'tcp', host, port },
          pollIntervalMs: hourMs,
        })),
      },
    ],
    servicePoints: load.meters.map((name) => ({ name, timeZone: zone })),
    meters: load.meters.map((serial, index) => ({
      serial,
      edge: edgeName,
      servicePoint: serial,
      bus: {
        name: `bus ${(field.meters[index]?.busIndex ?? 0) + 1}`,
        unitId: field.meters[index]?.unitId ?? 0,
      },
      mapName: mapNameOf[registers],
      powerMaxW: maxW,
      registerModulusWh: null,
      contactor: null,
    })),
    customers: load.meters.map((name, index) => ({
      name,
      accounts: [{ number: accountNumber(index), currency }],
    })),
    tariffs: [{ name: tariffName, currency, versions: [{ validFromMs: 0, document: tariff }] }],
    agreements: load.meters.map((name, index) => ({
      account: accountNumber(index),
      servicePoint: name,
      tariff: tariffName,
      mode: 'postpaid',
      validFromMs: 0,
      validToMs: null,
      balanceLimitMicros: 0n,
      reconnectMicros: 1n,
    })),
  };
}

type Drive = {
  readonly field: Field;
  readonly polls: readonly Poll[];
  readonly meterIds: readonly number[];
  readonly deps: RateDeps;
  readonly shard: number;
  readonly clock: { set(atMs: number): void };
  send(...reading: Parameters<ReturnType<typeof openSender>>): Uint8Array;
  onProgress: ReplayRequest['onProgress'];
};

async function rateAll(deps: RateDeps, shard: number): Promise<void> {
  while ((await rateReadings(deps, { shard })).more);
}

async function drive(drive: Drive): Promise<{ readings: number; batches: number }> {
  const { field, polls, meterIds, deps, shard, clock } = drive;
  const done = { readings: 0, batches: 0 };
  for (let from = 0; from < polls.length; from += pollsPerCommit) {
    const carried: Uint8Array[] = [];
    for (const { atMs, registerWh } of polls.slice(from, from + pollsPerCommit)) {
      clock.set(atMs);
      const readings = await field.poll(registerWh);
      const sent = readings.map(({ meterIndex, readAtMs, registerWh: wh }) => {
        const meterId = meterIds[meterIndex];
        assert(meterId !== undefined, 'every meter of the field is registered');
        return { meterId, readAtMs, registerWh: wh };
      });
      carried.push(drive.send(sent, atMs));
      done.readings += sent.length;
    }
    for (const answer of await commitBatches(deps, carried)) {
      assert(answer.ok, answer.ok ? '' : `a batch of the replay is accepted: ${answer.message}`);
      done.batches += 1;
    }
    await rateAll(deps, shard);
    drive.onProgress({
      polls: Math.min(from + pollsPerCommit, polls.length),
      pollsTotal: polls.length,
    });
  }
  return done;
}

async function readAccount(
  sql: Sql,
  { accountId, meter, zone }: { accountId: number; meter: string; zone: string },
): Promise<BilledAccount> {
  const [account] = await findAccounts(sql, [accountId]);
  const page = { after: null, before: null, limit: chargesPerAccountMax, inverted: false };
  const months = new Map<string, BilledMonth>();
  for (const charge of await pageCharges(sql, accountId, page)) {
    const periodStartMs = charge.periodStart.getTime();
    const bill = await readChargeBill(sql, charge);
    assert(bill !== null, 'every charge of a replay is rated');
    const lines = bill.lines.filter(({ kind }) => kind === 'energy');
    const energyWh = new Map(
      lines.map(({ component, period, quantity }) => [
        lineKey({ component, period: period ?? '' }),
        (quantity.numerator * 1_000n) / quantity.denominator,
      ]),
    );
    const { label } = billingPeriodAt(zone, periodStartMs);
    assert(!months.has(label), 'one meter, agreement and tariff version: one charge a month');
    months.set(label, { energyWh, amountMicros: charge.amountMicros });
  }
  assert(account !== undefined, 'a registered account can be read');
  return { meter, months, owedMicros: -account.balanceMicros };
}

async function readResult(
  sql: Sql,
  { load, zone }: ReplayRequest,
  fleet: RegisteredFleet,
): Promise<Pick<Replayed, 'accounts' | 'exceptions'>> {
  const accounts: BilledAccount[] = [];
  for (const [index, meter] of load.meters.entries()) {
    const accountId = fleet.accounts.get(accountNumber(index));
    assert(accountId !== undefined, 'every account is registered');
    accounts.push(await readAccount(sql, { accountId, meter, zone }));
  }
  const page = { after: null, before: null, limit: chargesPerAccountMax, inverted: false };
  const every = { meterId: null, isWaiting: null };
  const exceptions = new Map<string, number>();
  for (const { code } of await pageReadingExceptions(sql, every, page)) {
    exceptions.set(code, (exceptions.get(code) ?? 0) + 1);
  }
  return { accounts, exceptions };
}

function settableClock(startMs: number) {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    set(atMs: number) {
      nowMs = atMs;
    },
  };
}

/**
 * The file over the whole road: registers in simulated Modbus TCP meters, polled by the buses,
 * signed batches, the log, rating, charges, balances. The database is migrated and empty.
 */
export async function replay(request: ReplayRequest): Promise<Outcome<Replayed, FleetCode>> {
  const { load, hours, registers, zone } = request;
  const polls = pollsOf(hours, { meterCount: load.meters.length, zone });
  const clock = settableClock(polls[0]?.atMs ?? 0);
  const key = makeEdgeKey();
  const meterCount = load.meters.length;
  const name = 'joulebook-replay';
  const role = 'joulebook_writer';
  const database = await connect(request.databaseUrl, { role, connectionsMax: 4, name });
  const field = await startField({ meterCount, registers, clock });
  try {
    const { sql } = database;
    const fleet = await registerFleet({ sql, clock }, fleetOf(request, { field, key }));
    if (!fleet.ok) return fleet;
    const edge = fleet.value.edges.get(edgeName);
    assert(edge !== undefined, 'the edge is registered');
    const meterIds = load.meters.map((serial) => fleet.value.meters.get(serial) ?? 0);
    const memory = createRatingMemory();
    const driven = await drive({
      field,
      polls,
      meterIds,
      deps: { sql, clock, memory, rate: async (job) => rateJob(job) },
      shard: edge.logShard,
      clock,
      send: openSender(key, edge.edgeId),
      onProgress: request.onProgress,
    });
    const result = await readResult(sql, request, fleet.value);
    return accept({ ...result, ...driven });
  } finally {
    await field.close();
    await database.close();
  }
}
