import { execFileSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect } from 'vitest';
import { testQueues } from '../workers/queueContract.ts';
import { freePort, startPeer } from './modbusPeers.ts';
import type { Peer } from './modbusPeers.ts';
import { eventually } from '../support/eventually.ts';

let peer: Peer;
let redis: Redis;

/** A missing peer fails the suite with the one command that installs it; it is never skipped. */
function requireRedis(): string {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return 'redis-server';
  } catch {
    throw new Error('redis-server is missing. Install it: apt-get install -y redis-server');
  }
}

beforeAll(async () => {
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', '/tmp'];
  peer = startPeer(requireRedis(), options);
  redis = new Redis({ port, maxRetriesPerRequest: null, lazyConnect: true });
  redis.on('error', () => {}); // until it listens
  await eventually(async () => expect(await redis.ping()).toBe('PONG'));
});
afterAll(async () => {
  redis.disconnect();
  await peer.stop();
});

testQueues('Redis', async () => {
  await redis.flushall();
  return { kind: 'redis', connection: redis };
});
