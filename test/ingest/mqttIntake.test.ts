import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMqttClient } from '../../src/ingest/mqttIntake.ts';
import type { MqttIntake } from '../../src/ingest/mqttIntake.ts';
import { openIntakeGround, readReceipt, receiptKey, refusedConnection } from './intakeGround.ts';
import type { IntakeGround } from './intakeGround.ts';
import { eventually } from '../support/eventually.ts';

/** A broker of the user's own that speaks MQTT 3.1.1 alone, as aedes does. */
let ground: IntakeGround;
let aedes: Aedes;
let server: Server;
let url = '';
let intake: MqttIntake;
let isDown = false;

beforeAll(async () => {
  ground = await openIntakeGround('mqtt_intake');
  aedes = new Aedes();
  await aedes.listen();
  server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `mqtt://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  intake = startMqttClient({
    intake: ground.intake({
      commit: (carried) => (isDown ? Promise.reject(refusedConnection) : ground.commit(carried)),
    }),
    key: receiptKey,
    brokerUrl: url,
    slot: 'test',
    report: ({ code }) => ground.reports.push(code),
  });
});
afterAll(async () => {
  await intake.stop();
  await new Promise<void>((resolve) => aedes.close(resolve));
  server.close();
  await ground.close();
});

test('a broker without MQTT 5 is spoken to in 3.1.1', async () => {
  await eventually(() => expect(intake.stats()).toMatchObject({ version: 4, isSubscribed: true }));
});

test('many batches share a commit, and each is acknowledged after it', async () => {
  const client = await mqtt.connectAsync(url, { protocolVersion: 4 });
  const { edgeId } = ground.fleet;
  const receipts: bigint[] = [];
  client.on('message', (_topic, payload) => receipts.push(readReceipt(payload).sequence));
  await client.subscribeAsync(`energy/meter/receipts/${edgeId}`, { qos: 1 });
  const acknowledged: unknown[] = [];
  aedes.on('ack', (packet) => acknowledged.push(packet));
  isDown = true;
  const chain = ground.chain(40);
  const before = ground.reports.length;
  for (const { carried } of chain) {
    await client.publishAsync(`energy/meter/batches/${edgeId}`, Buffer.from(carried), { qos: 1 });
  }
  await eventually(() => expect(ground.reports.length).toBeGreaterThan(before + 1));
  expect([acknowledged.length, receipts.length]).toEqual([0, 0]);
  isDown = false;
  await eventually(() => expect(receipts.length).toBe(40));
  await eventually(() => expect(acknowledged.length).toBeGreaterThanOrEqual(40));
  const [row] = await ground.database.sql`select contiguous from edge_progress`;
  expect(row).toEqual({ contiguous: 40n });
  await client.endAsync(true);
});
