import type { Statement } from './connect.ts';

/** Keys by which the edges of a company sign, as its staff see them. */

export type EdgeKeyView = {
  readonly keyId: Uint8Array;
  readonly edgeId: number;
  readonly edgeName: string;
  readonly kind: 'gateway' | 'office';
  readonly revokedAt: Date | null;
};

/** Of the company, by edge; the oldest of an edge in no order, because keys carry no date. */
export async function listEdgeKeys(
  statement: Statement,
  { companyId, limit }: { readonly companyId: number; readonly limit: number },
): Promise<readonly EdgeKeyView[]> {
  return statement<EdgeKeyView[]>`
    select k.key_id as "keyId", k.edge_id as "edgeId", e.name as "edgeName", e.kind,
           k.revoked_at as "revokedAt"
    from edge_key k join edge e on e.id = k.edge_id
    where k.company_id = ${companyId}
    order by e.name, k.revoked_at nulls first, k.key_id limit ${limit}`;
}

/** Null where the company has no such key. */
export async function findEdgeKey(
  statement: Statement,
  { companyId, keyId }: { readonly companyId: number; readonly keyId: Uint8Array },
): Promise<EdgeKeyView | null> {
  const [row] = await statement<EdgeKeyView[]>`
    select k.key_id as "keyId", k.edge_id as "edgeId", e.name as "edgeName", e.kind,
           k.revoked_at as "revokedAt"
    from edge_key k join edge e on e.id = k.edge_id
    where k.company_id = ${companyId} and k.key_id = ${keyId}`;
  return row ?? null;
}

/** Whether it was good until now. */
export async function revokeKey(
  tx: Statement,
  key: { readonly companyId: number; readonly keyId: Uint8Array; readonly atMs: number },
): Promise<boolean> {
  const revoked = await tx`
    update edge_key set revoked_at = ${new Date(key.atMs)}
    where company_id = ${key.companyId} and key_id = ${key.keyId} and revoked_at is null`;
  return revoked.count === 1;
}
