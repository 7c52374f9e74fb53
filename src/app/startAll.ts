import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { databaseUrlFile } from '../cli/database.ts';
import { tokenKeyFile } from '../cli/keyFile.ts';
import { officeKeyFile } from '../cli/officeKey.ts';
import { migrate } from '../db/migrate.ts';
import { systemBusClock } from '../devices/busClock.ts';
import { assert } from '../domain/assert.ts';
import { accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { startBroker } from '../embedded/broker.ts';
import type { Broker } from '../embedded/broker.ts';
import { ephemeralDataPrefix, openDataDirectory } from '../embedded/dataDirectory.ts';
import type { DataDirectory } from '../embedded/dataDirectory.ts';
import { sweepAbandoned } from '../embedded/orphans.ts';
import { startPostgres } from '../embedded/postgres.ts';
import { writeWhole } from '../embedded/secretFile.ts';
import { readTls } from '../ingest/intakeTls.ts';
import { billingKeysFile } from '../signers/fileSigner.ts';
import { openQueues } from '../workers/queues.ts';
import { createBells } from './bells.ts';
import type { Closing } from './closing.ts';
import type { Config } from './config.ts';
import { demoTimeScale } from './demoFleet.ts';
import { demoTokens, keepTokens } from './demoTokens.ts';
import { demoKey, demoMeterCount, registerDemo, startDemoMeters } from './demoWorld.ts';
import { createLog } from './log.ts';
import { openSigner } from './openSigner.ts';
import { openDatabase } from './parts.ts';
import type { Parts } from './parts.ts';
import { checkPort, startApi } from './startApi.ts';
import type { StartedApi } from './startApi.ts';
import { startIngest } from './startIngest.ts';
import { startIntake, startMqttIntake } from './startIntake.ts';
import { demoNotices, gatewayReports } from './noticeSender.ts';
import { startWorker } from './startWorker.ts';
import type { Sealing } from './startWorker.ts';
import type { Ready } from './welcome.ts';

export type StartContext = {
  readonly config: Config;
  readonly closing: Closing;
  progress(line: string): void;
  /** Something that must not end has ended: stop everything. */
  onDeath(message: string): void;
};

async function startDatabase(
  { config, closing, progress, onDeath }: StartContext,
  directory: DataDirectory,
): Promise<Outcome<string, string>> {
  if (config.databaseUrl !== null) return accept(config.databaseUrl);
  const postgres = await startPostgres({
    directory: directory.path,
    ephemeral: config.ephemeral,
    onProgress: (step) => progress(`  ${step}`),
  });
  if (!postgres.ok) return postgres;
  closing.add('Postgres', () => postgres.value.stop());
  const addressFile = join(directory.path, databaseUrlFile);
  writeWhole(addressFile, `${postgres.value.url}\n`);
  closing.add('database address', () => rmSync(addressFile, { force: true }));
  postgres.value.died.then((lines) => onDeath(`POSTGRES_DIED: ${lines}`)).catch(() => {});
  return accept(postgres.value.url);
}

type Ground = { readonly databaseUrl: string; readonly sealing: Sealing };

/** The database with its tables, and the key that seals what is written there. */
async function startGround(
  context: StartContext,
  directory: DataDirectory,
): Promise<Outcome<Ground, string>> {
  context.progress('Postgres');
  const database = await startDatabase(context, directory);
  if (!database.ok) return database;
  context.progress('tables');
  await migrate(database.value);
  const signer = await openSigner(context, join(directory.path, billingKeysFile));
  if (!signer.ok) return signer;
  assert(signer.value !== null, 'without a token there is a file');
  const sealing = { signer: signer.value, dataPath: directory.path };
  return accept({ databaseUrl: database.value, sealing });
}

type Mqtt = {
  readonly url: string;
  readonly publisherUrl: string;
  /** Null where a broker of the user's own is used. */
  readonly embedded: Broker | null;
};

async function startMqtt(
  { config, closing }: StartContext,
  log: Parts['log'],
): Promise<Outcome<Mqtt, string>> {
  if (config.mqttUrl !== null) {
    return accept({ url: config.mqttUrl, publisherUrl: config.mqttUrl, embedded: null });
  }
  const tls = config.intake.tls === null ? null : readTls(config.intake.tls);
  if (tls !== null && !tls.ok) return tls;
  const broker = await startBroker({
    onProblem: (message) => log.warn(message),
    ...(tls !== null && { tls: tls.value }),
  });
  if (!broker.ok) return broker;
  closing.add('MQTT broker', () => broker.value.stop());
  return accept({ ...broker.value, embedded: broker.value });
}

/** Bells, queues and connections: what every role is given. */
export async function openParts(
  { config, closing }: Pick<StartContext, 'config' | 'closing'>,
  databaseUrl: string,
  log: Parts['log'],
): Promise<Parts> {
  const writer = await openDatabase({ databaseUrl, closing }, 'joulebook_writer', config.role);
  const bells = await createBells(writer.sql, (error) => log.warn({ err: error }, 'BELL_LOST'));
  closing.add('bells', () => bells.close());
  let backend: Parameters<typeof openQueues>[0] = { kind: 'postgres', url: databaseUrl };
  if (config.redisUrl !== null) {
    const redis = new Redis(config.redisUrl, { maxRetriesPerRequest: null });
    redis.on('error', (error) => log.warn({ err: error }, 'REDIS_UNREACHABLE'));
    closing.add('Redis', () => redis.disconnect());
    backend = { kind: 'redis', connection: redis };
  }
  const queues = openQueues(backend, ({ queue, jobId, error }) =>
    log.warn({ queue, jobId, err: error }, 'JOB_FAILED'),
  );
  closing.add('queues', () => queues.close());
  return { databaseUrl, writer, queues, bells, clock: systemBusClock(), log, closing };
}

async function startDemoWorker(
  config: StartContext['config'],
  parts: Parts,
  sealing: Sealing,
): Promise<Outcome<null, string>> {
  const notices = demoNotices(config, parts);
  if (!notices.ok) return notices;
  await startWorker(parts, {
    sealing,
    sender: notices.value,
    dataDirectory: sealing.dataPath,
  });
  return accept(null);
}

/** GraphQL, and the entrances of others beside it. */
async function startDemoApi(
  config: StartContext['config'],
  parts: Parts,
  { directory, privateKey }: { readonly directory: DataDirectory; readonly privateKey: KeyObject },
): Promise<Outcome<StartedApi, string>> {
  const reports = gatewayReports(config);
  if (!reports.ok) return reports;
  const { host, port, isPortAsked } = config;
  return startApi(parts, {
    host,
    port,
    isPortAsked,
    keys: { privateKey, publicKey: createPublicKey(privateKey) },
    sandbox: true,
    officeKey: demoKey(directory, officeKeyFile),
    dataDirectory: directory.path,
    readReports: reports.value,
  });
}

/** Role `all`: whatever is not given is embedded, and a simulated world is billed. */
export async function startAll(
  context: StartContext,
): Promise<Outcome<{ readonly ready: Ready; readonly parts: Parts }, string>> {
  const { config, closing, progress } = context;
  const { ephemeral } = config;
  if (config.isPortAsked) {
    const port = await checkPort(config);
    if (!port.ok) return port;
  }
  if (ephemeral) {
    await sweepAbandoned({ parent: tmpdir(), prefix: ephemeralDataPrefix, nowMs: Date.now() });
  }
  const opened = openDataDirectory({ path: config.dataDirectory, ephemeral });
  if (!opened.ok) return opened;
  const directory = opened.value;
  closing.add('data directory', () => directory.close());
  const ground = await startGround(context, directory);
  if (!ground.ok) return ground;
  const { databaseUrl, sealing } = ground.value;
  // Not before: a start that is refused leaves no file in a directory that it has made.
  const log = createLog({ kind: 'file', path: join(directory.path, 'joulebook.log') });
  progress('MQTT broker');
  const broker = await startMqtt(context, log);
  if (!broker.ok) return broker;
  const clock = systemBusClock();
  const meters = demoMeterCount(directory, config.meters);
  progress(`${meters} simulated meters`);
  const world = await startDemoMeters(directory, { meters, closing, clock });
  const parts = await openParts(context, databaseUrl, log);
  progress('customers and tariffs');
  const demo = await registerDemo(parts, world, demoKey(directory, 'edge-key'));
  progress('rating, polling');
  const worker = await startDemoWorker(config, parts, sealing);
  if (!worker.ok) return worker;
  await startIngest(parts, {
    edgeId: demo.edgeId,
    key: demo.edgeKey,
    brokerUrl: broker.value.publisherUrl,
    lineOptions: { registerPace: demoTimeScale },
  });
  progress('intake');
  const receiptKey = demoKey(directory, 'receipt-key');
  const intake = await startIntake(parts, { ...config.intake, host: config.host, key: receiptKey });
  if (!intake.ok) return intake;
  startMqttIntake(parts, intake.value, { ...config, embedded: broker.value.embedded });
  progress('GraphQL');
  const privateKey = demoKey(directory, tokenKeyFile);
  const api = await startDemoApi(config, parts, { directory, privateKey });
  if (!api.ok) return api;
  const [{ accountId }] = demo.accounts;
  const scope = { companyId: demo.companyId, accountId, nowMs: clock.nowMs() };
  const tokens = await demoTokens(privateKey, scope);
  const tokensFolder = keepTokens(tokens, { dataPath: directory.path });
  return accept({
    ready: {
      graphql: api.value.graphql,
      mqtt: broker.value.url,
      intake: intake.value,
      tokens,
      tokensFolder,
      demo,
    },
    parts,
  });
}
