import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import mqtt from 'mqtt';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseEdgeId } from '../../src/domain/ids.ts';
import { batchHash, signBatch } from '../../src/wire/batch.ts';
import type { Batch } from '../../src/wire/batch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import { openEnvelope } from '../../src/wire/batch.ts';
import { jsonOfBatch } from '../../src/wire/jsonBatch.ts';
import { decodeReceipt, openReceipt } from '../../src/wire/receipt.ts';
import { cli, openFolder, run } from '../app/joulebook.ts';
import type { Running } from '../app/joulebook.ts';
import { openIntakeGround } from '../ingest/intakeGround.ts';
import type { IntakeGround } from '../ingest/intakeGround.ts';
import { freePort, startPeer } from './modbusPeers.ts';
import type { Peer } from './modbusPeers.ts';
import { eventually } from '../support/eventually.ts';

/**
 * Gateways, a mosquitto of the user's own (the Debian package) with a TLS 1.3 listener, and two
 * ingest processes that share its batches.
 */
let ground: IntakeGround;
let folder: string;
let broker: Peer;
let plainUrl = '';
let tlsPort = 0;
let processes: Running[] = [];
const clients: MqttClient[] = [];

function requireMosquitto(): string {
  // Debian puts daemons where a user's PATH does not look.
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin`;
  try {
    execFileSync('mosquitto', ['-h'], { stdio: 'ignore' });
  } catch (error) {
    const runs = error instanceof Error && 'status' in error && typeof error.status === 'number';
    if (!runs) {
      throw new Error('mosquitto is missing. Install it: apt-get install -y mosquitto', {
        cause: error,
      });
    }
  }
  return 'mosquitto';
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}

/** A certificate authority of our own and a certificate for 127.0.0.1 that it has signed. */
function makeCertificates(): { ca: string; cert: string; key: string } {
  const place = (name: string) => join(folder, name);
  const [ca, cert, key] = [place('ca.pem'), place('broker.pem'), place('broker.key')];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const authority = ['-x509', '-days', '2', '-subj', '/CN=Test Authority'];
  openssl(['req', ...authority, ...newKey, '-keyout', place('ca.key'), '-out', ca]);
  const request = ['-subj', '/CN=127.0.0.1', '-keyout', key, '-out', place('broker.csr')];
  openssl(['req', ...newKey, ...request]);
  writeFileSync(place('names'), 'subjectAltName=IP:127.0.0.1\n');
  const signing = ['-CA', ca, '-CAkey', place('ca.key'), '-CAcreateserial', '-days', '2'];
  const extra = ['-extfile', place('names'), '-out', cert];
  openssl(['x509', '-req', '-in', place('broker.csr'), ...signing, ...extra]);
  for (const file of [cert, key]) chmodSync(file, 0o644);
  return { ca, cert, key };
}

async function startIngest(slot: string, env: Readonly<Record<string, string>>): Promise<Running> {
  const running = run(['ingest'], {
    DATABASE_URL: ground.url,
    JOULEBOOK_RECEIPT_KEY: join(folder, 'receipt.pem'),
    JOULEBOOK_INTAKE_PORT: '0',
    JOULEBOOK_SLOT: slot,
    ...env,
  });
  processes.push(running);
  await eventually(() => expect(running.said(), running.printed()).toContain('ingest ready'));
  return running;
}

beforeAll(async () => {
  ground = await openIntakeGround('mosquitto');
  folder = openFolder();
  mkdirSync(join(folder, 'store'));
  chmodSync(join(folder, 'store'), 0o777);
  const { ca, cert, key } = makeCertificates();
  const plainPort = await freePort();
  tlsPort = await freePort();
  const config = join(folder, 'mosquitto.conf');
  const lines = [
    'per_listener_settings false',
    'allow_anonymous true',
    `listener ${plainPort} 127.0.0.1`,
    `listener ${tlsPort} 127.0.0.1`,
    `certfile ${cert}`,
    `keyfile ${key}`,
    'tls_version tlsv1.3',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  broker = startPeer(requireMosquitto(), ['-c', config]);
  plainUrl = `mqtt://127.0.0.1:${plainPort}`;
  execFileSync(process.execPath, [cli, 'key', 'make', join(folder, 'receipt.pem')]);
  await eventually(async () => (await gateway()).endAsync());
  await startIngest('one', { MQTT_URL: plainUrl });
  // Over TLS; Node reads the authority for all its connections from here.
  const tls = { MQTT_URL: `mqtts://127.0.0.1:${tlsPort}`, NODE_EXTRA_CA_CERTS: ca };
  await startIngest('two', tls);
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.endAsync(true)));
  for (const { child } of processes) child.kill('SIGTERM');
  await Promise.all(processes.map(({ ended }) => ended));
  await broker?.stop();
  await ground?.close();
  await rm(folder, { recursive: true, force: true });
});

async function gateway(version: 4 | 5 = 5): Promise<MqttClient> {
  const client = await mqtt.connectAsync(plainUrl, { protocolVersion: version });
  clients.push(client);
  return client;
}

const receiptsTopic = (): string => `energy/meter/receipts/${ground.fleet.edgeId}`;
const batchesTopic = (): string => `energy/meter/batches/${ground.fleet.edgeId}`;

async function loggedSequences(epoch: number): Promise<readonly number[]> {
  const rows = await ground.database.sql<{ sequence: bigint }[]>`
    select sequence from batch_log where epoch = ${epoch} order by sequence`;
  return rows.map(({ sequence }) => Number(sequence));
}

function sequenceOf(receipt: Uint8Array): { epoch: number; sequence: number; state: string } {
  const envelope = openReceipt(receipt);
  const decoded = envelope.ok ? decodeReceipt(envelope.value.payload) : envelope;
  if (!decoded.ok) throw new Error(decoded.message);
  const { epoch, sequence, state } = decoded.value;
  return { epoch, sequence: Number(sequence), state };
}

test('MQTT 5 brings key and signature beside a batch, and asks for an address', async () => {
  const client = await gateway();
  const heard: IPublishPacket[] = [];
  client.on('message', (_topic, _payload, packet) => heard.push(packet));
  await client.subscribeAsync(`${receiptsTopic()}/answers`, { qos: 1 });
  const edgeId = parseEdgeId(ground.fleet.edgeId);
  if (!edgeId.ok) throw new Error(edgeId.message);
  const batch: Batch = {
    edgeId: edgeId.value,
    epoch: 9_001,
    sequence: 1n,
    previousHash: new Uint8Array(32),
    createdAtMs: Date.UTC(2026, 10, 21, 8),
    stream: 'billing',
    blocks: [],
  };
  const text = Buffer.from(jsonOfBatch(batch), 'utf8');
  const form = { encoding: 'json', compression: 'none' } as const;
  const sealed = openEnvelope(signBatch(text, ground.fleet.edge, form));
  if (!sealed.ok) throw new Error(sealed.message);
  const { keyId, signature } = sealed.value;
  await client.publishAsync(batchesTopic(), text, {
    qos: 1,
    properties: {
      contentType: 'application/json',
      responseTopic: `${receiptsTopic()}/answers`,
      correlationData: Buffer.from('no 17'),
      userProperties: {
        'key-id': Buffer.from(keyId).toString('hex'),
        signature: Buffer.from(signature).toString('base64'),
      },
    },
  });
  await eventually(() => expect(heard.length).toBe(1));
  const [answer] = heard;
  expect(answer.properties?.correlationData?.toString()).toBe('no 17');
  // The payload is bare, not an envelope: so is the receipt's form that of the content.
  const { receipt } = JSON.parse(answer.payload.toString());
  expect(JSON.parse(receipt)).toMatchObject({
    epoch: 9_001,
    state: 'committed',
    hash: Buffer.from(batchHash(encodeBatch(batch))).toString('hex'),
  });
});

test('an answer goes to no topic but those of receipts', async () => {
  const client = await gateway();
  const heard: string[] = [];
  client.on('message', (topic) => heard.push(topic));
  await client.subscribeAsync(['energy/billing/updates', receiptsTopic()], { qos: 1 });
  const [one] = ground.chain(1);
  await client.publishAsync(batchesTopic(), Buffer.from(one.carried), {
    qos: 1,
    properties: { responseTopic: 'energy/billing/updates' },
  });
  await eventually(() => expect(heard).toEqual([receiptsTopic()]));
});

test('two ingest processes share the batches; one killed, nothing is lost or doubled', async () => {
  const client = await gateway(4);
  const received = new Map<number, string>();
  const chain = ground.chain(400);
  let epoch = 0;
  client.on('message', (_topic, payload) => {
    const receipt = sequenceOf(payload);
    epoch = receipt.epoch;
    received.set(receipt.sequence, receipt.state);
  });
  await client.subscribeAsync(receiptsTopic(), { qos: 1 });
  /** As a gateway does: what has no receipt is sent again. */
  const send = async (): Promise<void> => {
    const rest = chain.filter((_, index) => !received.has(index + 1));
    await Promise.all(
      rest.map(({ carried }) =>
        client.publishAsync(batchesTopic(), Buffer.from(carried), { qos: 1 }),
      ),
    );
  };
  const sending = send();
  await eventually(() => expect(received.size).toBeGreaterThan(20));
  processes[0].child.kill('SIGKILL');
  await processes[0].ended;
  await sending;
  await vi.waitFor(
    async () => {
      await send();
      expect(received.size).toBe(400);
    },
    { timeout: 120_000, interval: 1_000 },
  );
  const sequences = await loggedSequences(epoch);
  expect(sequences).toEqual(chain.map((_, index) => index + 1));
  // The slot comes back and takes what the broker has kept for it.
  processes = [processes[1], await startIngest('one', { MQTT_URL: plainUrl })];
  expect(await loggedSequences(epoch)).toEqual(sequences);
});

test('the listener on TLS speaks 1.3 and nothing older', async () => {
  const handshake = (maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
    new Promise<string>((resolve) => {
      const socket = connectTls({
        port: tlsPort,
        host: '127.0.0.1',
        maxVersion,
        rejectUnauthorized: false,
      });
      socket.once('secureConnect', () => {
        resolve(socket.getProtocol() ?? 'none');
        socket.destroy();
      });
      socket.once('error', () => resolve('refused'));
    });
  expect(await handshake('TLSv1.3')).toBe('TLSv1.3');
  expect(await handshake('TLSv1.2')).toBe('refused');
});
