import { afterAll, beforeAll, expect, test } from 'vitest';
import { sealedRelations } from '../../../src/db/sealedRelations.ts';
import { readSealable, sealBeginning } from '../../../src/db/seals.ts';
import { inOneSnapshot } from '../../../src/db/reconciliation.ts';
import { restores, seals } from '../../../src/operations/doctor/seals.ts';
import type { DoctorFinding } from '../../../src/operations/doctor/check.ts';
import { sealRows } from '../../../src/operations/seal/sealRows.ts';
import { verifySeals } from '../../../src/operations/seal/verifySeals.ts';
import { freshDatabase } from '../../support/postgres.ts';
import {
  columnsOf,
  keepCheckpoints,
  makeSigner,
  openTamperWorld,
  sealUntil,
} from './tamperWorld.ts';
import type { TamperWorld } from './tamperWorld.ts';
import { eventually } from '../../support/eventually.ts';

let world: TamperWorld;

beforeAll(async () => {
  const { url } = await freshDatabase('seals');
  world = await openTamperWorld(url, { passes: 2, rows: 3 });
});
afterAll(() => world.close());

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

function verify(): Promise<DoctorFinding[]> {
  return inOneSnapshot(world.writer.sql, async (tx) => {
    const found: DoctorFinding[] = [];
    const checkpoints = each(world.checkpoints.kept);
    const context = { tx, checkpoints, trustedKeys: [], onProgress: () => {} };
    for await (const finding of verifySeals(context)) found.push(finding);
    return found;
  });
}

test('every column of every sealed table is in its canonical form', async () => {
  for (const { table, columns } of sealedRelations) {
    const names = (await columnsOf(world.owner, table)).map(({ column }) => column);
    expect(columns.map(({ name }) => name).toSorted(), table).toEqual(names.toSorted());
  }
});

test('an untouched chain verifies, and each row is sealed once', async () => {
  expect(await verify()).toEqual([]);
  const [{ rows }] = await world.owner<[{ rows: bigint }]>`select sum(rows) as rows from seal`;
  expect(rows).toBe(BigInt(sealedRelations.length * 2 * 3));
});

test('planted: the doctor names a changed row and an open restore', async () => {
  class Undone extends Error {}
  const found: string[] = [];
  let edited = '';
  await world.owner
    .begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      const [row] = await tx<[{ id: string }]>`
        update audit_entry set actor = 'nobody' where id = (select min(id::text)::uuid from
          audit_entry) returning id`;
      await tx`
        insert into restore_mark (system_id, timeline, xact_seen, kind, at, by_whom)
        values ('1', 1, '1', 'restored', now(), 'test')`;
      const context = { tx, nowMs: 0, onProgress: () => {} };
      for (const check of [seals, restores]) {
        for await (const { code, subject } of check.find(context)) found.push(`${code} ${subject}`);
      }
      edited = row.id;
      throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
  expect(found).toEqual([`SEAL_ROW_EDITED audit_entry/${edited}`, 'RESTORE_OPEN database']);
});

test('a pass over nothing new writes nothing', async () => {
  const { writer, signer, checkpoints } = world;
  const deps = { sql: writer.sql, signer, checkpoints, clock: { nowMs: () => 0 } };
  expect(await sealRows(deps)).toEqual({ ok: true, value: { blocks: 0, rows: 0, hasMore: false } });
});

test('a row of a transaction that still runs is sealed later, none before it is lost', async () => {
  const { url } = await freshDatabase('seal_late');
  const late = await openTamperWorld(url, { passes: 1, rows: 1 });
  const { writer, owner, signer, checkpoints } = late;
  const deps = { sql: writer.sql, signer, checkpoints, clock: { nowMs: () => 0 } };
  const insert = (tx: typeof owner) => tx`
    insert into audit_entry (id, company_id, at, actor, action, subject)
    values (gen_random_uuid(), null, now(), 'late', 'test', 'late')`;
  const pass = await writer.sql.begin(async (open) => {
    await open`
      insert into audit_entry (id, company_id, at, actor, action, subject)
      values (gen_random_uuid(), null, now(), 'open', 'test', 'open')`;
    await insert(owner);
    return sealRows({ ...deps, sql: writer.sql });
  });
  expect(pass).toMatchObject({ ok: true, value: { rows: 0 } });
  await sealUntil(deps, 2);
  await late.close();
});

test('two sealers at once seal each row once', async () => {
  const { url } = await freshDatabase('seal_two');
  const two = await openTamperWorld(url, { passes: 1, rows: 1 });
  const { writer, owner, signer } = two;
  await owner`
    insert into audit_entry (id, company_id, at, actor, action, subject)
    select gen_random_uuid(), null, now(), 'many', 'test', 'many' from generate_series(1, 5000)`;
  const deps = () => ({
    sql: writer.sql,
    signer,
    checkpoints: keepCheckpoints(),
    clock: { nowMs: () => 0 },
  });
  const total = BigInt(5_000 + sealedRelations.length);
  await eventually(async () => {
    await Promise.all([sealRows(deps()), sealRows(deps())]);
    const [{ rows }] = await owner<[{ rows: bigint }]>`select sum(rows) as rows from seal`;
    expect(rows).toBe(total);
  });
  await sealRows(deps());
  const [{ rows }] = await owner<[{ rows: bigint }]>`select sum(rows) as rows from seal`;
  expect(rows).toBe(total);
  const [{ sizes }] = await owner<[{ sizes: number[] }]>`
    select array_agg(rows order by ordinal) as sizes from seal where rows > 1`;
  expect(sizes).toEqual([2_000, 2_000, 1_000]);
  await two.close();
});

test('a chain that is shorter than its checkpoint is not added to', async () => {
  const { url } = await freshDatabase('seal_cut');
  const cut = await openTamperWorld(url, { passes: 2, rows: 1 });
  const { writer, owner, signer, checkpoints } = cut;
  await owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`delete from seal where ordinal > 12`;
  });
  const deps = { sql: writer.sql, signer, checkpoints, clock: { nowMs: () => 0 } };
  expect(await sealRows(deps)).toMatchObject({ ok: false, code: 'SEAL_CHAIN_CUT' });
  await cut.close();
});

test('a server that counts transactions from a lower number is told of', async () => {
  const { url } = await freshDatabase('seal_low');
  const low = await openTamperWorld(url, { passes: 1, rows: 1 });
  const { writer, owner, signer } = low;
  await owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update seal set xact_below = '9999999999'`;
  });
  const checkpoints = keepCheckpoints();
  const deps = { sql: writer.sql, signer, checkpoints, clock: { nowMs: () => 0 } };
  expect(await sealRows(deps)).toMatchObject({ ok: false, code: 'SEAL_XACT_WENT_BACK' });
  await low.close();
});

test('a chain signed by a key that nobody outside knows is found', async () => {
  const { url } = await freshDatabase('seal_foreign');
  const foreign = await openTamperWorld(url, { passes: 1, rows: 1 });
  const found = await inOneSnapshot(foreign.writer.sql, async (tx) => {
    const codes = new Set<string>();
    const { publicKey } = makeSigner();
    const context = { tx, checkpoints: null, trustedKeys: [publicKey], onProgress: () => {} };
    for await (const { code } of verifySeals(context)) codes.add(code);
    return [...codes];
  });
  expect(found).toEqual(['SEAL_KEY_UNKNOWN']);
  await foreign.close();
});

test('rows are sealed in the order of their transactions, 9 before 10', async () => {
  const audit = sealedRelations.find(({ table }) => table === 'audit_entry');
  if (audit === undefined) throw new Error('the audit is sealed');
  // Of the world's own rows none is as old.
  await world.owner`
    insert into audit_entry (id, company_id, at, actor, action, subject, xact)
    select gen_random_uuid(), null, now(), 'old', 'test', 'old', x::text::xid8
    from unnest(array[10, 9, 100]) as x`;
  const to = { xact: 101n, key: null };
  const rows = await readSealable(world.writer.sql, audit, { from: sealBeginning, to, limit: 2 });
  expect(rows.map(({ xact }) => xact)).toEqual([9n, 10n]);
});
