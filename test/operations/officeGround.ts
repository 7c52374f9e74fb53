import { generateKeyPairSync } from 'node:crypto';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import type { Role, Viewer } from '../../src/domain/access/viewer.ts';
import type { Fleet } from '../../src/domain/fleet.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import type { OfficeDeps } from '../../src/operations/office/enterReadings.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import type { RegisteredFleet } from '../../src/operations/registerFleet.ts';
import { replayLog } from '../../src/operations/replayLog.ts';
import { BatchMaker, testEdge } from '../support/build/edge.ts';
import type { TestEdge } from '../support/build/edge.ts';
import { fleetOf, flatTariff } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';

/** Berlin, 1 June 2026, 14:00 local. */
export const noon = Date.UTC(2026, 5, 1, 12);
export const minute = 60_000;
export const quarter = 15 * minute;

export type OfficeGround = {
  readonly url: string;
  readonly writer: Database;
  readonly api: Database;
  readonly deps: OfficeDeps;
  readonly fleet: RegisteredFleet;
  readonly declared: Fleet;
  readonly clock: { nowMs(): number; set(ms: number): void };
  /** Of `edge 1` in shard 0 and `edge 2` in shard 2. */
  readonly edges: readonly TestEdge[];
  readonly makers: readonly BatchMaker[];
  /** M1 and M2 are read by the first edge, M3 and M4 by the second. */
  readonly meterIds: readonly number[];
  viewer(role: Role): Viewer;
  commit(carried: readonly Uint8Array[]): Promise<readonly string[]>;
  rateAll(): Promise<void>;
  /** By account, in micros. */
  balances(): Promise<readonly bigint[]>;
  close(): Promise<void>;
};

const officeKey = generateKeyPairSync('ed25519').privateKey;

/** Two edges with two meters each, 0.30 a kWh at all hours. */
export function twoEdges(edges: readonly TestEdge[], company: string): Fleet {
  const versions = [{ validFromMs: 0, document: flatTariff('0.30') }];
  const fleet = fleetOf({ company, meters: 4, versions }, edges[0]);
  return {
    ...fleet,
    edges: [
      ...fleet.edges,
      { name: 'edge 2', publicKeys: [edges[1].publicKey], logShard: 2, buses: [] },
    ],
    meters: fleet.meters.map((meter, index) => (index < 2 ? meter : { ...meter, edge: 'edge 2' })),
  };
}

/** Rates the whole log anew beside the database and says how much is not the same. */
export async function replayDifferences({ url }: OfficeGround, seed: string): Promise<number> {
  const rate = (job: Parameters<typeof rateJob>[0]) => Promise.resolve(rateJob(job));
  const replayed = await replayLog({ ownerUrl: url, seed, rate, onStep: () => {} });
  if (!replayed.ok) throw new Error(`${replayed.code}: ${replayed.message}`);
  return replayed.value.differenceCount;
}

export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

async function rateShards(writer: Database, nowMs: () => number): Promise<void> {
  const rate = (job: Parameters<typeof rateJob>[0]) => Promise.resolve(rateJob(job));
  for (const shard of [0, 1, 2, 3]) {
    const deps = { sql: writer.sql, clock: { nowMs }, rate, memory: createRatingMemory() };
    while ((await rateReadings(deps, { shard })).more);
  }
}

async function readBalances(writer: Database): Promise<readonly bigint[]> {
  const rows = await writer.sql<{ micros: bigint }[]>`
    select balance_micros as micros from account_balance order by account_id`;
  return rows.map(({ micros }) => micros);
}

export async function openOfficeGround(name: string, company = 'Grid'): Promise<OfficeGround> {
  const { url } = await freshDatabase(name);
  const writer = await connect(url, { role: 'joulebook_writer', connectionsMax: 4, name });
  const api = await connect(url, { role: 'joulebook_api', connectionsMax: 4, name });
  let nowMs = noon + 3_600_000;
  const clock = {
    nowMs: () => nowMs,
    set(ms: number) {
      nowMs = ms;
    },
  };
  const edges = [testEdge(), testEdge()];
  const declared = twoEdges(edges, company);
  const registered = await registerFleet({ sql: writer.sql, clock }, declared);
  if (!registered.ok) throw new Error(`${registered.code}: ${registered.message}`);
  const fleet = registered.value;
  const edgeId = (edge: string) => fleet.edges.get(edge)?.edgeId ?? 0;
  return {
    url,
    writer,
    api,
    clock,
    fleet,
    declared,
    edges,
    makers: [
      new BatchMaker(edges[0], { edgeId: edgeId('edge 1') }),
      new BatchMaker(edges[1], { edgeId: edgeId('edge 2') }),
    ],
    meterIds: ['M1', 'M2', 'M3', 'M4'].map((serial) => fleet.meters.get(serial) ?? 0),
    deps: { sql: api.sql, clock, wake: () => {}, office: { writer: writer.sql, key: officeKey } },
    viewer: (role) => ({
      companyId: fleet.companyId,
      role,
      accountId: null,
      actor: `${role}:one`,
      persistedOnly: false,
    }),
    commit: async (carried) => {
      const answers = await commitBatches({ sql: writer.sql, clock }, carried);
      return answers.map((answer) => (answer.ok ? answer.value.state : answer.code));
    },
    rateAll: () => rateShards(writer, clock.nowMs),
    balances: () => readBalances(writer),
    close: async () => {
      await api.close();
      await writer.close();
    },
  };
}

/** The id that the fifth meter will get: registering again takes a number for each of the four. */
export function fifthId({ meterIds }: OfficeGround): number {
  return Math.max(...meterIds) + meterIds.length + 1;
}

/** A fifth meter, of the first edge, with a customer of its own. */
export async function registerFifth(here: OfficeGround): Promise<void> {
  const { declared } = here;
  const registered = await registerFleet(
    { sql: here.writer.sql, clock: here.clock },
    {
      ...declared,
      servicePoints: [...declared.servicePoints, { name: 'point 5', timeZone: 'Europe/Berlin' }],
      meters: [
        ...declared.meters,
        { ...declared.meters[0], serial: 'M5', servicePoint: 'point 5' },
      ],
      customers: [
        ...declared.customers,
        { name: 'customer 5', accounts: [{ number: 'A5', currency: 'EUR' }] },
      ],
      agreements: [
        ...declared.agreements,
        { ...declared.agreements[0], account: 'A5', servicePoint: 'point 5' },
      ],
    },
  );
  if (!registered.ok) throw new Error(registered.message);
  const number = registered.value.meters.get('M5');
  if (number !== fifthId(here)) throw new Error(`M5 is meter ${number}`);
}
