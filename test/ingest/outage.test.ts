import { setInterval as beat } from 'node:timers/promises';
import mqtt from 'mqtt';
import type { MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Sql } from '../../src/db/connect.ts';
import { systemBusClock } from '../../src/devices/busClock.ts';
import { startBroker } from '../../src/embedded/broker.ts';
import { startHttpIntake } from '../../src/ingest/httpIntake.ts';
import { createIntake } from '../../src/ingest/intake.ts';
import type { Intake } from '../../src/ingest/intake.ts';
import { takeMqttBatch } from '../../src/ingest/mqttBatch.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { makeBatch } from '../support/build/chainMaker.ts';
import { importBlock } from '../support/build/edge.ts';
import { buildFleet } from '../support/build/fleet.ts';
import type { BuiltFleet } from '../support/build/fleet.ts';
import { startProxy } from './cuttableProxy.ts';
import { openIntakeGround, readReceipt, receiptKey } from './intakeGround.ts';
import type { IntakeGround } from './intakeGround.ts';
import { eventually } from '../support/eventually.ts';

/**
 * Requirement 000.34: the database is away for ten minutes while senders go on. In a usual run some
 * seconds; JOULEBOOK_OUTAGE_S=600 makes it ten minutes.
 */
const outageMs = Number(process.env['JOULEBOOK_OUTAGE_S'] ?? '3') * 1_000;
const limits = { batchesMax: 64, bytesMax: 262_144 };

let ground: IntakeGround;
beforeAll(async () => {
  ground = await openIntakeGround('outage');
});
afterAll(() => ground.close());

type Tally = { sent: number; freed: number; turnedAway: number };
type Send = (carried: Uint8Array) => Promise<'freed' | 'again'>;

/** A gateway: a batch each few milliseconds, kept until its receipt, and sent again until then. */
async function runGateway(
  fleet: BuiltFleet,
  send: Send,
  { tally, isOver }: { tally: Tally; isOver: () => boolean },
): Promise<void> {
  const kept: Uint8Array[] = [];
  let previousHash: Uint8Array = new Uint8Array(32);
  const meterId = fleet.meters.get('M1') ?? 0;
  for await (const _ of beat(20)) {
    if (isOver() && kept.length === 0) return;
    if (!isOver()) {
      tally.sent += 1;
      const made = makeBatch(fleet.edge, {
        edgeId: fleet.edgeId,
        epoch: 77,
        sequence: BigInt(tally.sent),
        previousHash,
        blocks: [importBlock([{ meterId, atMs: Date.UTC(2026, 0, 1) + tally.sent, wh: 1 }])],
      });
      previousHash = made.hash;
      kept.push(made.carried);
    }
    // The oldest ones first, several at a time, as after an outage.
    const some = kept.slice(0, 16);
    const ends = await Promise.all(
      some.map(async (carried) => {
        const end = await send(carried);
        if (end === 'freed') tally.freed += 1;
        else tally.turnedAway += 1;
        return end;
      }),
    );
    const rest = some.filter((_, index) => ends[index] === 'again');
    kept.splice(0, some.length, ...rest);
  }
}

function httpSender(url: string): Send {
  return async (carried) => {
    const headers = { 'content-type': 'application/x-protobuf' };
    const body = Buffer.from(carried);
    const response = await fetch(`${url}/v1/batches`, { method: 'POST', headers, body });
    const bytes = await response.bytes();
    if (response.status !== 200) {
      if (response.status !== 429 && response.status !== 503) throw new Error(bytes.toString());
      return 'again';
    }
    const { state } = readReceipt(bytes);
    if (state === 'refused') throw new Error('a good batch is not refused');
    return 'freed';
  };
}

/** The intake on a database that can be cut off. */
async function openRoad() {
  const direct = new URL(ground.url);
  const proxy = await startProxy({ host: direct.hostname, port: Number(direct.port) });
  const far = new URL(ground.url);
  far.host = `127.0.0.1:${proxy.port}`;
  const role = 'joulebook_writer';
  const database = await connect(far.href, { role, connectionsMax: 4, name: 'outage' });
  const clock = systemBusClock();
  const intake = createIntake({
    commit: (carried) => commitBatches({ sql: database.sql, clock }, carried),
    clock,
    onCommitted: () => {},
    report: () => {},
    limits,
  });
  const listening = { intake, key: receiptKey, tls: null, host: '127.0.0.1', port: 0 };
  const http = await startHttpIntake({ ...listening, report: () => {}, answerMs: 300 });
  const broker = await startBroker({ port: 0, onProblem: () => {} });
  if (!http.ok || !broker.ok) throw new Error('the intake listens');
  broker.value.takeBatches(async (batch) => {
    const answer = await takeMqttBatch({ intake, key: receiptKey }, batch);
    return answer === null ? null : answer.payload;
  });
  const client = await mqtt.connectAsync(broker.value.url, { protocolVersion: 4 });
  return {
    intake,
    proxy,
    url: http.value.url,
    client,
    async close() {
      await client.endAsync(true);
      await broker.value.stop();
      await http.value.close();
      await intake.stop();
      await database.close();
      await proxy.cut();
    },
  };
}

/** PUBACK follows the commit at our broker, so it frees as a receipt does. */
function mqttSender(client: MqttClient, { edgeId }: BuiltFleet): Send {
  return async (carried) => {
    await client.publishAsync(`energy/meter/batches/${edgeId}`, Buffer.from(carried), { qos: 1 });
    return 'freed';
  };
}

/** What the queue holds at most while the database is away. */
async function watch(intake: Intake, ms: number): Promise<{ batches: number; bytes: number }> {
  const most = { batches: 0, bytes: 0 };
  const endMs = Date.now() + ms;
  for await (const _ of beat(50)) {
    if (Date.now() >= endMs) break;
    const { bytes, batches } = intake.stats();
    most.bytes = Math.max(most.bytes, bytes);
    most.batches = Math.max(most.batches, batches);
  }
  return most;
}

function loggedBatches(sql: Sql) {
  return sql<{ edgeId: number; batches: number; contiguous: number }[]>`
    select l.edge_id as "edgeId", count(*)::int4 as batches, max(p.contiguous)::int4 as contiguous
    from batch_log l join edge_progress p using (edge_id, stream, epoch)
    where l.epoch = 77 group by 1 order by 1`;
}

test(
  'a database that is away costs time and nothing else (000.34)',
  async () => {
    const { sql } = ground.database;
    const { intake, proxy, url, client, close } = await openRoad();
    const second = await buildFleet(sql, { company: 'Second', meters: 1 });
    const third = await buildFleet(sql, { company: 'Third', meters: 1 });
    const gateways: readonly (readonly [BuiltFleet, Send])[] = [
      [ground.fleet, httpSender(url)],
      [second, httpSender(url)],
      [third, mqttSender(client, third)],
    ];
    const tallies = gateways.map((): Tally => ({ sent: 0, freed: 0, turnedAway: 0 }));
    let isOver = false;
    const running = Promise.all(
      gateways.map(([fleet, send], index) =>
        runGateway(fleet, send, { tally: tallies[index], isOver: () => isOver }),
      ),
    );
    await eventually(() =>
      expect(Math.min(...tallies.map(({ freed }) => freed))).toBeGreaterThan(5),
    );
    await proxy.cut();
    await eventually(() => expect(intake.stats().isHealthy).toBe(false));
    const held = await watch(intake, outageMs);
    // The tests' own way to the database is not cut.
    const freed = tallies.map((tally) => tally.freed);
    const logged = new Map((await loggedBatches(sql)).map((row) => [row.edgeId, row.batches]));
    for (const [index, [{ edgeId }]] of gateways.entries()) {
      expect(freed[index], `freed of edge ${edgeId}`).toBeLessThanOrEqual(logged.get(edgeId) ?? 0);
    }
    await eventually(() => {
      for (const { turnedAway } of tallies.slice(0, 2)) expect(turnedAway).toBeGreaterThan(0);
    });
    expect(held.batches).toBeGreaterThan(0);
    expect(held.batches).toBeLessThanOrEqual(limits.batchesMax);
    expect(held.bytes).toBeLessThanOrEqual(limits.bytesMax);
    await proxy.mend();
    await eventually(() => expect(intake.stats().isHealthy).toBe(true));
    isOver = true;
    await running;
    expect(await loggedBatches(sql)).toEqual(
      tallies.map(({ sent }, index) => {
        const [{ edgeId }] = gateways[index];
        return { edgeId, batches: sent, contiguous: sent };
      }),
    );
    await close();
  },
  outageMs + 180_000,
);
