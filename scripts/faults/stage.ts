import { createPublicKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readKeyFile } from '../../src/cli/keyFile.ts';
import { SeededRandom } from '../../test/simulate/seededRandom.ts';
import { httpCarrier } from './carrier.ts';
import type { Carrier } from './carrier.ts';
import { clockedRoles, fakeTimeLibrary, startDeployment } from './deployment.ts';
import type { Clock, Deployment } from './deployment.ts';
import { Gateway } from './gateway.ts';
import { layGround } from './ground.ts';
import type { Ground } from './ground.ts';
import { Journal } from './journal.ts';
import type { FaultKind, Scene } from './kinds.ts';
import { BalanceFollower, BrokerListener } from './listeners.ts';
import { mqttCarrier } from './mqttCarrier.ts';
import type { Planted } from './planted.ts';
import { installLines, openBroker, openPostgres, openRedis } from './servers.ts';
import type { PlacedServer } from './servers.ts';
import { openSmallDisk } from './smallDisk.ts';
import type { Tally } from './tally.ts';
import { untilTrue, Watch } from './watch.ts';

export type StageOptions = {
  readonly seed: number;
  readonly kinds: readonly FaultKind[];
  readonly gatewaysPerCompany: number;
  readonly metersPerGateway: number;
  readonly batchEveryMs: number;
  readonly planted: readonly Planted[];
  onProgress(line: string): void;
};

export type Stage = {
  readonly scene: Scene;
  readonly ground: Ground;
  readonly journal: Journal;
  readonly gateways: readonly Gateway[];
  /** Whose balance is followed. */
  readonly accountId: number;
};

export type StageGiven = {
  readonly options: StageOptions;
  readonly folder: string;
  readonly random: SeededRandom;
  readonly tally: Tally;
  /** What is started is closed by these, the last one first. */
  readonly closers: (() => Promise<void> | void)[];
};

/** Where the gateways' own time begins: the first month ends soon. */
const startMs = Date.UTC(2026, 0, 30, 12);
const readyMsMax = 120_000;
const sampleMs = 500;

async function openServer(
  { options, tally, closers }: StageGiven,
  server: { name: 'redis' | 'broker'; kinds: readonly FaultKind[] },
  open: () => Promise<PlacedServer | null>,
): Promise<PlacedServer | null> {
  const { name, kinds } = server;
  if (!kinds.some((kind) => options.kinds.includes(kind))) return null;
  const opened = await open();
  if (opened === null) tally.absent.push(`${name}: ${installLines[name]}`);
  else closers.push(() => opened.stop());
  return opened;
}

function openClock({ options, folder, tally }: StageGiven): Clock | null {
  if (!options.kinds.includes('clock')) return null;
  const library = fakeTimeLibrary();
  if (library === null) {
    tally.absent.push(`clock: ${installLines.clock}`);
    return null;
  }
  const clocks = join(folder, 'clocks');
  mkdirSync(clocks);
  const fileOf = (role: string): string => join(clocks, role);
  for (const name of clockedRoles) writeFileSync(fileOf(name), '+0s');
  return { library, fileOf };
}

async function untilReady({ roles }: Deployment): Promise<void> {
  const isReady = (): boolean => roles.every((role) => role.isReady);
  const took = await untilTrue(isReady, { fromMs: performance.now(), msMax: readyMsMax });
  if (took !== null) return;
  const late = roles.filter((role) => !role.isReady);
  const said = late.map(({ spec, said: text }) => `${spec.name}: ${text.slice(-300)}`).join('; ');
  throw new Error(`ROLES_NOT_READY: ${said}`);
}

type Played = {
  readonly ground: Ground;
  readonly deployment: Deployment;
  readonly broker: PlacedServer | null;
  readonly watch: Watch;
  readonly journal: Journal;
};

function openGateways(given: StageGiven, played: Played): readonly Gateway[] {
  const { options, closers } = given;
  const { ground, deployment, watch, journal, broker } = played;
  const key = readKeyFile(ground.receiptKeyFile);
  const serverKey = key.ok ? createPublicKey(key.value) : null;
  // Every second gateway speaks MQTT, where there is a broker.
  const carrierOf = (edgeId: number, index: number): Carrier =>
    broker !== null && index % 2 === 1
      ? mqttCarrier(broker.url, { edgeId, serverKey })
      : httpCarrier(deployment.intakeUrls, serverKey);
  const gateways = ground.companies
    .flatMap((company) => company.gateways)
    .map(
      ({ edgeId, key: signingKey, meters }, index) =>
        new Gateway({
          edgeId,
          key: signingKey,
          meterIds: meters.map(({ meterId }) => meterId),
          startMs,
          everyMs: options.batchEveryMs,
          random: new SeededRandom(options.seed * 1_000 + edgeId),
          journal,
          carrier: carrierOf(edgeId, index),
          onReceipt: ({ via }) => {
            if (via >= 0) watch.receiptMs[via] = performance.now();
          },
        }),
    );
  for (const gateway of gateways) gateway.start();
  closers.push(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  });
  return gateways;
}

/** Servers, registry and roles, all ready. */
async function openHouse(given: StageGiven) {
  const { options, folder, tally, closers } = given;
  const disk = options.kinds.includes('disk') ? openSmallDisk(folder) : null;
  if (disk !== null) closers.push(() => disk.remove());
  else if (options.kinds.includes('disk')) tally.absent.push('a small disk: needs root');
  options.onProgress('Postgres');
  const postgres = await openPostgres(disk?.directory ?? join(folder, 'data'));
  closers.push(() => postgres.stop());
  const redis = await openServer(given, { name: 'redis', kinds: ['redis', 'flush'] }, () =>
    openRedis(folder),
  );
  const broker = await openServer(given, { name: 'broker', kinds: ['broker', 'slow'] }, () =>
    openBroker(folder),
  );
  options.onProgress('tables, keys, registry');
  const { gatewaysPerCompany, metersPerGateway } = options;
  const databaseUrl = postgres.url;
  const ground = await layGround({ folder, databaseUrl, gatewaysPerCompany, metersPerGateway });
  const clock = openClock(given);
  const deployment = await startDeployment({
    folder,
    ground,
    postgres,
    redis,
    broker,
    clock,
    acknowledgesBeforeCommit: options.planted.includes('acknowledgesBeforeCommit'),
    onDeath: (_role, point) => tally.countDeath(point),
  });
  closers.push(() => deployment.stop());
  options.onProgress('roles');
  await untilReady(deployment);
  return { postgres, redis, broker, ground, deployment, clock, disk };
}

export async function openStage(given: StageGiven): Promise<Stage> {
  const { folder, random, closers } = given;
  const { ground, deployment, clock, disk, ...servers } = await openHouse(given);
  const { postgres, redis, broker } = servers;
  const watch = new Watch(postgres.url);
  closers.push(() => watch.close());
  const listener = broker === null ? null : new BrokerListener(broker.url);
  if (listener !== null) closers.push(() => listener.close());
  const [{ gateways: firstGateways }] = ground.companies;
  const [{ accountId }] = firstGateways[0].meters;
  const follower = new BalanceFollower({
    graphql: deployment.graphql,
    token: ground.operatorToken,
    accountId,
  });
  closers.push(() => follower.close());
  const journal = new Journal(join(folder, 'journal.sqlite'));
  closers.push(() => journal.close());
  const gateways = openGateways(given, { ground, deployment, broker, watch, journal });
  const sampler = setInterval(() => {
    for (const role of deployment.roles) role.sampleMemory();
  }, sampleMs);
  closers.push(() => clearInterval(sampler));
  const scene: Scene = {
    random,
    deployment,
    postgres,
    redis,
    broker,
    watch,
    listener,
    follower,
    smallDisk: disk?.directory ?? null,
    clockFileOf: clock?.fileOf ?? null,
  };
  return { scene, ground, journal, gateways, accountId };
}
