import { randomBytes } from 'node:crypto';
import mqtt from 'mqtt';
import type { MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  batchBytesMax,
  frameBytesPerBatchMax,
  intakeJsonBytesMax,
  intakeLaneBytesMax,
  readingsPerBatchMax,
} from '../../src/domain/limits.ts';
import { startBroker } from '../../src/embedded/broker.ts';
import type { Broker } from '../../src/embedded/broker.ts';
import type { Intake } from '../../src/ingest/intake.ts';
import { takeMqttBatch } from '../../src/ingest/mqttBatch.ts';
import { BatchMaker, testEdge } from '../support/build/edge.ts';
import { makeBatch } from '../support/build/chainMaker.ts';
import { openIntakeGround, readReceipt, receiptKey, refusedConnection } from './intakeGround.ts';
import type { IntakeGround } from './intakeGround.ts';
import { eventually } from '../support/eventually.ts';

let ground: IntakeGround;
let broker: Broker;
let isDown = false;
const clients: MqttClient[] = [];

function take(intake: Intake): void {
  broker.takeBatches(async (batch) => {
    const answer = await takeMqttBatch({ intake, key: receiptKey }, batch);
    return answer === null ? null : answer.payload;
  });
}

beforeAll(async () => {
  ground = await openIntakeGround('mqtt_broker');
  const started = await startBroker({ port: 0, onProblem: () => {} });
  if (!started.ok) throw new Error(started.message);
  broker = started.value;
  take(
    ground.intake({
      commit: (carried) => (isDown ? Promise.reject(refusedConnection) : ground.commit(carried)),
    }),
  );
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
});
afterAll(async () => {
  await broker.stop();
  await ground.close();
});

/** A gateway of MQTT 3.1.1 that listens to its own receipts. */
async function gateway(id = ground.fleet.edgeId) {
  const client = await mqtt.connectAsync(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  client.on('error', () => {});
  clients.push(client);
  const answers: Buffer[] = [];
  client.on('message', (_topic, payload) => answers.push(payload));
  await client.subscribeAsync(`energy/meter/receipts/${id}`, { qos: 1 });
  const send = (carried: Uint8Array) =>
    client.publishAsync(`energy/meter/batches/${id}`, Buffer.from(carried), { qos: 1 });
  return { client, answers, send };
}

describe('a gateway of MQTT 3.1.1 at the embedded broker', () => {
  test('publishes batches and hears their signed receipts', async () => {
    const { answers, send } = await gateway();
    const chain = ground.chain(20);
    await Promise.all(chain.map(({ carried }) => send(carried)));
    await eventually(() => expect(answers.length).toBe(20));
    const sequences = answers.map((bytes) => Number(readReceipt(bytes).sequence));
    expect(sequences.toSorted((a, b) => a - b)).toEqual(chain.map((_, index) => index + 1));
  });

  test('PUBACK follows the commit: while the database is away there is none', async () => {
    const { answers, send } = await gateway();
    const [one] = ground.chain(1);
    isDown = true;
    const failures = ground.reports.length;
    let isAcknowledged = false;
    const sent = send(one.carried).then(() => {
      isAcknowledged = true;
      return undefined;
    });
    await eventually(() => expect(ground.reports.length).toBeGreaterThan(failures + 1));
    expect([isAcknowledged, answers.length]).toEqual([false, 0]);
    isDown = false;
    await sent;
    await eventually(() =>
      expect(answers.map((bytes) => readReceipt(bytes).state)).toEqual(['committed']),
    );
  });

  test('what is no batch of a known edge is answered with a problem', async () => {
    const { answers, send } = await gateway();
    await send(Buffer.from('noise'));
    await send(makeBatch(testEdge(), { edgeId: 1 }).carried);
    await eventually(() => expect(answers.length).toBe(2));
    expect(answers.map((bytes) => JSON.parse(bytes.toString()))).toEqual([
      expect.objectContaining({ code: 'BATCH_MALFORMED', emsCode: 'EMS.E12' }),
      expect.objectContaining({ code: 'BATCH_KEY_UNKNOWN' }),
    ]);
  });

  test('what no queue has room for is refused at once, and not waited for', async () => {
    const batch = { payload: new Uint8Array(intakeLaneBytesMax + 1), source: 'a broker' };
    const deps = { intake: ground.intake(), key: receiptKey };
    const answer = await takeMqttBatch(deps, batch);
    expect(JSON.parse(Buffer.from(answer?.payload ?? []).toString())).toMatchObject({
      code: 'BATCH_TOO_LARGE',
    });
  });

  test('nobody may listen to batches, nor to all receipts', async () => {
    const { client } = await gateway();
    const filters = ['energy/meter/batches/1', 'energy/meter/batches/+', 'energy/meter/receipts/+'];
    for (const filter of filters) {
      await expect(client.subscribeAsync(filter)).rejects.toThrow('Unspecified error');
    }
  });

  test('receipts cannot be forged by publishing them', async () => {
    const { client } = await gateway();
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.publish('energy/meter/receipts/1', 'forged', { qos: 1 });
    await expect(closed).resolves.toBeUndefined();
  });

  test('a client that sends without waiting for acknowledgements loses nothing', async () => {
    const { client, answers } = await gateway();
    const chain = ground.chain(300);
    isDown = true;
    for (const { carried } of chain) {
      client.publish(`energy/meter/batches/${ground.fleet.edgeId}`, Buffer.from(carried), {
        qos: 1,
      });
    }
    isDown = false;
    await eventually(() => expect(answers.length).toBe(300));
    const [row] = await ground.database.sql`
      select contiguous from edge_progress order by epoch desc limit 1`;
    expect(row).toEqual({ contiguous: 300n });
  });

  test('the largest batch passes, one byte more is refused with its code', async () => {
    const { client, answers, send } = await gateway();
    const rows = readingsPerBatchMax;
    const block = {
      channel: 1,
      unit: 30,
      scaler: 0,
      meterId: new Int32Array(rows).fill(2_147_483_647),
      readAtMs: Float64Array.from({ length: rows }, (_, row) => Date.UTC(2026, 0, 1) + row * 977),
      value: BigInt64Array.from({ length: rows }, (_, row) => BigInt(row) << 35n),
      quality: new Uint8Array(rows).fill(1),
      clockOffsetMs: new Int32Array(rows).fill(59_999),
      frame: new Int32Array(rows).fill(1),
    };
    const frames = [randomBytes(frameBytesPerBatchMax)];
    const maker = new BatchMaker(ground.fleet.edge, { edgeId: ground.fleet.edgeId, epoch: 900 });
    const largest = maker.sign([block], Date.UTC(2026, 0, 1), frames);
    // The readings alone are 16,384 of 29 bytes and more.
    expect(largest.length).toBeGreaterThan(700_000);
    await send(largest);
    await eventually(() => expect(answers.length).toBe(1));
    expect(readReceipt(answers[0])).toMatchObject({ state: 'committed', epoch: 900 });

    const filled = (bytes: number) => new Uint8Array(bytes).fill(7);
    await send(filled(batchBytesMax));
    await send(filled(batchBytesMax + 1));
    await send(filled(intakeJsonBytesMax + 1));
    // As JSON, with room for its escapes, but too long all the same.
    const text = `{"keyId":"${'00'.repeat(16)}","signature":"","batch":"`;
    await send(Buffer.from(`${text}${' '.repeat(batchBytesMax + 1)}"}`));
    await eventually(() => expect(answers.length).toBe(5));
    const codes = answers.slice(1).map((bytes) => /"code":"(\w+)"/.exec(bytes.toString())?.[1]);
    expect(codes).toEqual([
      'BATCH_MALFORMED',
      'BATCH_TOO_LARGE',
      'BATCH_TOO_LARGE',
      'BATCH_TOO_LARGE',
    ]);
    // Of all that was sent, never of a part: head -c N /dev/zero | tr '\0' '\007' | sha256sum
    const hashes = answers
      .slice(1, 4)
      .map((bytes) => /"carriedSha256":"(\w+)"/.exec(bytes.toString())?.[1]);
    expect(hashes).toEqual([
      '51b12eb838732b786b4d45c660a974ddf3860ae09084fd293fa6e5df46581a6c',
      'd34ca1319dd00d103ae8cff499899d5942b22e9c22137baf801c8a63ac21218b',
      'a31e7920b0f45b33bf28024ff1ee523c3b6f4a26f8e0a790bbd81441ae59da8c',
    ]);
    expect(client.connected).toBe(true);
  });
});
