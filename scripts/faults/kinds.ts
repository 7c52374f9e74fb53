import { closeSync, openSync, statfsSync, writeFileSync, writeSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { SeededRandom } from '../../test/simulate/seededRandom.ts';
import type { Deployment } from './deployment.ts';
import { failPoints } from './failPoint.ts';
import type { BalanceFollower, BrokerListener } from './listeners.ts';
import type { Role } from './processes.ts';
import type { PlacedServer, PostgresServer } from './servers.ts';
import { caughtUp, untilTrue } from './watch.ts';
import type { Watch } from './watch.ts';

/** What can happen. The first seven are kills with signal 9. */
export const faultKinds = [
  'api',
  'ingest',
  'worker',
  'postgres',
  'backend',
  'redis',
  'broker',
  'stopped',
  'hung',
  'flush',
  'clock',
  'disk',
  'slow',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export const killKinds: ReadonlySet<FaultKind> = new Set([
  'api',
  'ingest',
  'worker',
  'postgres',
  'backend',
  'redis',
  'broker',
]);

/** How often, against each other. */
export const faultWeights: Readonly<Record<FaultKind, number>> = {
  api: 4,
  ingest: 10,
  worker: 10,
  postgres: 5,
  backend: 3,
  redis: 3,
  broker: 3,
  stopped: 2,
  hung: 1,
  flush: 2,
  clock: 2,
  disk: 1,
  slow: 2,
};

/** Of what two faults at once would be one. */
export function serverOf(kind: FaultKind): 'postgres' | 'redis' | 'broker' | null {
  switch (kind) {
    case 'postgres':
    case 'backend':
    case 'hung':
    case 'disk':
      return 'postgres';
    case 'redis':
    case 'flush':
      return 'redis';
    case 'broker':
    case 'slow':
      return 'broker';
    case 'api':
    case 'ingest':
    case 'worker':
    case 'stopped':
    case 'clock':
      return null;
  }
}

export type Scene = {
  readonly random: SeededRandom;
  readonly deployment: Deployment;
  readonly postgres: PostgresServer;
  readonly redis: PlacedServer | null;
  readonly broker: PlacedServer | null;
  readonly watch: Watch;
  readonly listener: BrokerListener | null;
  readonly follower: BalanceFollower;
  /** Holds the database's files when it is small enough to be filled; null otherwise. */
  readonly smallDisk: string | null;
  readonly clockFileOf: ((role: string) => string) | null;
};

/** A machine full of restarts needs longer than the goals say; the report tells how long. */
const recoveryMsMax = 120_000;

/** The fault happened; the milliseconds until all is well again, null when it never was. */
type Recovered = number | null;

function recover(
  isWell: () => Promise<boolean> | boolean,
  fromMs = performance.now(),
): Promise<Recovered> {
  return untilTrue(isWell, { fromMs, msMax: recoveryMsMax });
}

/** Half of the processes that come back die again at a named point. */
function armSome(scene: Scene, role: Role): void {
  const { random } = scene;
  if (role.spec.kind === 'api' || !random.chance(0.6)) return;
  const point = random.pick(failPoints[role.spec.kind]);
  role.arm({ point, at: random.between(1, 12) });
}

async function killRole(scene: Scene, role: Role): Promise<Recovered | undefined> {
  const fromMs = performance.now();
  if (!role.kill()) return undefined; // dead already, by a named point
  armSome(scene, role);
  const { deployment, watch } = scene;
  switch (role.spec.kind) {
    case 'api':
      return recover(
        async () => role.readyAtMs > fromMs && (await isHealthy(deployment.graphql)),
        fromMs,
      );
    case 'ingest': {
      const via = deployment.ingests.indexOf(role);
      const isBack = (): boolean =>
        role.readyAtMs > fromMs && (watch.receiptMs[via] ?? 0) > role.readyAtMs;
      return recover(isBack, fromMs);
    }
    case 'worker': {
      const isRated = caughtUp(watch);
      return recover(async () => role.readyAtMs > fromMs && (await isRated()), fromMs);
    }
  }
}

async function isHealthy(graphql: string): Promise<boolean> {
  try {
    const answer = await fetch(graphql.replace('/graphql', '/health'), {
      signal: AbortSignal.timeout(1_000),
    });
    return answer.ok;
  } catch {
    return false;
  }
}

/** Batches get receipts again, and what is in the log is rated. */
async function recoverRoad({ watch }: Scene, fromMs: number): Promise<Recovered> {
  const isRated = caughtUp(watch);
  const hasReceipt = (): boolean => watch.receiptMs.some((ms) => ms > fromMs);
  return recover(async () => hasReceipt() && (await isRated()), fromMs);
}

async function killPostgres(scene: Scene): Promise<Recovered> {
  const fromMs = performance.now();
  await scene.postgres.kill();
  // A supervisor needs a moment, too; sometimes the machine is away for longer.
  await delay(scene.random.chance(0.2) ? 3_000 : 200);
  const restartMs = performance.now();
  await scene.postgres.start();
  const tookMs = await recoverRoad(scene, restartMs);
  return tookMs === null ? null : tookMs + Math.min(200, restartMs - fromMs);
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T | null> {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    return await work(redis);
  } catch {
    return null;
  } finally {
    redis.disconnect();
  }
}

/** The sweeps' schedules, without which nothing that is due is found. */
function areScheduled(url: string): () => Promise<boolean> {
  return async () => {
    const found = await withRedis(url, (redis) => redis.exists('bull:sweep-all:repeat'));
    return found === 1;
  };
}

async function killRedis(redis: PlacedServer): Promise<Recovered> {
  const fromMs = performance.now();
  await redis.kill();
  await redis.start();
  return recover(areScheduled(redis.url), fromMs);
}

async function flushRedis(redis: PlacedServer): Promise<Recovered> {
  const fromMs = performance.now();
  await withRedis(redis.url, (client) => client.flushall());
  return recover(areScheduled(redis.url), fromMs);
}

async function killBroker(scene: Scene, broker: PlacedServer): Promise<Recovered> {
  const fromMs = performance.now();
  await broker.kill();
  await broker.start();
  return recover(() => (scene.listener?.lastMs ?? Infinity) > fromMs, fromMs);
}

/** Past the leases and locks of queues (30 s) now and then: nothing may be written twice. */
async function stopRole(scene: Scene): Promise<Recovered | undefined> {
  const { random, deployment } = scene;
  const role = random.pick([...deployment.workers, ...deployment.ingests]);
  const stoppedMs = random.chance(0.15) ? 35_000 : random.between(1_000, 6_000);
  if (!role.pause()) return undefined;
  await delay(stoppedMs);
  role.resume();
  return recoverRoad(scene, performance.now());
}

async function hangPostgres(scene: Scene): Promise<Recovered> {
  scene.postgres.pause();
  await delay(scene.random.between(2_000, 8_000));
  scene.postgres.resume();
  return recoverRoad(scene, performance.now());
}

async function jumpClock(scene: Scene, fileOf: (role: string) => string): Promise<Recovered> {
  const { random, deployment } = scene;
  const role = random.pick([...deployment.workers, ...deployment.ingests]);
  const file = fileOf(role.spec.name);
  const fromMs = performance.now();
  writeFileSync(file, random.pick(['+3600s', '-3600s', '+86400s', '-86400s', '+30s', '-30s']));
  await delay(random.between(2_000, 5_000));
  writeFileSync(file, '+0s');
  await delay(1_100); // libfaketime looks once a second
  return recoverRoad(scene, Math.max(fromMs, performance.now()));
}

const fillerBytes = 1_048_576;

/** Writes until nothing is left, waits, and makes room again. */
async function fillDisk(scene: Scene, directory: string): Promise<Recovered> {
  const filler = join(directory, 'filler');
  const file = openSync(filler, 'w');
  const block = Buffer.alloc(fillerBytes, 1);
  const blocksMax = Math.ceil(
    (statfsSync(directory).bavail * statfsSync(directory).bsize) / fillerBytes,
  );
  try {
    for (let written = 0; written <= blocksMax; written += 1) writeSync(file, block);
  } catch {
    // ENOSPC is what we want
  }
  closeSync(file);
  await delay(scene.random.between(3_000, 6_000));
  rmSync(filler);
  const roomMs = performance.now();
  await scene.postgres.start(); // where it ended by itself
  return recoverRoad(scene, roomMs);
}

async function dawdle(scene: Scene): Promise<Recovered> {
  const ms = scene.random.between(3_000, 8_000);
  scene.follower.dawdle(ms);
  await scene.listener?.dawdle(ms);
  return recoverRoad(scene, performance.now());
}

/** Does it, and waits until all is well again. Undefined: it cannot be done here. */
export async function inflict(kind: FaultKind, scene: Scene): Promise<Recovered | undefined> {
  const { random, deployment, redis, broker, smallDisk, clockFileOf } = scene;
  const ofKind = (wanted: Role['spec']['kind']): Role =>
    random.pick(deployment.roles.filter(({ spec }) => spec.kind === wanted));
  switch (kind) {
    case 'api':
    case 'ingest':
    case 'worker':
      return killRole(scene, ofKind(kind));
    case 'postgres':
      return killPostgres(scene);
    case 'backend': {
      const fromMs = performance.now();
      scene.postgres.killBackend((count) => random.below(count));
      return recoverRoad(scene, fromMs);
    }
    case 'redis':
      return redis === null ? undefined : killRedis(redis);
    case 'flush':
      return redis === null ? undefined : flushRedis(redis);
    case 'broker':
      return broker === null ? undefined : killBroker(scene, broker);
    case 'stopped':
      return stopRole(scene);
    case 'hung':
      return hangPostgres(scene);
    case 'clock':
      return clockFileOf === null ? undefined : jumpClock(scene, clockFileOf);
    case 'disk':
      return smallDisk === null ? undefined : fillDisk(scene, smallDisk);
    case 'slow':
      return dawdle(scene);
  }
}
