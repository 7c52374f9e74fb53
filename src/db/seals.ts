import { assert } from '../domain/assert.ts';
import type { Statement, Transaction } from './connect.ts';
import type { SealedColumn, SealedRelation } from './sealedRelations.ts';

/** A place among a table's rows in the order of their transactions, then of their keys. */
export type SealPoint = {
  readonly xact: bigint;
  /** Null: before every row of this transaction. */
  readonly key: readonly string[] | null;
};

export const sealBeginning: SealPoint = { xact: 0n, key: null };

export type SealableRow = {
  readonly xact: bigint;
  readonly key: readonly string[];
  /** All columns of the relation in their order, as their canonical text. */
  readonly fields: readonly (Uint8Array | null)[];
};

function quoted(name: string): string {
  assert(/^[a-z_]+$/.test(name), 'a column of ours');
  return `"${name}"`;
}

/** Instants in whole microseconds, which is all that a column keeps of them. */
function textOf({ name, kind }: SealedColumn): string {
  const column = quoted(name);
  switch (kind) {
    case 'instant':
      return (
        `case when isfinite(${column}) then (extract(epoch from ${column}) * 1000000)::int8::text` +
        ` else ${column}::text end`
      );
    case 'bytes':
      return `encode(${column}, 'hex')`;
    case 'plain':
      return `${column}::text`;
  }
}

/**
 * Texts by their bytes: an order that no collation of a later server changes. Named with their
 * table, as a bare name in an ORDER BY is the selected text of that name, and "10000" < "9999".
 */
function orderOf({ key, table }: SealedRelation): string {
  const columns = key.map(({ name, type }) => {
    const column = `${quoted(table)}.${quoted(name)}`;
    return type === 'text' ? `${column} collate "C"` : column;
  });
  return [`${quoted(table)}.xact`, ...columns].join(', ');
}

const decoder = new TextDecoder();

function rowOf(relation: SealedRelation, fields: readonly (Uint8Array | null)[]): SealableRow {
  const texts = new Map(relation.columns.map(({ name }, at) => [name, fields[at]]));
  const textAt = (name: string): string => {
    const bytes = texts.get(name);
    assert(bytes !== null && bytes !== undefined, 'keys and transactions are never null');
    return decoder.decode(bytes);
  };
  const key = relation.key.map(({ name }) => textAt(name));
  return { xact: BigInt(textAt('xact')), key, fields };
}

/** Values and the texts that stand for them in a statement. */
class Values {
  readonly all: (string | number)[] = [];

  add(value: string | number, type: string): string {
    this.all.push(value);
    // Through text: a parameter of another type would be rendered by the client.
    return `$${this.all.length}::text::${type}`;
  }

  point(relation: SealedRelation, xact: bigint, key: readonly string[]): string {
    const parts = [this.add(String(xact), 'xid8')];
    for (const [at, { type }] of relation.key.entries()) parts.push(this.add(key[at], type));
    return parts.join(', ');
  }
}

async function readRows(
  tx: Statement,
  relation: SealedRelation,
  { where, values, limit }: { readonly where: string; readonly values: Values; limit: number },
): Promise<readonly SealableRow[]> {
  const columns = relation.columns.map(textOf).join(', ');
  const statement =
    `select ${columns} from ${quoted(relation.table)} where ${where} ` +
    `order by ${orderOf(relation)} limit ${limit}`;
  const rows = await tx.unsafe(statement, values.all).raw();
  return rows.map((fields) => rowOf(relation, fields));
}

/** Rows after `from` and up to `to`: a `to` without a key is before that transaction. */
export function readSealable(
  tx: Statement,
  relation: SealedRelation,
  { from, to, limit }: { readonly from: SealPoint; readonly to: SealPoint; limit: number },
): Promise<readonly SealableRow[]> {
  const values = new Values();
  const order = orderOf(relation);
  const where = [
    `xact >= ${values.add(String(from.xact), 'xid8')}`,
    `xact ${to.key === null ? '<' : '<='} ${values.add(String(to.xact), 'xid8')}`,
  ];
  if (from.key !== null) {
    where.push(`(${order}) > (${values.point(relation, from.xact, from.key)})`);
  }
  if (to.key !== null) {
    where.push(`(${order}) <= (${values.point(relation, to.xact, to.key)})`);
  }
  return readRows(tx, relation, { where: where.join(' and '), values, limit });
}

/** The row of this key, whichever transaction it says that it is of. */
export async function findSealable(
  tx: Statement,
  relation: SealedRelation,
  key: readonly string[],
): Promise<SealableRow | null> {
  const values = new Values();
  const where = relation.key
    .map(({ name, type }, at) => `${quoted(name)} = ${values.add(key[at], type)}`)
    .join(' and ');
  const [row] = await readRows(tx, relation, { where, values, limit: 1 });
  return row ?? null;
}

export type SealRow = {
  readonly shard: number;
  readonly ordinal: bigint;
  readonly relation: string;
  readonly rows: number;
  readonly keys: Uint8Array;
  readonly hashes: Uint8Array;
  readonly xactBelow: string;
  readonly previous: Uint8Array;
  readonly head: Uint8Array;
  readonly sealedAtMicros: string;
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
};

function sealColumns(tx: Statement) {
  return tx`shard, ordinal, relation, rows, keys, hashes, xact_below as "xactBelow", previous, head,
    case when isfinite(sealed_at) then (extract(epoch from sealed_at) * 1000000)::int8::text
         else sealed_at::text end as "sealedAtMicros",
    key_id as "keyId", signature`;
}

/** Of any shard, in order: an honest chain has one. */
export function readSeals(
  tx: Statement,
  {
    afterShard,
    afterOrdinal,
    limit,
  }: { readonly afterShard: number; readonly afterOrdinal: bigint; readonly limit: number },
): Promise<readonly SealRow[]> {
  return tx<SealRow[]>`
    select ${sealColumns(tx)} from seal
    where (shard, ordinal) > (${afterShard}, ${afterOrdinal})
    order by shard, ordinal limit ${limit}`;
}

export async function newestSeal(tx: Statement, shard: number): Promise<SealRow | null> {
  const [row] = await tx<SealRow[]>`
    select ${sealColumns(tx)} from seal where shard = ${shard} order by ordinal desc limit 1`;
  return row ?? null;
}

export async function sealAt(
  tx: Statement,
  { shard, ordinal }: { readonly shard: number; readonly ordinal: bigint },
): Promise<SealRow | null> {
  const [row] = await tx<SealRow[]>`
    select ${sealColumns(tx)} from seal where shard = ${shard} and ordinal = ${ordinal}`;
  return row ?? null;
}

/** The newest block under one of these names. */
export async function newestSealOf(
  tx: Statement,
  { shard, relations }: { readonly shard: number; readonly relations: readonly string[] },
): Promise<SealRow | null> {
  const [row] = await tx<SealRow[]>`
    select ${sealColumns(tx)} from seal
    where shard = ${shard} and relation = any(${[...relations]}::text[])
    order by ordinal desc limit 1`;
  return row ?? null;
}

/** Blocks under these names from an ordinal on, in order. */
export function readSealsOf(
  tx: Statement,
  of: {
    readonly shard: number;
    readonly relations: readonly string[];
    readonly from: bigint;
    readonly limit: number;
  },
): Promise<readonly SealRow[]> {
  return tx<SealRow[]>`
    select ${sealColumns(tx)} from seal
    where shard = ${of.shard} and ordinal >= ${of.from}
      and relation = any(${[...of.relations]}::text[])
    order by ordinal limit ${of.limit}`;
}

/** False: somebody else wrote the block of this number first. */
export async function insertSeal(tx: Transaction, seal: SealRow): Promise<boolean> {
  const inserted = await tx`
    insert into seal (shard, ordinal, relation, rows, keys, hashes, xact_below, previous, head,
                      sealed_at, key_id, signature)
    values (${seal.shard}, ${seal.ordinal}, ${seal.relation}, ${seal.rows}, ${seal.keys},
            ${seal.hashes}, ${seal.xactBelow}, ${seal.previous}, ${seal.head},
            'epoch'::timestamptz + ${seal.sealedAtMicros}::text::int8 * interval '1 microsecond',
            ${seal.keyId}, ${seal.signature})
    on conflict do nothing`;
  return inserted.count === 1;
}

/** Every row of a transaction below this one is there, or never will be. */
export async function oldestRunningXact(tx: Statement): Promise<bigint> {
  const [row] = await tx<[{ xact: string }]>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as xact`;
  return BigInt(row.xact);
}

/** One sealer at a time, until the transaction ends. */
export async function lockSeals(tx: Transaction, shard: number): Promise<boolean> {
  const [row] = await tx<[{ isMine: boolean }]>`
    select pg_try_advisory_xact_lock(hashtext('joulebook seal'), ${shard}) as "isMine"`;
  return row.isMine;
}

export type SigningKeyRow = { readonly keyId: Uint8Array; readonly publicKey: Uint8Array };

export function readSigningKeys(tx: Statement): Promise<readonly SigningKeyRow[]> {
  return tx<SigningKeyRow[]>`
    select key_id as "keyId", public_key as "publicKey" from signing_key order by known_since`;
}

export async function insertSigningKey(
  tx: Statement,
  { keyId, publicKey, atMs }: SigningKeyRow & { readonly atMs: number },
): Promise<void> {
  await tx`
    insert into signing_key (key_id, public_key, known_since)
    values (${keyId}, ${publicKey}, ${new Date(atMs)}) on conflict do nothing`;
}

/** Audit rows of a block, as they are told in the file beside the table. */
export function readAuditRows(tx: Statement, ids: readonly string[]): Promise<readonly AuditRow[]> {
  return tx<AuditRow[]>`
    select id, company_id as "companyId", at, actor, action, subject, before, after
    from audit_entry where id = any(${[...ids]}::text[]::uuid[])
    order by array_position(${[...ids]}::text[]::uuid[], id)`;
}

export type AuditRow = {
  readonly id: string;
  readonly companyId: number | null;
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly before: unknown;
  readonly after: unknown;
};
