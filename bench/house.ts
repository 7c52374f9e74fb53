import { generateKeyPairSync } from 'node:crypto';
import { createBells } from '../src/app/bells.ts';
import { connect } from '../src/db/connect.ts';
import type { Database } from '../src/db/connect.ts';
import { takeEpoch } from '../src/db/edges.ts';
import { ensureLogPartitions } from '../src/db/log.ts';
import { systemBusClock } from '../src/devices/busClock.ts';
import type { BusClock } from '../src/devices/busClock.ts';
import { assert } from '../src/domain/assert.ts';
import { parseEdgeId } from '../src/domain/ids.ts';
import { streamProgressMs, tailPollMs } from '../src/domain/limits.ts';
import { startHttpIntake } from '../src/ingest/httpIntake.ts';
import { createIntake } from '../src/ingest/intake.ts';
import { openHeadEnd } from '../src/ingest/headEnd.ts';
import type { HeadEnd } from '../src/ingest/headEnd.ts';
import { commitBatches } from '../src/operations/commitBatches.ts';
import { createApiServer } from '../src/schema/server.ts';
import { issueToken } from '../src/operations/issueToken.ts';
import { startTail } from '../src/stream/tail.ts';
import { startRater } from '../src/workers/rater.ts';
import { openRatingPool } from '../src/workers/ratingPool.ts';
import { BatchMaker, testEdge } from '../test/support/build/edge.ts';
import { buildFleet } from '../test/support/build/fleet.ts';
import type { BuiltFleet } from '../test/support/build/fleet.ts';
import type { Place } from './place.ts';

/** All roles in one process, as `npm start` has them; only the buses are left out. */
export type House = {
  readonly headEnd: HeadEnd;
  /** A gateway beside the head-end: its batches come over HTTP. */
  readonly gateway: BatchMaker;
  readonly intakeUrl: string;
  readonly meterIds: readonly number[];
  /** Of the API's WebSocket. */
  readonly url: string;
  /** Of an operator, who may see all meters. */
  readonly token: string;
  /** What went wrong and was tried again, or was refused. */
  readonly problems: readonly string[];
  close(): Promise<void>;
};

const realm = { issuer: 'https://bench.example', audience: 'joulebook' };
const tokenLifetimeMs = 3_600_000;

type Doors = Pick<House, 'headEnd' | 'gateway' | 'intakeUrl'> & { close(): Promise<void> };

/** Where readings come in: a head-end's polls, and a gateway's batches over HTTP. */
async function openDoors(given: {
  readonly writer: Database;
  readonly clock: BusClock;
  readonly fleet: BuiltFleet;
  report(problem: unknown): void;
  wake(bell: { readonly kind: 'rating' }): void;
}): Promise<Doors> {
  const { writer, clock, fleet, report, wake } = given;
  const edgeId = parseEdgeId(fleet.edgeId);
  assert(edgeId.ok, 'the fleet has an edge');
  const commit = (carried: readonly Uint8Array[]) =>
    commitBatches({ sql: writer.sql, clock }, carried);
  const onCommitted = () => wake({ kind: 'rating' });
  const headEnd = openHeadEnd({
    edgeId: edgeId.value,
    epoch: await takeEpoch(writer.sql, edgeId.value),
    key: fleet.edge,
    clock,
    commit,
    onCommitted,
    report: ({ code, message }) => report(`${code}: ${message}`),
  });
  const reportError = ({ code, error }: { readonly code: string; readonly error: unknown }) =>
    report(`${code}: ${String(error)}`);
  const intake = createIntake({ commit, clock, onCommitted, report: reportError });
  const local = { tls: null, host: '127.0.0.1', port: 0 };
  const http = await startHttpIntake({ intake, key: testEdge(), ...local, report: reportError });
  assert(http.ok, 'any free port will do');
  const epoch = await takeEpoch(writer.sql, edgeId.value);
  return {
    headEnd,
    gateway: new BatchMaker(fleet.edge, { edgeId: fleet.edgeId, epoch, compression: 'zstd' }),
    intakeUrl: http.value.url,
    close: async () => {
      await headEnd.stop();
      await http.value.close();
      await intake.stop();
    },
  };
}

export async function openHouse(
  place: Place,
  { name, meters }: { name: string; meters: number },
): Promise<House> {
  const databaseUrl = await place.freshDatabase(name);
  const connectAs = (role: 'joulebook_writer' | 'joulebook_api') =>
    connect(databaseUrl, { role, connectionsMax: 8, name: role });
  const writer = await connectAs('joulebook_writer');
  const reader = await connectAs('joulebook_api');
  const clock = systemBusClock();
  const problems: string[] = [];
  const report = (problem: unknown) => {
    problems.push(String(problem));
  };
  await ensureLogPartitions(writer.sql, { nowMs: clock.nowMs(), days: 1 });
  const fleet = await buildFleet(writer.sql, { meters });
  const bells = await createBells(writer.sql, report);
  const wake = bells.wake.bind(bells);
  const pool = openRatingPool();
  const rater = startRater({
    sql: writer.sql,
    clock,
    rate: (job) => pool.rate(job),
    wake,
    report: ({ error }) => report(error),
  });
  bells.onWork('rating', () => rater.ring());
  const doors = await openDoors({ writer, clock, fleet, report, wake });
  const tail = await startTail(writer.sql, { pollMs: tailPollMs, onError: report });
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const api = createApiServer({
    deps: { sql: reader.sql, clock, wake, tail, onError: report, streamProgressMs },
    tokens: { ...realm, publicKey },
    sandbox: false,
    allowedOrigins: [],
  });
  const port = await api.listen(0, '127.0.0.1');
  const viewer = {
    companyId: fleet.companyId,
    role: 'operator',
    accountId: null,
    actor: 'bench',
    persistedOnly: false,
  } as const;
  return {
    headEnd: doors.headEnd,
    gateway: doors.gateway,
    intakeUrl: doors.intakeUrl,
    meterIds: [...fleet.meters.values()],
    url: `ws://127.0.0.1:${port}/graphql`,
    token: await issueToken(
      { ...realm, privateKey },
      { viewer, nowMs: clock.nowMs(), lifetimeMs: tokenLifetimeMs },
    ),
    problems,
    close: async () => {
      await doors.close();
      await api.close();
      await tail.close();
      await rater.stop();
      await pool.close();
      await bells.close();
      await reader.close();
      await writer.close();
    },
  };
}
