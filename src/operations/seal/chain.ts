import type { Statement } from '../../db/connect.ts';
import { sealedRelations } from '../../db/sealedRelations.ts';
import type { SealedRelation } from '../../db/sealedRelations.ts';
import { newestSealOf, sealBeginning } from '../../db/seals.ts';
import type { SealPoint, SealRow } from '../../db/seals.ts';
import { assert } from '../../domain/assert.ts';
import { readGroups } from '../../wire/sealBytes.ts';

/** There is one: its pace is far above what a house writes. */
export const onlyShard = 0;

/** What the first block has in place of the head before it. */
export const firstPrevious = Buffer.alloc(32);

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export type SealedKey = { readonly xact: bigint; readonly key: readonly string[] };

const integerMax: Readonly<Record<string, number>> = { int2: 32_767, int4: 2_147_483_647 };

/** Whether Postgres would read this text as a key: bytes that somebody changed are anything. */
function isKey(type: string, text: string): boolean {
  if (type === 'uuid') return uuidPattern.test(text);
  if (type === 'text') return !text.includes('\0');
  return /^\d{1,10}$/.test(text) && Number(text) <= integerMax[type];
}

/** The keys of a block, or null where its bytes are no such keys. */
export function keysOf(
  seal: Pick<SealRow, 'keys' | 'rows'>,
  relation: SealedRelation,
): readonly SealedKey[] | null {
  const groups = readGroups(seal.keys, 1 + relation.key.length);
  if (groups === null || groups.length !== seal.rows) return null;
  const keys: SealedKey[] = [];
  for (const [xact, ...key] of groups) {
    if (!/^\d{1,19}$/.test(xact)) return null;
    if (!relation.key.every(({ type }, at) => isKey(type, key[at]))) return null;
    keys.push({ xact: BigInt(xact), key });
  }
  return keys;
}

export function relationNamed(name: string): SealedRelation | null {
  return sealedRelations.find((relation) => relation.name === name) ?? null;
}

/** Up to where a block sealed its table: a full one ends within a transaction, at its last row. */
export function endOf(xactBelow: bigint, keys: readonly SealedKey[]): SealPoint {
  const last = keys.at(-1);
  return last !== undefined && last.xact === xactBelow ? last : { xact: xactBelow, key: null };
}

/** Up to where a table is sealed by its own blocks. */
export async function sealedUpTo(tx: Statement, table: string): Promise<SealPoint> {
  const relations = sealedRelations
    .filter((relation) => relation.table === table)
    .map(({ name }) => name);
  const seal = await newestSealOf(tx, { shard: onlyShard, relations });
  if (seal === null) return sealBeginning;
  const relation = relationNamed(seal.relation);
  assert(relation !== null, 'it was asked for by its name');
  const keys = keysOf(seal, relation);
  assert(keys !== null, 'the newest block of a table can be read');
  return endOf(BigInt(seal.xactBelow), keys);
}
