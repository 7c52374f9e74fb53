import { assert } from '../domain/assert.ts';
import { parseEdgeId } from '../domain/ids.ts';
import type { EdgeId } from '../domain/ids.ts';
import { bytesArrayOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** What the intake must know of an edge to believe its batches. */
export type EdgeKeyRow = {
  readonly keyId: Uint8Array;
  readonly companyId: number;
  readonly edgeId: number;
  readonly logShard: number;
  /** Ed25519, 32 raw bytes. */
  readonly publicKey: Uint8Array;
  /** An office enters readings of all meters of its company, and edits. */
  readonly isOffice: boolean;
  readonly isRevoked: boolean;
};

/** Whose keys these are, revoked ones too: a sender is told which of the two it is. */
export async function findEdgeKeys(
  statement: Statement,
  keyIds: readonly Uint8Array[],
): Promise<readonly EdgeKeyRow[]> {
  const rows = await statement<
    {
      key_id: Uint8Array;
      company_id: number;
      edge_id: number;
      log_shard: number;
      public_key: Uint8Array;
      is_office: boolean;
      is_revoked: boolean;
    }[]
  >`
    select k.key_id, k.company_id, k.edge_id, e.log_shard, k.public_key,
           e.kind = 'office' as is_office, k.revoked_at is not null as is_revoked
    from edge_key k join edge e on e.id = k.edge_id
    where k.key_id = any(${bytesArrayOf(keyIds)}::bytea[])`;
  return rows.map((row) => ({
    keyId: row.key_id,
    companyId: row.company_id,
    edgeId: row.edge_id,
    logShard: row.log_shard,
    publicKey: row.public_key,
    isOffice: row.is_office,
    isRevoked: row.is_revoked,
  }));
}

/** Begins a new epoch for an edge that lost its place, and returns it. */
export async function takeEpoch(statement: Statement, edgeId: number): Promise<number> {
  const [row] = await statement<{ epoch: number }[]>`
    update edge set epoch = epoch + 1 where id = ${edgeId} returning epoch`;
  if (row === undefined) throw new Error(`EDGE_UNKNOWN: there is no edge ${edgeId}`);
  return row.epoch;
}

/** The edge of that name which signs with that key; a name alone is not unique over companies. */
export async function findEdgeByName(
  statement: Statement,
  { name, keyId }: { name: string; keyId: Uint8Array },
): Promise<{ readonly edgeId: EdgeId; readonly companyId: number } | null> {
  const [row] = await statement<{ id: number; company_id: number }[]>`
    select e.id, e.company_id from edge e join edge_key k on k.edge_id = e.id
    where e.name = ${name} and k.revoked_at is null
      and k.key_id = ${Buffer.from(keyId)}`;
  if (row === undefined) return null;
  const edgeId = parseEdgeId(row.id);
  assert(edgeId.ok, 'a stored edge has an id');
  return { edgeId: edgeId.value, companyId: row.company_id };
}
