import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import postgres from 'postgres';
import { connect } from '../../../src/db/connect.ts';
import type { Database } from '../../../src/db/connect.ts';
import { isReconciled } from '../../../src/db/protections.ts';
import type { ServerFact } from '../../../src/db/restoreMarks.ts';
import { confirmRestore } from '../../../src/operations/restore/confirmRestore.ts';
import { watchServer } from '../../../src/operations/restore/watchServer.ts';
import type { SeenFile } from '../../../src/operations/restore/watchServer.ts';
import type { Checkpoint } from '../../../src/wire/checkpoint.ts';
import { freshDatabase } from '../../support/postgres.ts';
import { keepCheckpoints, makeSigner, sealUntil } from './tamperWorld.ts';

const startMs = Date.UTC(2026, 2, 1, 12);
const clock = { nowMs: () => startMs };
const opened: Database[] = [];
let admin: postgres.Sql;

beforeAll(() => {
  admin = postgres(inject('postgresUrl'), { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  for (const database of opened) await database.close();
  await admin.end();
});

async function writerOf(url: string): Promise<Database> {
  const writer = await connect(url, {
    role: 'joulebook_writer',
    connectionsMax: 2,
    name: 'restore',
  });
  opened.push(writer);
  return writer;
}

function keepSeen(): SeenFile & { seen: ServerFact | null } {
  return {
    seen: null,
    read() {
      return this.seen;
    },
    write(seen) {
      this.seen = seen;
    },
  };
}

async function* each(kept: readonly Checkpoint[]): AsyncGenerator<Checkpoint> {
  yield* kept;
}

/** A row of audit, sealed. */
async function writeAndSeal(
  { sql }: Database,
  checkpoints: ReturnType<typeof keepCheckpoints>,
): Promise<void> {
  await sql`
    insert into audit_entry (id, company_id, at, actor, action, subject)
    values (gen_random_uuid(), null, now(), 'test', 'test', 'test')`;
  await sealUntil({ sql, clock, signer: makeSigner(), checkpoints }, 1);
}

test('a database that is put back to an older copy is marked, and nobody is cut', async () => {
  const { url } = await freshDatabase('restored');
  const name = new URL(url).pathname.slice(1);
  const first = await writerOf(url);
  const checkpoints = keepCheckpoints();
  const seenFile = keepSeen();
  await writeAndSeal(first, checkpoints);
  expect(await watchServer({ sql: first.sql, clock, seenFile, checkpoints })).toEqual({
    restored: null,
  });
  await first.close();
  await admin`create database ${admin(`${name}_backup`)} template ${admin(name)}`;
  const later = await writerOf(url);
  await writeAndSeal(later, checkpoints);
  await later.close();
  await admin`drop database ${admin(name)} with (force)`;
  await admin`create database ${admin(name)} template ${admin(`${name}_backup`)}`;
  await admin`drop database ${admin(`${name}_backup`)}`;

  const { sql } = await writerOf(url);
  const deps = { sql, clock, seenFile, checkpoints };
  expect(await watchServer(deps)).toEqual({ restored: 'a shorter chain' });
  expect(await watchServer(deps)).toEqual({ restored: 'a shorter chain' });
  expect(await isReconciled(sql)).toBe(false);

  const confirm = { ...deps, allCheckpoints: each(checkpoints.kept), onStep: () => {} };
  const by = { byWhom: 'test', reason: 'the disk was lost' };
  expect(await confirmRestore(confirm, { ...by, reason: ' ' })).toMatchObject({
    code: 'RESTORE_REASON_MISSING',
  });
  expect(await confirmRestore(confirm, by)).toEqual({ ok: true, value: { companies: 0 } });
  expect(await isReconciled(sql)).toBe(true);
  expect(await watchServer(deps)).toEqual({ restored: null });
  const again = { ...deps, allCheckpoints: each(checkpoints.kept), onStep: () => {} };
  expect(await confirmRestore(again, by)).toMatchObject({ code: 'RESTORE_NOT_OPEN' });
});

test('a restored database whose rows were changed is not reconciled', async () => {
  const { url } = await freshDatabase('restored_bad');
  const writer = await writerOf(url);
  const { sql } = writer;
  const checkpoints = keepCheckpoints();
  const seenFile = keepSeen();
  await writeAndSeal(writer, checkpoints);
  await watchServer({ sql, clock, seenFile, checkpoints });
  const owner = postgres(url, { max: 1, onnotice: () => {} });
  await owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update audit_entry set actor = 'somebody else'`;
  });
  await owner.end();
  seenFile.seen = seenFile.seen && { ...seenFile.seen, xact: seenFile.seen.xact + 1n };
  const deps = { sql, clock, seenFile, checkpoints };
  expect(await watchServer(deps)).toEqual({ restored: 'an older state' });
  const confirm = { ...deps, allCheckpoints: each(checkpoints.kept), onStep: () => {} };
  const confirmed = await confirmRestore(confirm, { byWhom: 'test', reason: 'a test' });
  expect(confirmed).toMatchObject({ ok: false, code: 'RESTORE_AUDIT_BROKEN' });
  expect(await isReconciled(sql)).toBe(false);
});

test('another server or timeline, or transactions from a lower number, is a restore', async () => {
  const changes: readonly [Partial<ServerFact>, string][] = [
    [{ systemId: '1' }, 'another server'],
    [{ timeline: 99 }, 'another timeline'],
    [{ xact: 9_999_999_999n }, 'transactions that are counted from a lower number'],
  ];
  for (const [change, restored] of changes) {
    const { url } = await freshDatabase('restored_kind');
    const { sql } = await writerOf(url);
    const seenFile = keepSeen();
    const deps = { sql, clock, seenFile, checkpoints: keepCheckpoints() };
    expect(await watchServer(deps)).toEqual({ restored: null });
    seenFile.seen = seenFile.seen && { ...seenFile.seen, ...change };
    expect(await watchServer(deps)).toEqual({ restored });
    expect(await isReconciled(sql)).toBe(false);
  }
});
