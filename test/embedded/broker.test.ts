import { once } from 'node:events';
import { connect as connectSocket, createServer } from 'node:net';
import type { Socket } from 'node:net';
import mqtt from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { generate, parser } from 'mqtt-packet';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { brokerBacklogBytesMax, brokerClientsMax } from '../../src/domain/limits.ts';
import { brokerPacketBytesMax } from '../../src/domain/limits.ts';
import { startBroker, updatesTopic } from '../../src/embedded/broker.ts';
import type { Broker } from '../../src/embedded/broker.ts';
import { eventually } from '../support/eventually.ts';

let broker: Broker;
let problems: string[] = [];
let clients: MqttClient[] = [];
let sockets: Socket[] = [];

beforeEach(async () => {
  problems = [];
  clients = [];
  sockets = [];
  broker = await start({ port: 0, stallMs: 300 });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(clients.map((client) => client.endAsync(true)));
  await broker.stop();
});

async function start(options: { port?: number; stallMs?: number }): Promise<Broker> {
  const started = await startBroker({ ...options, onProblem: (message) => problems.push(message) });
  if (!started.ok) throw new Error(started.message);
  return started.value;
}

async function connect(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, ...options });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

/** Everything published after the call, as text. */
function received(client: MqttClient): string[] {
  const payloads: string[] = [];
  client.on('message', (_topic, payload) => payloads.push(payload.toString()));
  return payloads;
}

async function granted(client: MqttClient, filter: string): Promise<readonly number[]> {
  // The client's own promise rejects on 128; the packet says what the broker said.
  return new Promise((resolve) => {
    client.once('packetreceive', (packet) => {
      if (packet.cmd === 'suback') resolve(packet.granted.map(Number));
    });
    client.subscribe(filter, () => {});
  });
}

test('anybody on this machine sees what the publisher publishes, and what lies below', async () => {
  const viewer = await connect(broker.url);
  const seen = received(viewer);
  expect(await granted(viewer, `${updatesTopic}/#`)).toEqual([0]);
  const publisher = await connect(broker.publisherUrl);
  await publisher.publishAsync(updatesTopic, 'one', { qos: 1 });
  await publisher.publishAsync(`${updatesTopic}/account-7`, 'two', { qos: 1 });
  await eventually(() => expect(seen).toEqual(['one', 'two']));
});

test.each(['#', '+/billing/updates', '$SYS/#', 'energy/#', 'energy/billing/updates2', 'commands'])(
  'the filter %s is refused, and the connection goes on',
  async (filter) => {
    const viewer = await connect(broker.url);
    expect(await granted(viewer, filter)).toEqual([128]);
    expect(await granted(viewer, updatesTopic)).toEqual([0]);
  },
);

test('a publish without the credentials ends the connection and reaches nobody', async () => {
  const viewer = await connect(broker.url);
  const seen = received(viewer);
  await viewer.subscribeAsync(updatesTopic);
  const stranger = await connect(broker.url);
  const closed = closing(stranger);
  stranger.publish(updatesTopic, 'forged');
  await closed;
  const publisher = await connect(broker.publisherUrl);
  await publisher.publishAsync(updatesTopic, 'true', { qos: 1 });
  await eventually(() => expect(seen).toEqual(['true']));
  expect(problems).toEqual([expect.stringContaining('PUBLISH_REFUSED')]);
});

test('a last will without the credentials reaches nobody', async () => {
  const viewer = await connect(broker.url);
  const seen = received(viewer);
  await viewer.subscribeAsync(updatesTopic);
  const stranger = await connect(broker.url, { will: { topic: updatesTopic, payload: 'forged' } });
  stranger.stream.destroy();
  await eventually(() => expect(broker.load().clients).toBe(1));
  const publisher = await connect(broker.publisherUrl);
  await publisher.publishAsync(updatesTopic, 'true', { qos: 1 });
  await eventually(() => expect(seen).toEqual(['true']));
});

test('wrong credentials are refused, and the id of the publisher cannot be taken', async () => {
  const wrong = new URL(broker.publisherUrl);
  wrong.password = 'guess';
  await expect(mqtt.connectAsync(wrong.href, { reconnectPeriod: 0 })).rejects.toThrow(
    'Bad username or password',
  );
  const publisher = await connect(broker.publisherUrl, { clientId: 'rates' });
  const thief = mqtt.connectAsync(broker.url, { clientId: 'rates', reconnectPeriod: 0 });
  await expect(thief).rejects.toThrow('Identifier rejected');
  expect(publisher.connected).toBe(true);
});

test('a session ends with its connection: nothing is kept for the absent', async () => {
  const first = await connect(broker.url, { clientId: 'returning', clean: false });
  await first.subscribeAsync(updatesTopic, { qos: 1 });
  await first.endAsync();
  const publisher = await connect(broker.publisherUrl);
  await publisher.publishAsync(updatesTopic, 'missed', { qos: 1 });
  const again = await connect(broker.url, { clientId: 'returning', clean: false });
  const seen = received(again);
  await again.subscribeAsync(updatesTopic, { qos: 1 });
  await publisher.publishAsync(updatesTopic, 'later', { qos: 1 });
  await eventually(() => expect(seen).toEqual(['later']));
});

test('an oversized packet ends the connection at its header, before it is gathered', async () => {
  const socket = await rawClient();
  const closed = once(socket, 'close');
  // PUBLISH with a remaining length one above the limit, and no byte of it.
  const lengthBytes: number[] = [];
  for (let rest = brokerPacketBytesMax; rest > 0; rest = Math.floor(rest / 128)) {
    lengthBytes.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
  }
  socket.write(Buffer.from([0x30, ...lengthBytes]));
  await closed;
  expect(problems).toEqual([
    expect.stringMatching(/^PACKET_TOO_LARGE: \d+ bytes, at most 2097217 are taken; send smaller/),
  ]);
});

test('a subscriber that reads nothing delays nobody, costs little and is closed', async () => {
  // It is behind before it is closed, also on a machine that sends ten times slower.
  await broker.stop();
  broker = await start({ port: 0, stallMs: 3_000 });
  const sleeper = await rawClient();
  sleeper.write(
    generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: updatesTopic, qos: 0 }] }),
  );
  await once(sleeper, 'data');
  sleeper.pause();
  const reader = await connect(broker.url);
  const seen = received(reader);
  await reader.subscribeAsync(updatesTopic);
  const publisher = await connect(broker.publisherUrl);
  // More than the kernel's buffers of both sockets hold, so that it must pile up in the broker.
  const payload = 'x'.repeat(16_384);
  const messages = 2_000;
  let backlogBytesSeen = 0;
  for (let sent = 0; sent < messages; sent += 1) {
    await publisher.publishAsync(updatesTopic, payload, { qos: 1 });
    backlogBytesSeen = Math.max(backlogBytesSeen, broker.load().backlogBytes);
  }
  await eventually(() => expect(seen).toHaveLength(messages));
  expect(backlogBytesSeen).toBeGreaterThan(brokerBacklogBytesMax / 2);
  expect(backlogBytesSeen).toBeLessThan(3 * brokerBacklogBytesMax);
  expect(broker.load().updatesMissed).toBeGreaterThan(0);
  await eventually(() => expect(broker.load().clients).toBe(2));
  expect(problems).toContainEqual(expect.stringContaining('SUBSCRIBER_BEHIND'));
  expect(problems).toContainEqual(expect.stringContaining('SUBSCRIBER_TOO_SLOW'));
});

test('a client that asks without reading the answers costs bounded memory', async () => {
  const socket = await rawClient();
  socket.pause();
  const pings = Buffer.alloc(65_536, generate({ cmd: 'pingreq' }));
  let isBlocked = false;
  socket.on('drain', () => {
    isBlocked = false;
  });
  let isClosed = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
  });
  let backlogBytesSeen = 0;
  // Until the broker reads no more: its bound is reached, and TCP holds the sender. On a busy
  // machine the client may be closed for its stall before the kernel's own buffers are full.
  await vi.waitFor(
    () => {
      isBlocked = !socket.write(pings);
      backlogBytesSeen = Math.max(backlogBytesSeen, broker.load().backlogBytes);
      const isHeld = isBlocked && socket.writableLength > 8 * pings.length;
      expect(isHeld || isClosed).toBe(true);
    },
    { timeout: 120_000, interval: 1 },
  );
  expect(backlogBytesSeen).toBeLessThan(3 * brokerBacklogBytesMax);
});

test('one client too many is told that the broker is full', async () => {
  const crowd = await Promise.all(Array.from({ length: brokerClientsMax }, () => rawClient()));
  expect(crowd).toHaveLength(brokerClientsMax);
  await expect(mqtt.connectAsync(broker.url, { reconnectPeriod: 0 })).rejects.toThrow(
    'Server unavailable',
  );
  // The publisher still gets in: the crowd must not silence the start.
  expect((await connect(broker.publisherUrl)).connected).toBe(true);
});

test('a port that is taken is refused by name; without a wish another one is found', async () => {
  expect(await startBroker({ port: broker.port, onProblem: () => {} })).toMatchObject({
    ok: false,
    code: 'PORT_TAKEN',
    message: expect.stringContaining(String(broker.port)),
  });
  // Where another process has the usual port already, it is taken just as well.
  const holder = createServer();
  await new Promise<void>((resolve) => {
    holder.once('listening', resolve).once('error', () => resolve());
    holder.listen(1883, '127.0.0.1');
  });
  const elsewhere = await start({});
  expect(elsewhere.port).not.toBe(1883);
  await elsewhere.stop();
  holder.close();
});

test('after the stop nothing listens, and the connections are closed', async () => {
  const viewer = await connect(broker.url);
  const closed = closing(viewer);
  await broker.stop();
  await closed;
  await expect(mqtt.connectAsync(broker.url, { reconnectPeriod: 0 })).rejects.toThrow(
    'ECONNREFUSED',
  );
});

function closing(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    client.once('close', () => resolve());
  });
}

/** A connected MQTT client that reads only when the test does. */
async function rawClient(): Promise<Socket> {
  const socket = connectSocket(broker.port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  const packets = parser();
  const acknowledged = once(packets, 'packet');
  const feed = (chunk: Buffer) => packets.parse(chunk);
  socket.on('data', feed);
  const clientId = `raw-${sockets.length}`;
  socket.write(generate({ cmd: 'connect', clientId, clean: true, keepalive: 0 }));
  const [packet] = await acknowledged;
  expect(packet).toMatchObject({ cmd: 'connack', returnCode: 0 });
  socket.off('data', feed);
  return socket;
}
