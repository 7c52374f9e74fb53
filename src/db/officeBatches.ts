import type { Statement } from './connect.ts';
import { integersOf } from './arrays.ts';
import { keyIdOf } from './fleet.ts';

/** SQL of a company's office: the edge whose batches people enter. Under joulebook_writer. */

export type Office = { readonly edgeId: number; readonly epoch: number };

/** Any number of its own: two first uses of an office at once take turns. */
const officeLock = 7_426;

/**
 * The company's office with its row locked until the transaction ends, so that its sequence and
 * the revisions that its edits name are handed out one after the other. Made on first use.
 */
export async function lockOffice(
  tx: Statement,
  { companyId, publicKey }: { companyId: number; publicKey: Uint8Array },
): Promise<Office> {
  await tx`select pg_advisory_xact_lock(${officeLock}::int4, ${companyId}::int4)`;
  await tx`
    insert into edge (company_id, name, kind, log_shard, epoch)
    select ${companyId}::int4,
           case when exists (select from edge e where e.company_id = ${companyId}::int4
                             and e.name = 'office')
                then 'office of company ' || ${companyId}::int4 else 'office' end,
           'office', 0, 1
    where not exists (select from edge e
                      where e.company_id = ${companyId}::int4 and e.kind = 'office')`;
  const [row] = await tx<Office[]>`
    select id as "edgeId", epoch from edge
    where company_id = ${companyId} and kind = 'office' for update`;
  if (row === undefined) throw new Error(`OFFICE_MISSING: company ${companyId} has no office`);
  await tx`
    insert into edge_key (key_id, company_id, edge_id, public_key)
    values (${Buffer.from(keyIdOf(publicKey))}, ${companyId}, ${row.edgeId},
            ${Buffer.from(publicKey)})
    on conflict (key_id) do nothing`;
  return row;
}

/** The end of an edge's chain of billing batches. */
export async function lastGuard(
  tx: Statement,
  { edgeId, epoch }: Office,
): Promise<{ readonly sequence: bigint; readonly hash: Uint8Array } | null> {
  const [row] = await tx<{ sequence: bigint; hash: Uint8Array }[]>`
    select sequence, hash from batch_guard
    where edge_id = ${edgeId} and stream = 1 and epoch = ${epoch}
    order by sequence desc limit 1`;
  return row ?? null;
}

export type OfficeMeter = {
  readonly meterId: number;
  /** Of the edge that reads it: whoever rates the meter reads this shard of the log. */
  readonly logShard: number;
  readonly medium: 'electricity' | 'gas' | 'water';
};

/** Those of the meters that the caller may see. */
export async function findOfficeMeters(
  statement: Statement,
  { companyId, meterIds }: { companyId: number; meterIds: readonly number[] },
): Promise<ReadonlyMap<number, OfficeMeter>> {
  const rows = await statement<OfficeMeter[]>`
    select m.id as "meterId", e.log_shard as "logShard", m.medium
    from meter m join edge e on e.id = m.edge_id
    where m.company_id = ${companyId} and m.id = any(${integersOf(meterIds)}::int4[])`;
  return new Map(rows.map((row) => [row.meterId, row]));
}

export type OfficeBatchRow = {
  readonly edgeId: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly companyId: number;
  readonly kind: 'manual' | 'edit' | 'correction';
  readonly author: string;
  readonly reason: string;
  readonly enteredAtMs: number;
  readonly quarantineHash: Uint8Array | null;
};

export async function insertOfficeBatch(tx: Statement, row: OfficeBatchRow): Promise<void> {
  const hash = row.quarantineHash === null ? null : Buffer.from(row.quarantineHash);
  await tx`
    insert into office_batch (edge_id, epoch, sequence, company_id, kind, author, reason,
                              entered_at, quarantine_hash)
    values (${row.edgeId}, ${row.epoch}, ${row.sequence.toString()}::int8, ${row.companyId},
            ${row.kind}, ${row.author}, ${row.reason}, ${new Date(row.enteredAtMs)}, ${hash})`;
}

/** Of the office's batches by their place in its chain: who entered them, and why. */
export async function findOfficeBatches(
  statement: Statement,
  places: readonly { readonly edgeId: number; readonly epoch: number; readonly sequence: bigint }[],
): Promise<readonly OfficeBatchRow[]> {
  if (places.length === 0) return [];
  const rows = await statement<
    (Omit<OfficeBatchRow, 'enteredAtMs'> & { readonly enteredAt: Date })[]
  >`
    select o.edge_id as "edgeId", o.epoch, o.sequence, o.company_id as "companyId", o.kind,
           o.author, o.reason, o.entered_at as "enteredAt", o.quarantine_hash as "quarantineHash"
    from office_batch o
    join unnest(${integersOf(places.map((place) => place.edgeId))}::int4[],
                ${integersOf(places.map((place) => place.epoch))}::int4[],
                ${integersOf(places.map((place) => place.sequence))}::int8[])
      as p(edge_id, epoch, sequence) using (edge_id, epoch, sequence)`;
  return rows.map(({ enteredAt, ...row }) => ({ ...row, enteredAtMs: enteredAt.getTime() }));
}

/** The batches of a company's office that brought what a batch in quarantine should have said. */
export async function findCorrections(
  statement: Statement,
  { companyId, quarantineHash }: { companyId: number; quarantineHash: Uint8Array },
): Promise<readonly Pick<OfficeBatchRow, 'edgeId' | 'epoch' | 'sequence'>[]> {
  return statement<Pick<OfficeBatchRow, 'edgeId' | 'epoch' | 'sequence'>[]>`
    select edge_id as "edgeId", epoch, sequence from office_batch
    where company_id = ${companyId} and quarantine_hash = ${Buffer.from(quarantineHash)}
    order by epoch, sequence`;
}

export async function findEdgeCompany(
  statement: Statement,
  edgeId: number,
): Promise<number | null> {
  const [row] = await statement<{ id: number }[]>`
    select company_id as id from edge where id = ${edgeId}`;
  return row?.id ?? null;
}
