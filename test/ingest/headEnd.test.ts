import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { takeEpoch } from '../../src/db/edges.ts';
import { keyIdOf } from '../../src/db/fleet.ts';
import { systemBusClock } from '../../src/devices/busClock.ts';
import { channelOf, importChannel, powerChannel } from '../../src/domain/channel.ts';
import type { Channel } from '../../src/domain/channel.ts';
import { openHeadEnd } from '../../src/ingest/headEnd.ts';
import type { HeadEnd, HeadEndOptions, PolledReading } from '../../src/ingest/headEnd.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { batchHash, openEnvelope } from '../../src/wire/batch.ts';
import { decodeBatch } from '../../src/wire/decodeBatch.ts';
import { edgeKeys, openGround } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';
import { eventually } from '../support/eventually.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('headend');
});
afterAll(() => ground.close());

function channel(code: number): Channel {
  const known = channelOf(code);
  if (known === null) throw new Error(`no channel ${code}`);
  return known;
}

const atMs = Date.UTC(2026, 2, 1, 12, 0);

function readings(registerWh: bigint) {
  const meterId = ground.fleet.meters.get('JB000001') ?? 0;
  return [
    { meterId, channel: channel(importChannel), readAtMs: atMs, value: registerWh },
    { meterId, channel: channel(powerChannel), readAtMs: atMs, value: -40n },
  ];
}

async function open(options: Partial<HeadEndOptions> = {}): Promise<HeadEnd> {
  const edgeId = ground.fleet.edges.get('head-end')?.edgeId;
  if (edgeId === undefined) throw new Error('the fleet has its edge');
  const { sql } = ground.writer;
  const raw = edgeKeys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return openHeadEnd({
    edgeId,
    epoch: await takeEpoch(sql, edgeId),
    key: { privateKey: edgeKeys.privateKey, keyId: keyIdOf(raw) },
    clock: { ...systemBusClock(), sleep: () => Promise.resolve() },
    commit: (carried) => commitBatches({ sql, clock: ground.clock }, carried),
    onCommitted: () => {},
    report: () => {},
    ...options,
  });
}

function submit(headEnd: HeadEnd, polled: readonly PolledReading[]): void {
  const place = headEnd.reserve();
  if (place === null) throw new Error('the head-end has room');
  place.submit(polled);
}

async function logged(): Promise<readonly Uint8Array[]> {
  const rows = await ground.writer.sql<{ carried: Uint8Array }[]>`
    select carried from batch_log order by shard, position`;
  return rows.map((row) => row.carried);
}

describe('the head-end (000.5, 000.6, 000.22)', () => {
  test('commits each poll as one signed batch, numbered and chained', async () => {
    const before = (await logged()).length;
    const rung = vi.fn<() => void>();
    const headEnd = await open({ onCommitted: rung });
    for (const registerWh of [1_000n, 1_001n, 1_002n]) submit(headEnd, readings(registerWh));
    await eventually(() => {
      expect(headEnd.stats()).toEqual({ pending: 0, committed: 3, failures: 0 });
    });
    expect(rung).toHaveBeenCalled();
    const batches = (await logged()).slice(before).map((carried) => {
      const envelope = openEnvelope(carried);
      const payload = envelope.ok ? envelope.value.payload : new Uint8Array(0);
      return { payload, decoded: decodeBatch(payload) };
    });
    expect(batches.map(({ decoded }) => decoded.ok && decoded.value.sequence)).toEqual([
      1n,
      2n,
      3n,
    ]);
    const [first, second] = batches;
    expect(second.decoded.ok && [...second.decoded.value.previousHash]).toEqual([
      ...batchHash(first.payload),
    ]);
    const blocks = first.decoded.ok ? first.decoded.value.blocks : [];
    expect(blocks.map((block) => [block.channel, block.unit, block.value[0]])).toEqual([
      [1, 30, 1_000n],
      [16, 27, -40n],
    ]);
    await headEnd.stop();
  });

  test('sends the same bytes again after a failed commit, and is no double', async () => {
    const before = (await logged()).length;
    const sent: string[] = [];
    let calls = 0;
    const headEnd = await open({
      commit: async (carried) => {
        calls += 1;
        sent.push(...carried.map((bytes) => Buffer.from(bytes).toString('hex')));
        if (calls === 1) throw new Error('connection refused');
        const answers = await commitBatches(
          { sql: ground.writer.sql, clock: ground.clock },
          carried,
        );
        if (calls === 2) throw new Error('connection lost after the commit');
        return answers;
      },
    });
    submit(headEnd, readings(2_000n));
    await eventually(() => expect(headEnd.stats()).toMatchObject({ pending: 0, failures: 2 }));
    expect(new Set(sent).size).toBe(1);
    expect((await logged()).length).toBe(before + 1);
    await headEnd.stop();
  });

  test('takes a bounded number of polls while the log takes none, loses none', async () => {
    const before = (await logged()).length;
    let isDown = true;
    const headEnd = await open({
      batchesMax: 3,
      clock: systemBusClock(),
      commit: (carried) =>
        isDown
          ? Promise.reject(new Error('the database is down'))
          : commitBatches({ sql: ground.writer.sql, clock: ground.clock }, carried),
    });
    // Polls of several buses begin before the first of them ends.
    const places = [headEnd.reserve(), headEnd.reserve(), headEnd.reserve()];
    expect(headEnd.reserve()).toBeNull();
    places[0]?.release();
    places[0] = headEnd.reserve();
    expect(headEnd.reserve()).toBeNull();
    for (const [index, place] of places.entries()) place?.submit(readings(3_000n + BigInt(index)));
    expect(headEnd.stats().pending).toBe(3);
    expect(headEnd.reserve()).toBeNull();
    expect(() => places[1]?.submit(readings(4_000n))).toThrow('a place is used once');
    isDown = false;
    await eventually(() => expect(headEnd.stats()).toMatchObject({ pending: 0, committed: 3 }));
    expect((await logged()).length).toBe(before + 3);
    await headEnd.stop();
  });

  test('a batch that is refused is reported and blocks nothing behind it', async () => {
    const codes: string[] = [];
    const stranger = await open({
      key: { privateKey: edgeKeys.privateKey, keyId: new Uint8Array(16).fill(9) },
      report: ({ code }) => codes.push(code),
    });
    submit(stranger, readings(5_000n));
    await eventually(() => expect(stranger.stats()).toMatchObject({ pending: 0, committed: 0 }));
    expect(codes).toEqual(['BATCH_KEY_UNKNOWN']);
    await stranger.stop();
  });
});
