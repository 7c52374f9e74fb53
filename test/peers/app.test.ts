import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import mqtt from 'mqtt';
import type { MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFolder } from '../app/joulebook.ts';
import { expectTheRoad, expectToEnd, startRoles } from '../app/separateRoles.ts';
import type { Roles } from '../app/separateRoles.ts';
import { freshDatabase } from '../support/postgres.ts';
import { freePort, startPeer } from './modbusPeers.ts';
import type { Peer } from './modbusPeers.ts';
import { eventually } from '../support/eventually.ts';

/** Separate processes on a Redis and a mosquitto of the user's own, the Debian packages. */
let folder: string;
let redisPeer: Peer;
let brokerPeer: Peer;
let redis: Redis;
let listener: MqttClient;
let roles: Roles;
const heard: string[] = [];

/** A missing peer fails the suite with the one command that installs it; it is never skipped. */
function requirePeer(program: string, { probe, install }: { probe: string; install: string }) {
  try {
    execFileSync(program, [probe], { stdio: 'ignore' });
  } catch (error) {
    // A program that runs and complains about its arguments is there.
    const runs = error instanceof Error && 'status' in error && typeof error.status === 'number';
    if (!runs) throw new Error(`${program} is missing. Install it: ${install}`, { cause: error });
  }
  return program;
}

function mosquitto(): string {
  // Debian puts daemons where a user's PATH does not look.
  process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin`;
  return requirePeer('mosquitto', { probe: '-h', install: 'apt-get install -y mosquitto' });
}

beforeAll(async () => {
  folder = openFolder();
  const redisServer = requirePeer('redis-server', {
    probe: '--version',
    install: 'apt-get install -y redis-server',
  });
  const broker = mosquitto();
  const redisPort = await freePort();
  const memory = ['--bind', '127.0.0.1', '--save', '', '--dir', folder];
  redisPeer = startPeer(redisServer, ['--port', String(redisPort), ...memory]);
  const brokerPort = await freePort();
  const brokerConfig = join(folder, 'mosquitto.conf');
  writeFileSync(brokerConfig, `listener ${brokerPort} 127.0.0.1\nallow_anonymous true\n`);
  brokerPeer = startPeer(broker, ['-c', brokerConfig]);
  redis = new Redis({ port: redisPort, maxRetriesPerRequest: null });
  redis.on('error', () => {}); // until it listens
  await eventually(async () => expect(await redis.ping()).toBe('PONG'));
  const brokerUrl = `mqtt://127.0.0.1:${brokerPort}`;
  listener = await eventually(() => mqtt.connectAsync(brokerUrl, { reconnectPeriod: 0 }));
  listener.on('message', (_topic, payload) => heard.push(payload.toString('utf8')));
  await listener.subscribeAsync('energy/billing/updates', { qos: 1 });
  const { url } = await freshDatabase('peers');
  roles = await startRoles(folder, {
    DATABASE_URL: url,
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    MQTT_URL: brokerUrl,
  });
});
afterAll(async () => {
  await roles?.close();
  await listener?.endAsync(true);
  redis?.disconnect();
  await redisPeer?.stop();
  await brokerPeer?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a reading becomes money and a command reaches the meter, by queues in Redis', async () => {
  await expectTheRoad(roles);
  const keys = await redis.keys('*');
  expect(keys.filter((key) => key.includes('pollBus'))).not.toEqual([]);
});

test('mosquitto tells the rated updates', async () => {
  await eventually(() => expect(heard).not.toEqual([]));
  const update: unknown = JSON.parse(heard[0] ?? '');
  expect(update).toMatchObject({ updates: expect.arrayContaining([]) });
});

test('a Redis that forgets everything delays the polls and ends none', async () => {
  await redis.flushall();
  const before = heard.length;
  await eventually(() => expect(heard.length).toBeGreaterThan(before + 2));
});

test('each ends at SIGTERM with 0', async () => {
  await expectToEnd(roles);
});
