import { setImmediate } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import { appendEvent, eventHeads, plainEvent, wakeReaders } from '../../src/db/events.ts';
import type { EventBlock } from '../../src/db/events.ts';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { parseAccountId, parseCompanyId } from '../../src/domain/ids.ts';
import { tailBlocksMax } from '../../src/domain/limits.ts';
import { encodeCursor, parseCursor } from '../../src/stream/cursor.ts';
import { follow } from '../../src/stream/follow.ts';
import type { FollowOptions, StreamItem } from '../../src/stream/follow.ts';
import { startTail } from '../../src/stream/tail.ts';
import type { Tail } from '../../src/stream/tail.ts';
import { freshDatabase } from '../support/postgres.ts';

// Made up: company 1 with meter 10 of account 100 and meter 11 of account 101.
const company = parseCompanyId(1);
const account = parseAccountId(100);
if (!company.ok || !account.ok) throw new Error('the ids of the test are ids');
const operator: Viewer = {
  companyId: company.value,
  role: 'operator',
  accountId: null,
  actor: 'test',
  persistedOnly: false,
};
const subscriber: Viewer = { ...operator, role: 'subscriber', accountId: account.value };
const clock = { nowMs: () => Date.now() };
const shard = 1; // company 1 modulo 4

let url: string;
let writer: Database;
let api: Database;
let tail: Tail;

beforeAll(async () => {
  ({ url } = await freshDatabase('follow'));
  writer = await connect(url, { role: 'joulebook_writer', connectionsMax: 3, name: 'writer' });
  api = await connect(url, { role: 'joulebook_api', connectionsMax: 5, name: 'api' });
  tail = await startTail(writer.sql, { pollMs: 50, onError: failOn });
});
afterAll(async () => {
  await tail.close();
  await api.close();
  await writer.close();
});

function failOn(error: unknown): void {
  throw error;
}

function rated(index: number): EventBlock {
  return {
    companyId: 1,
    kind: 'rated',
    atMs: 1_700_000_000_000 + index,
    meterIds: [10, 11],
    accountIds: [100, 101],
    readAtMs: [1_700_000_000_000 + index, 1_700_000_000_000 + index],
    registerWh: [BigInt(index), 5n],
    powerW: [1_000, 2_000],
    energyWh: [1n, 2n],
    chargedMicros: [300n, 600n],
    balanceMicros: [-300n * BigInt(index), 0n],
    detail: null,
  };
}

async function append(...blocks: EventBlock[]): Promise<void> {
  for (const block of blocks) {
    await writer.sql.begin(async (tx) => {
      await appendEvent(tx, block);
    });
  }
  await wakeReaders(writer.sql, shard);
}

async function head(): Promise<bigint> {
  return (await eventHeads(writer.sql))[shard];
}

function open(options: Partial<FollowOptions<string>> = {}) {
  return follow<string>({
    tail,
    sql: api.sql,
    viewer: subscriber,
    subject: { meterId: 10 },
    wants: () => true,
    endsAtMs: Infinity,
    after: null,
    mode: 'ALL',
    clock,
    progressMs: 10_000,
    snapshot: async () => ({ sequence: await head(), snapshot: 'now' }),
    onError: failOn,
    ...options,
  });
}

async function take(
  stream: AsyncIterator<StreamItem<string>>,
  count: number,
): Promise<StreamItem<string>[]> {
  const items: StreamItem<string>[] = [];
  while (items.length < count) {
    const { value, done } = await stream.next();
    if (done === true) break;
    items.push(value);
  }
  return items;
}

function registers(items: readonly StreamItem<string>[]): (bigint | string)[] {
  return items.map((item) => (item.kind === 'event' ? item.event.registerWh : item.kind));
}

describe('a subscription', () => {
  test('begins with a snapshot and goes on with what is committed after it', async () => {
    const stream = open();
    expect(registers(await take(stream, 1))).toEqual(['snapshot']);
    await append(rated(1), rated(2));
    expect(registers(await take(stream, 2))).toEqual([1n, 2n]);
    await stream.return?.();
  });

  test('resumed at any cursor gets each later event once, in order', async () => {
    const before = await head();
    await append(...[1, 2, 3, 4, 5].map(rated));
    for (let skip = 0n; skip < 5n; skip += 1n) {
      const stream = open({ after: { shard, sequence: before + skip } });
      const expected = [1n, 2n, 3n, 4n, 5n].slice(Number(skip));
      expect(registers(await take(stream, expected.length))).toEqual(expected);
      await stream.return?.();
    }
  });

  test('catches up from the log when it is behind what the process has at hand', async () => {
    const before = await head();
    const count = tailBlocksMax + 150;
    await append(...Array.from({ length: count }, (_, index) => rated(index + 1)));
    await expect.poll(() => tail.head(shard)).toBe(before + BigInt(count));
    expect(tail.recent(subscriber, { meterId: 10 }, { shard, after: before })).toBeNull();
    const stream = open({ after: { shard, sequence: before } });
    const expected = Array.from({ length: count }, (_, index) => BigInt(index + 1));
    expect(registers(await take(stream, count))).toEqual(expected);
    await append(rated(9_999));
    expect(registers(await take(stream, 1))).toEqual([9_999n]);
    await stream.return?.();
  });

  test('folds what has piled up into one event in mode LATEST', async () => {
    const before = await head();
    await append(rated(1), rated(2), rated(3));
    await expect.poll(() => tail.head(shard)).toBe(before + 3n);
    const stream = open({ after: { shard, sequence: before }, mode: 'LATEST' });
    const [item] = await take(stream, 1);
    expect(item).toMatchObject({
      kind: 'event',
      cursor: encodeCursor({ shard, sequence: before + 3n }),
      event: { registerWh: 3n, energyWh: 3n, chargedMicros: 900n, balanceMicros: -900n },
    });
    await stream.return?.();
  });

  test('says that it is alive, with a cursor that moves, when nothing concerns it', async () => {
    const stream = open({ progressMs: 100, subject: { meterId: 12 } });
    await take(stream, 1);
    await append(rated(1));
    const after = await head();
    await expect.poll(() => tail.head(shard)).toBe(after);
    const [first, second] = await take(stream, 2);
    expect([first?.kind, second?.kind]).toEqual(['progress', 'progress']);
    expect(second?.cursor).toBe(encodeCursor({ shard, sequence: after }));
    await stream.return?.();
  });

  test('tells of a gap, and starts over, from a cursor that lies ahead of the log', async () => {
    const stream = open({ after: { shard, sequence: (await head()) + 50n } });
    expect(registers(await take(stream, 2))).toEqual(['gap', 'snapshot']);
    await stream.return?.();
  });

  test('goes on from a cursor that this process has not heard of yet, without a gap', async () => {
    const slow = await startTail(writer.sql, { pollMs: 600_000, onError: failOn });
    await writer.sql.begin((tx) => appendEvent(tx, rated(1)));
    const sequence = await head();
    expect(slow.head(shard)).toBe(sequence - 1n);
    const stream = open({ tail: slow, after: { shard, sequence } });
    const pending = take(stream, 1);
    await append(rated(2));
    expect(registers(await pending)).toEqual([2n]);
    await stream.return?.();
    await slow.close();
  });

  test('tells of a gap, and starts over, when its next event is not kept any more', async () => {
    const before = await head();
    await append(rated(1), rated(2), rated(3));
    await expect.poll(() => tail.head(shard)).toBe(before + 3n);
    const owner = postgres(url, { max: 1, onnotice: () => {} });
    const gone = (before + 2n).toString();
    await owner`delete from event where shard = ${shard} and sequence <= ${gone}`;
    await owner.end();
    const late = open({ after: { shard, sequence: before + 1n } });
    expect(registers(await take(late, 2))).toEqual(['gap', 'snapshot']);
    await late.return?.();
    const kept = open({ after: { shard, sequence: before + 2n } });
    expect(registers(await take(kept, 1))).toEqual([3n]);
    await kept.return?.();
  });

  test('shows a subscriber only its own rows, from memory and from the log alike', async () => {
    const before = await head();
    const topUp = plainEvent({
      companyId: 1,
      kind: 'top_up',
      atMs: 1_700_000_000_000,
      subjects: [{ meterId: 0, accountId: 100 }],
      detail: { transferId: 'made up' },
      balanceMicros: [7n],
    });
    await append(rated(1), topUp);
    await expect.poll(() => tail.head(shard)).toBe(before + 2n);
    const foreign = { meterId: 11 };
    const position = { shard, after: before };
    expect(tail.recent(subscriber, foreign, position)).toEqual([]);
    expect(tail.recent(operator, foreign, position)).toHaveLength(1);
    const own = open({ after: { shard, sequence: before }, subject: { accountId: 100 } });
    const balances = (await take(own, 2)).map((item) =>
      item.kind === 'event' ? item.event.balanceMicros : item.kind,
    );
    expect(balances).toEqual([-300n, 7n]);
    await own.return?.();
  });

  test("ends with its viewer's token, and not before", async () => {
    const stream = open({ endsAtMs: Date.now() + 200 });
    expect(registers(await take(stream, 5))).toEqual(['snapshot']);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('passes over what it does not want', async () => {
    const stream = open({ wants: (event) => event.registerWh === 2n });
    await take(stream, 1);
    await append(rated(1), rated(2));
    expect(registers(await take(stream, 1))).toEqual([2n]);
    await stream.return?.();
  });

  test('closed while it waits ends its pending read at once', async () => {
    const stream = open();
    await take(stream, 1);
    const pending = stream.next();
    await stream.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
  });

  test('goes on after an outage of its database, without an event lost', async () => {
    const errors: unknown[] = [];
    let isDown = true;
    const stream = open({
      snapshot: async () => {
        if (isDown) {
          isDown = false;
          throw new Error('planted outage');
        }
        return { sequence: await head(), snapshot: 'now' };
      },
      onError: (error) => errors.push(error),
    });
    expect(registers(await take(stream, 1))).toEqual(['snapshot']);
    expect(errors).toHaveLength(1);
    await stream.return?.();
  });
});

test('a stream that could not begin for long asks again after a while, not at once', async () => {
  let nowMs = 0;
  let failures = 0;
  const stream = open({
    clock: { nowMs: () => nowMs },
    snapshot: async () => {
      if (failures < 1_000) throw new Error('the database is away');
      return { sequence: await head(), snapshot: 'now' };
    },
    onError: () => void (failures += 1),
  });
  nowMs = 20_000; // it should have been heard of meanwhile
  const first = stream.next();
  await setImmediate();
  expect(failures).toBe(1);
  await stream.return?.();
  expect(await first).toEqual({ done: true, value: undefined });
});

test('10,000 subscriptions opened and closed leave no listener behind', async () => {
  expect(tail.watcherCount()).toBe(0);
  const sequence = await head();
  const streams = Array.from({ length: 10_000 }, (_, index) =>
    open({ after: { shard, sequence }, subject: { meterId: index % 500 } }),
  );
  expect(tail.watcherCount()).toBe(10_000);
  // Half of them are closed while they wait, the others before they began.
  const pending = streams.filter((_, index) => index % 2 === 0).map((stream) => stream.next());
  await Promise.all(streams.map(async (stream) => stream.return?.()));
  await Promise.all(pending);
  expect(tail.watcherCount()).toBe(0);
});

test('a stalled subscriber keeps nothing of a thousand commits until it reads again', async () => {
  const before = await head();
  const stream = open({ after: { shard, sequence: before } });
  const block = rated(1);
  await writer.sql.begin(async (tx) => {
    for (let index = 0; index < 1_000; index += 1) await appendEvent(tx, block);
  });
  await wakeReaders(writer.sql, shard);
  await expect.poll(() => tail.head(shard)).toBe(before + 1_000n);
  // What it was not told of is only in the log now.
  expect(tail.recent(subscriber, { meterId: 10 }, { shard, after: before })).toBeNull();
  expect(await take(stream, 1_000)).toHaveLength(1_000);
  await stream.return?.();
});

test('a cursor is spelled in one way, and anything else is refused', () => {
  const position = { shard: 3, sequence: 9_223_372_036_854_775_807n };
  expect(parseCursor(encodeCursor(position))).toEqual({ ok: true, value: position });
  for (const text of ['', 'x', 'MS4x=', 'OS4x', encodeCursor(position).repeat(9), 'MS4wMQ']) {
    expect(parseCursor(text)).toMatchObject({ ok: false, code: 'CURSOR_MALFORMED' });
  }
});
