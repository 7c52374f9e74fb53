import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tellAudit } from '../../src/operations/seal/tellAudit.ts';
import { openAuditFile } from '../../src/signers/auditFile.ts';
import { openCheckpointFile } from '../../src/signers/checkpointFile.ts';
import { openTamperWorld } from '../operations/seal/tamperWorld.ts';
import type { TamperWorld } from '../operations/seal/tamperWorld.ts';
import { freshDatabase } from '../support/postgres.ts';
import { runCli } from './runCli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'joulebook-audit-'));
const checkpoints = path.join(folder, 'seals.jsonl');
let world: TamperWorld;
let url: string;

beforeAll(async () => {
  ({ url } = await freshDatabase('audit_cli'));
  world = await openTamperWorld(url, { passes: 2, rows: 2 });
  const store = openCheckpointFile(checkpoints);
  for (const checkpoint of world.checkpoints.kept) await store.append(checkpoint);
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

function verify() {
  return runCli(['audit', 'verify', '--database', url, '--checkpoints', checkpoints, '--json']);
}

test('audit verify counts what it worked out anew; one changed byte is named', async () => {
  const clean = await verify();
  expect(JSON.parse(clean.stdout)).toMatchObject({ ok: true, rows: 36, findings: [] });
  expect(clean.exitCode).toBe(0);
  const { owner } = world;
  const [row] = await owner<[{ id: string }]>`select id from transfer order by id limit 1`;
  const change = (by: bigint) =>
    owner.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update transfer set amount_micros = amount_micros + ${by} where id = ${row.id}`;
    });
  await change(1n);
  const changed = await verify();
  await change(-1n);
  expect(changed.exitCode).toBe(1);
  expect(JSON.parse(changed.stdout)).toMatchObject({
    ok: false,
    code: 'AUDIT_TAMPERED',
    findings: [{ code: 'SEAL_ROW_EDITED', subject: `transfer/${row.id}` }],
  });
});

test('audit checkpoint tells the head that is outside', async () => {
  const { stdout } = await runCli(['audit', 'checkpoint', '--database', url, '--json']);
  const newest = world.checkpoints.kept.at(-1);
  expect(newest?.kind).toBe('sealed');
  expect(JSON.parse(stdout)).toMatchObject({ head: newest?.kind === 'sealed' && newest.head });
});

test('requirement 000.37: each audit row is once in the file beside the table', async () => {
  const name = path.join(folder, 'audit.log');
  const deps = { sql: world.writer.sql, file: openAuditFile(name) };
  expect(await tellAudit(deps)).toEqual({ lines: 4 });
  expect(await tellAudit(deps)).toEqual({ lines: 0 });
  const lines = readFileSync(name, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(4);
  expect(JSON.parse(lines[0])).toMatchObject({ actor: expect.stringContaining('actor') });
});

test('audit rows that were deleted before they were told hold no others up', async () => {
  const name = path.join(folder, 'audit-with-holes.log');
  const { owner, writer } = world;
  const deps = { sql: writer.sql, file: openAuditFile(name) };
  // Of the second block of two.
  await owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`delete from audit_entry where xact >= (
      select xact from audit_entry order by xact limit 1 offset 2)`;
  });
  expect(await tellAudit(deps)).toEqual({ lines: 2 });
  expect(await tellAudit(deps)).toEqual({ lines: 0 });
  expect(readFileSync(name, 'utf8').trimEnd().split('\n')).toHaveLength(2);
});
