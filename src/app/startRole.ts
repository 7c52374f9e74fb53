import { createPublicKey } from 'node:crypto';
import { readKeyFile, rawPublicKey } from '../cli/keyFile.ts';
import { findEdgeByName } from '../db/edges.ts';
import { keyIdOf } from '../db/fleet.ts';
import { migrate } from '../db/migrate.ts';
import { assert, assertNever } from '../domain/assert.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { openSigner } from './openSigner.ts';
import type { Config } from './config.ts';
import { createLog } from './log.ts';
import type { Parts } from './parts.ts';
import { openParts } from './startAll.ts';
import type { StartContext } from './startAll.ts';
import { startApi } from './startApi.ts';
import { startIngest } from './startIngest.ts';
import { startIntake, startMqttIntake } from './startIntake.ts';
import { gatewayNotices, gatewayReports } from './noticeSender.ts';
import { startWorker } from './startWorker.ts';

type Started = Outcome<{ readonly message: string }, string>;

async function startApiRole(config: Config, parts: Parts): Promise<Started> {
  assert(config.tokenKeyFile !== null, 'the configuration was checked');
  const key = readKeyFile(config.tokenKeyFile);
  if (!key.ok) return key;
  const { host, port, officeKeyFile } = config;
  const office = officeKeyFile === null ? accept(null) : readKeyFile(officeKeyFile);
  if (!office.ok) return office;
  const reports = gatewayReports(config);
  if (!reports.ok) return reports;
  const keys = { privateKey: null, publicKey: createPublicKey(key.value) };
  const api = await startApi(parts, {
    host,
    port,
    isPortAsked: true,
    keys,
    sandbox: false,
    officeKey: office.value,
    dataDirectory: config.dataDirectory,
    readReports: reports.value,
  });
  if (!api.ok) return api;
  parts.log.info({ graphql: api.value.graphql }, 'api ready');
  return accept({ message: `api ready at ${api.value.graphql}` });
}

/** Polls the buses of its edge where it has the edge's key. */
async function startHeadEnd(config: Config, parts: Parts): Promise<Outcome<string, string>> {
  if (config.edgeKeyFile === null) return accept('no edge of its own');
  const key = readKeyFile(config.edgeKeyFile);
  if (!key.ok) return key;
  const keyId = keyIdOf(rawPublicKey(key.value));
  const edge = await findEdgeByName(parts.writer.sql, { name: config.edgeName, keyId });
  if (edge === null) {
    return refuse(
      'EDGE_UNKNOWN',
      `No edge "${config.edgeName}" signs with this key. Register it: ems-cli fleet register FILE.`,
    );
  }
  await startIngest(parts, {
    edgeId: edge.edgeId,
    key: { privateKey: key.value, keyId },
    brokerUrl: config.mqttUrl,
  });
  return accept(`edge "${config.edgeName}"`);
}

async function startIngestRole(config: Config, parts: Parts): Promise<Started> {
  const headEnd = await startHeadEnd(config, parts);
  if (!headEnd.ok) return headEnd;
  const receiptKeyFile = config.intake.receiptKeyFile ?? config.edgeKeyFile;
  assert(receiptKeyFile !== null, 'the configuration was checked');
  const key = readKeyFile(receiptKeyFile);
  if (!key.ok) return key;
  const { host, intake: asked } = config;
  const intake = await startIntake(parts, { ...asked, host, key: key.value });
  if (!intake.ok) return intake;
  startMqttIntake(parts, intake.value, { ...config, embedded: null });
  parts.log.info({ edge: headEnd.value, intake: intake.value.url }, 'ingest ready');
  return accept({ message: `ingest ready, ${headEnd.value}, batches at ${intake.value.url}` });
}

async function startWorkerRole(context: StartContext, parts: Parts): Promise<Started> {
  const { billingKeysFile, dataDirectory } = context.config;
  const signer = await openSigner(context, billingKeysFile);
  if (!signer.ok) return signer;
  const sealing = signer.value && { signer: signer.value, dataPath: dataDirectory };
  const sender = gatewayNotices(context.config, parts.clock);
  if (!sender.ok) return sender;
  if (sender.value === null) parts.log.warn('NOTICES_WAIT: JOULEBOOK_NOTICE_URL is not set');
  await startWorker(parts, { sealing, sender: sender.value, dataDirectory });
  parts.log.info('worker ready');
  return accept({ message: 'worker ready' });
}

/** One role of a deployment against the user's own servers; `migrate` runs and ends. */
export async function startRole(context: StartContext): Promise<Started> {
  const { config } = context;
  assert(config.databaseUrl !== null, 'the configuration was checked');
  if (config.role === 'migrate') {
    await migrate(config.databaseUrl);
    return accept({ message: 'the database is up to date' });
  }
  const parts = await openParts(context, config.databaseUrl, createLog({ kind: 'stdout' }));
  switch (config.role) {
    case 'api':
      return startApiRole(config, parts);
    case 'ingest':
      return startIngestRole(config, parts);
    case 'worker':
      return startWorkerRole(context, parts);
    case 'all':
      throw new Error('role all is started elsewhere');
    default:
      return assertNever(config.role);
  }
}
