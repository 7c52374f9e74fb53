import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import { ensureLogPartitions } from '../../src/db/log.ts';
import { quarantinedPerMinuteMax } from '../../src/domain/limits.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import type { CommitAnswer } from '../../src/operations/commitBatches.ts';
import { signBatch } from '../../src/wire/batch.ts';
import { makeBatch, makeChain } from '../support/build/chainMaker.ts';
import { importBlock, testEdge } from '../support/build/edge.ts';
import { buildFleet } from '../support/build/fleet.ts';
import type { BuiltFleet } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';
import endless from '../wire/vectors/endlessNumbers.json' with { type: 'json' };

let database: Database;
let fleet: BuiltFleet;
let epoch = 0;
let ownerUrl = '';
let nowMs = Date.UTC(2026, 5, 1, 12);
const clock = { nowMs: () => nowMs };

beforeAll(async () => {
  const { url } = await freshDatabase('commit');
  const options = { role: 'joulebook_writer', connectionsMax: 4, name: 'commit' } as const;
  database = await connect(url, options);
  ownerUrl = url;
  await ensureLogPartitions(database.sql, { nowMs, days: 1 });
  fleet = await buildFleet(database.sql, { meters: 2 });
});
afterAll(() => database.close());

/** What the writer may not do, such as revoking a key. */
async function asOwner(work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(ownerUrl, { max: 1 });
  await work(sql);
  await sql.end();
}

function freshChain(length: number) {
  epoch += 1;
  return makeChain(fleet.edge, { edgeId: fleet.edgeId, epoch, length });
}

async function commit(...carried: readonly Uint8Array[]): Promise<readonly CommitAnswer[]> {
  nowMs += 60_000; // quotas are by the minute
  return commitBatches({ sql: database.sql, clock }, carried);
}

/** Of each answer its state or code, what is contiguous, and the holes as `from-to`. */
function told(answers: readonly CommitAnswer[]): readonly string[] {
  return answers.map((answer) => {
    const place = answer.ok ? answer.value : answer.place;
    const state = answer.ok ? answer.value.state : answer.code;
    const holes = place?.missing.map(({ from, to }) => `${from}-${to}`).join(' ') ?? '';
    return `${state} ${place?.contiguous ?? '?'} ${holes}`.trim();
  });
}

async function rowsOf(code: string) {
  return database.sql<{ edge_id: number | null; actor: string; after: unknown }[]>`
    select q.edge_id, a.actor, a.after from batch_quarantine q
    join audit_entry a on a.subject = 'batch/' || encode(q.hash, 'hex')
      and a.after->>'code' = q.code
    where q.code = ${code}`;
}

describe('progress of an edge', () => {
  test('a chain in order is contiguous after each commit, in one commit or in many', async () => {
    const [one, two, three, four] = freshChain(4).map(({ carried }) => carried);
    expect(told(await commit(one))).toEqual(['committed 1']);
    expect(told(await commit(two, three, two))).toEqual([
      'committed 3',
      'committed 3',
      'duplicate 3',
    ]);
    expect(told(await commit(one, four))).toEqual(['duplicate 4', 'committed 4']);
  });

  test('a receipt names the runs that are missing, until they have come', async () => {
    const chain = freshChain(9).map(({ carried }) => carried);
    expect(told(await commit(chain[0], chain[3], chain[7]))).toEqual(
      Array.from({ length: 3 }, () => 'committed 1 2-3 5-7'),
    );
    expect(told(await commit(chain[2]))).toEqual(['committed 1 2-2 5-7']);
    expect(told(await commit(chain[1]))).toEqual(['committed 4 5-7']);
    expect(told(await commit(chain[6], chain[5], chain[4]))).toEqual(
      Array.from({ length: 3 }, () => 'committed 8'),
    );
    const [row] = await database.sql`
      select contiguous, highest, batch_count from edge_progress where epoch = ${epoch}`;
    expect(row).toEqual({ contiguous: 8n, highest: 8n, batch_count: 8n });
  });

  test('telemetry has sequences of its own', async () => {
    const [billing] = freshChain(1);
    const telemetry = makeBatch(fleet.edge, { edgeId: fleet.edgeId, epoch, stream: 'telemetry' });
    expect(told(await commit(billing.carried, telemetry.carried))).toEqual([
      'committed 1',
      'committed 1',
    ]);
    const rows = await database.sql`
      select stream, contiguous from edge_progress where epoch = ${epoch} order by stream`;
    expect([...rows]).toEqual([
      { stream: 1, contiguous: 1n },
      { stream: 2, contiguous: 1n },
    ]);
    const logged = await database.sql`
      select stream from batch_log where epoch = ${epoch} order by position`;
    expect(logged.map(({ stream }) => Number(stream))).toEqual([1, 2]);
  });
});

describe('what is refused leaves the log alone', () => {
  test('another content under a used sequence is an alarm; the first stays', async () => {
    const [first] = freshChain(1);
    const meterId = fleet.meters.get('M1') ?? 0;
    const blocks = [importBlock([{ meterId, atMs: nowMs, wh: 1 }])];
    const second = makeBatch(fleet.edge, { edgeId: fleet.edgeId, epoch, blocks });
    expect(told(await commit(first.carried, second.carried))).toEqual([
      'committed 1',
      'BATCH_SEQUENCE_REUSED 1',
    ]);
    expect(told(await commit(second.carried, first.carried))).toEqual([
      'BATCH_SEQUENCE_REUSED 1',
      'duplicate 1',
    ]);
    expect(await rowsOf('BATCH_SEQUENCE_REUSED')).toEqual([
      {
        edge_id: fleet.edgeId,
        actor: `edge/${fleet.edgeId}`,
        after: { code: 'BATCH_SEQUENCE_REUSED' },
      },
    ]);
  });

  test('who copied a refused hash is told the right one, and its number is free', async () => {
    const [first, second] = freshChain(2);
    const edgeId = fleet.edgeId;
    await commit(first.carried);
    const copied = new Uint8Array(32).fill(7);
    const refused = makeBatch(fleet.edge, { edgeId, epoch, sequence: 2n, previousHash: copied });
    const [answer] = await commit(refused.carried);
    expect(answer).toMatchObject({ ok: false, code: 'BATCH_CHAIN_BROKEN' });
    const message = 'message' in answer ? answer.message : '';
    expect(message).toContain(Buffer.from(first.hash).toString('hex'));
    expect(message).toContain('the last receipt that says committed or duplicate');
    expect(message).toContain(`send sequence 2 again`);
    expect(told(await commit(second.carried))).toEqual(['committed 2']);
  });

  test('a first batch that names one before it is told what to name', async () => {
    freshChain(1);
    const previousHash = new Uint8Array(32).fill(7);
    const [answer] = await commit(
      makeBatch(fleet.edge, { edgeId: fleet.edgeId, epoch, previousHash }).carried,
    );
    expect(answer).toMatchObject({
      code: 'BATCH_CHAIN_BROKEN',
      message: expect.stringContaining(`first of its epoch names ${'0'.repeat(64)}`),
    });
  });

  test('a batch that does not fit the one before or behind it is kept aside', async () => {
    const [, two, three] = freshChain(3);
    const edgeId = fleet.edgeId;
    const forged = new Uint8Array(32).fill(7);
    const first = makeBatch(fleet.edge, { edgeId, epoch, previousHash: forged });
    expect(told(await commit(first.carried))).toEqual(['BATCH_CHAIN_BROKEN 0']);
    expect(told(await commit(two.carried))).toEqual(['committed 0 1-1']);
    const blocks = [importBlock([{ meterId: 1, atMs: nowMs, wh: 1 }])];
    const other = makeBatch(fleet.edge, { edgeId, epoch, blocks });
    // The second says what the first was, and came before it.
    expect(told(await commit(other.carried))).toEqual(['BATCH_CHAIN_BROKEN 0 1-1']);
    const wrong = makeBatch(fleet.edge, { edgeId, epoch, sequence: 3n, previousHash: forged });
    expect(told(await commit(wrong.carried, three.carried))).toEqual([
      'BATCH_CHAIN_BROKEN 0 1-1',
      'committed 0 1-1',
    ]);
  });

  test('keys that are unknown and keys that were revoked are told apart', async () => {
    const [good] = freshChain(1);
    const stranger = makeBatch(testEdge(), { edgeId: fleet.edgeId, epoch });
    expect(told(await commit(stranger.carried, good.carried))).toEqual([
      'BATCH_KEY_UNKNOWN ?',
      'committed 1',
    ]);
    const other = await buildFleet(database.sql, { company: 'Revoked Grid', meters: 1 });
    await asOwner(
      (sql) => sql`
      update edge_key set revoked_at = now() where edge_id = ${other.edgeId}`,
    );
    const revoked = makeBatch(other.edge, { edgeId: other.edgeId });
    const forged = Uint8Array.from(revoked.carried);
    forged[20] ^= 1;
    const answers = await commit(revoked.carried, forged);
    expect(told(answers)).toEqual(['BATCH_KEY_REVOKED ?', 'BATCH_KEY_REVOKED ?']);
    // Only who holds the key writes into the edge's own quarantine.
    const rows = await rowsOf('BATCH_KEY_REVOKED');
    expect(new Set(rows.map(({ edge_id, actor }) => `${edge_id} ${actor}`))).toEqual(
      new Set([`${other.edgeId} edge/${other.edgeId}`, 'null unknown']),
    );
  });

  test('a gateway that edits or voids is refused (002.23)', async () => {
    const [, two] = freshChain(2);
    const meterId = fleet.meters.get('M1') ?? 0;
    const block = importBlock([{ meterId, atMs: nowMs, wh: 5 }]);
    const edgeId = fleet.edgeId;
    const edit = makeBatch(fleet.edge, {
      edgeId,
      epoch,
      blocks: [{ ...block, revision: Int32Array.of(1) }],
    });
    expect(told(await commit(edit.carried, two.carried))).toEqual([
      'BATCH_REVISION_FOREIGN 0 1-1',
      'committed 0 1-1',
    ]);
  });

  test('corruption carries the code EMS.E12 (000.39)', async () => {
    const [good, next] = freshChain(2);
    const changed = Uint8Array.from(next.carried);
    changed[12] ^= 1;
    const malformed = signBatch(Uint8Array.of(8, 1, 16), fleet.edge);
    const version = signBatch(Uint8Array.of(8, 9), fleet.edge);
    const noise = Uint8Array.of(1, 2, 3);
    expect(
      told(await commit(changed, malformed, version, noise, good.carried, next.carried)),
    ).toEqual([
      'BATCH_SIGNATURE_WRONG ?',
      'BATCH_MALFORMED ?',
      'BATCH_VERSION_UNKNOWN ?',
      'BATCH_MALFORMED ?',
      'committed 2',
      'committed 2',
    ]);
    for (const code of ['BATCH_SIGNATURE_WRONG', 'BATCH_VERSION_UNKNOWN']) {
      expect((await rowsOf(code)).map(({ after }) => after)).toEqual([
        { code, emsCode: 'EMS.E12' },
      ]);
    }
    expect((await rowsOf('BATCH_MALFORMED')).map(({ actor }) => actor).toSorted()).toEqual([
      `edge/${fleet.edgeId}`,
      'unknown',
    ]);
  });

  test('a number without an end stops nobody else', async () => {
    const [good] = freshChain(1);
    const signed = endless.payloads.map(({ payloadHex }) =>
      signBatch(Buffer.from(payloadHex, 'hex'), fleet.edge),
    );
    expect(told(await commit(...signed, good.carried))).toEqual([
      ...endless.payloads.map(() => 'BATCH_MALFORMED ?'),
      'committed 1',
    ]);
  });

  test('a text that the database cannot hold stops nobody else', async () => {
    const form = { encoding: 'json', compression: 'none' } as const;
    const [good] = freshChain(1);
    const head = `"version":1,"edge":1,"epoch":1,"sequence":1,"previousHash":"${'0'.repeat(64)}"`;
    const texts = [
      String.raw`{"\u0000":1}`,
      String.raw`{"\ud800":1}`,
      String.raw`{${head},"createdAt":"\u0000"}`,
    ];
    const signed = texts.map((text) => signBatch(Buffer.from(text), fleet.edge, form));
    expect(told(await commit(...signed, good.carried))).toEqual([
      'BATCH_MALFORMED ?',
      'BATCH_MALFORMED ?',
      'BATCH_MALFORMED ?',
      'committed 1',
    ]);
  });

  test('a flood of garbage is counted and fills no disk', async () => {
    const count = async (): Promise<number> => {
      const [{ rows }] = await database.sql<[{ rows: bigint }]>`
        select count(*)::int8 as rows from batch_quarantine where edge_id is null`;
      return Number(rows);
    };
    const before = await count();
    const garbage = Array.from({ length: 300 }, (_, index) =>
      Uint8Array.of(255, index, index >> 8),
    );
    await commit(...garbage);
    expect((await count()) - before).toBe(quarantinedPerMinuteMax);
    const [quota] = await database.sql`
      select only_counted from quarantine_quota where sender = 0`;
    expect(quota).toEqual({ only_counted: BigInt(300 - quarantinedPerMinuteMax) });
    const [kept] = freshChain(1);
    expect(told(await commit(kept.carried))).toEqual(['committed 1']);
  });
});

/** Bytes that open and verify, and that the decoder breaks on: a bug of ours, planted. */
class BreakingBytes extends Uint8Array {
  depth = 0;

  override subarray(begin?: number, end?: number): Uint8Array<ArrayBuffer> {
    if (this.depth > 0) throw new TypeError('planted');
    const view = new BreakingBytes(this.buffer, begin, (end ?? this.length) - (begin ?? 0));
    view.depth = this.depth + 1;
    return view;
  }
}

describe('a batch that our own code cannot judge', () => {
  test('is kept aside of its edge, and the others are in', async () => {
    const [first, second, third] = freshChain(3);
    const answers = await commit(first.carried, new BreakingBytes(second.carried), third.carried);
    expect(told(answers)).toEqual(['committed 1 2-2', 'BATCH_NOT_JUDGED ?', 'committed 1 2-2']);
    // The log of the process says where it broke.
    expect(answers[1]).toMatchObject({ fault: new TypeError('planted') });
    const rows = await rowsOf('BATCH_NOT_JUDGED');
    expect(rows).toMatchObject([{ edge_id: fleet.edgeId, after: { code: 'BATCH_NOT_JUDGED' } }]);
    // Mended, it is taken in as it came.
    expect(told(await commit(second.carried))).toEqual(['committed 3']);
  });
});

describe('a batch that the database cannot store', () => {
  test('is kept aside with one row of the audit, and the others are in', async () => {
    const chain = freshChain(5).map(({ carried }) => carried);
    // Planted: the guard of the third batch raises numeric_value_out_of_range.
    await asOwner(async (sql) => {
      await sql.unsafe(`
        create function planted() returns trigger language plpgsql as $$
          begin
            if new.epoch = ${epoch} and new.sequence = 3 then
              raise exception 'no room for 4711 of Ada Meyer' using errcode = '22003';
            end if;
            return new;
          end $$;
        create trigger planted before insert on batch_guard
          for each row execute function planted()`);
    });
    expect(told(await commit(...chain))).toEqual([
      'committed 1',
      'committed 2',
      'BATCH_NOT_STORABLE 2 3-3',
      'committed 2 3-3',
      'committed 2 3-3',
    ]);
    // Again by itself: the same answer, no second row.
    expect(told(await commit(chain[2]))).toEqual(['BATCH_NOT_STORABLE 2 3-3']);
    const kept = await database.sql<{ message: string }[]>`
      select message from batch_quarantine where code = 'BATCH_NOT_STORABLE'`;
    // Nothing of what Postgres says: it may quote the values.
    expect(kept.map(({ message }) => message)).toEqual([
      'The database refuses to store it: a value does not fit (SQLSTATE 22003). It is kept ' +
        'aside, to be replayed when the fault is mended.',
    ]);
    const rows = await rowsOf('BATCH_NOT_STORABLE');
    expect(rows).toMatchObject([{ edge_id: fleet.edgeId, after: { code: 'BATCH_NOT_STORABLE' } }]);
    // Mended, it is taken in as it came.
    await asOwner((sql) => sql.unsafe('drop trigger planted on batch_guard'));
    expect(told(await commit(chain[2]))).toEqual(['committed 5']);
  });
});
