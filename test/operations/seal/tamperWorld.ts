import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import postgres from 'postgres';
import { connect } from '../../../src/db/connect.ts';
import { newestRelations } from '../../../src/db/sealedRelations.ts';
import { sealRows } from '../../../src/operations/seal/sealRows.ts';
import type { SealDeps } from '../../../src/operations/seal/sealRows.ts';
import type { CheckpointStore } from '../../../src/operations/seal/outside.ts';
import type { Checkpoint } from '../../../src/wire/checkpoint.ts';
import type { Signer } from '../../../src/wire/signer.ts';
import { signerKeyId } from '../../../src/wire/signer.ts';

export type Owner = postgres.Sql<{ bigint: bigint }>;

/** Checkpoints in memory: outside of the database, which is all that matters here. */
export type KeptCheckpoints = CheckpointStore & { readonly kept: Checkpoint[] };

export function keepCheckpoints(): KeptCheckpoints {
  const kept: Checkpoint[] = [];
  return {
    kept,
    newest: async () => kept.at(-1) ?? null,
    append: async (checkpoint) => {
      kept.push(checkpoint);
    },
  };
}

export function makeSigner(): Signer {
  const pair = generateKeyPairSync('ed25519');
  const der = pair.publicKey.export({ format: 'der', type: 'spki' });
  const publicKey = Uint8Array.from(der.subarray(-32));
  return {
    keyId: signerKeyId(publicKey),
    publicKey,
    sign: async (bytes) => sign(null, bytes, pair.privateKey),
  };
}

/** A row for each column's type: what it says does not matter, only that none is changed. */
function sampleOf({ type, column }: { type: string; column: string }, round: number): string {
  switch (type) {
    case 'uuid':
      return `'${randomUUID()}'`;
    case 'text':
      return `'${column} ${round} ä€'`;
    case 'jsonb':
      return `'{"round": ${round}, "deep": {"amount": "1.50"}}'`;
    case 'bytea':
      return `sha256('${column} ${round}')`;
    case 'timestamp with time zone':
      return `'2026-03-01T12:00:00.123456Z'::timestamptz + interval '${round} s'`;
    default:
      return String(round);
  }
}

export type Column = { readonly column: string; readonly type: string; readonly nullable: boolean };

export async function columnsOf(owner: postgres.ISql, table: string): Promise<Column[]> {
  return owner<Column[]>`
    select column_name as column, data_type as type, is_nullable = 'YES' as nullable
    from information_schema.columns
    where table_schema = 'public' and table_name = ${table} order by ordinal_position`;
}

async function insertSamples(owner: Owner, round: number, rows: number): Promise<void> {
  for (const { table } of newestRelations) {
    const columns = (await columnsOf(owner, table)).filter(({ column }) => column !== 'xact');
    const names = columns.map(({ column }) => `"${column}"`).join(', ');
    for (let row = 0; row < rows; row += 1) {
      const number = round * 100 + row;
      const values = columns.map((each) =>
        each.nullable && row % 3 === 2 ? 'null' : sampleOf(each, number),
      );
      await owner.begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        await tx.unsafe(`insert into ${table} (${names}) values (${values.join(', ')})`);
      });
    }
  }
}

/**
 * Passes until so many rows are sealed: transactions of other tests on the same server hold the
 * newest rows back.
 */
export async function sealUntil(deps: SealDeps, rows: number): Promise<void> {
  const untilMs = Date.now() + 120_000;
  for (let sealed = 0; sealed < rows;) {
    const pass = await sealRows(deps);
    if (!pass.ok) throw new Error(`${pass.code}: ${pass.message}`);
    sealed += pass.value.rows;
    if (Date.now() > untilMs) throw new Error(`only ${sealed} of ${rows} rows could be sealed`);
    if (sealed < rows) await setTimeout(20);
  }
}

/** Every sealed table with rows in several blocks, by an owner whom no check and trigger holds. */
export async function openTamperWorld(url: string, { passes, rows }: Record<string, number>) {
  const owner = postgres(url, { max: 1, onnotice: () => {}, types: { bigint: postgres.BigInt } });
  const tables = newestRelations.map(({ table }) => table);
  const constraints = await owner<{ table: string; name: string }[]>`
    select conrelid::regclass::text as table, conname as name from pg_constraint
    where contype = 'c' and conrelid::regclass::text = any(${tables})`;
  for (const { table, name } of constraints) {
    await owner.unsafe(`alter table ${table} drop constraint "${name}"`);
  }
  const writer = await connect(url, {
    role: 'joulebook_writer',
    connectionsMax: 2,
    name: 'tamper',
  });
  const checkpoints = keepCheckpoints();
  const deps = { sql: writer.sql, clock: { nowMs: () => 1_770_000_000_000 }, checkpoints };
  const signer = makeSigner();
  for (let pass = 0; pass < passes; pass += 1) {
    await insertSamples(owner, pass, rows);
    await sealUntil({ ...deps, signer }, rows * newestRelations.length);
  }
  return {
    owner,
    writer,
    checkpoints,
    signer,
    close: async () => {
      await owner.end();
      await writer.close();
    },
  };
}

export type TamperWorld = Awaited<ReturnType<typeof openTamperWorld>>;
