import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';

/** SQL of batches that were not accepted, and of what became of them. */

export type QuarantineKind = 'replayed' | 'corrected' | 'dismissed';

export type QuarantineView = {
  /** `hash.code`, the hash in hex. */
  readonly key: string;
  readonly code: string;
  readonly message: string;
  readonly companyId: number | null;
  readonly edgeName: string | null;
  readonly receivedAt: Date;
  readonly byteCount: number;
  /** Null while nobody has decided. */
  readonly resolution: QuarantineKind | null;
  readonly resolvedBy: string | null;
  readonly resolvedAt: Date | null;
  readonly reason: string | null;
};

export type QuarantineFilter = {
  /** Null: of all, and of none. */
  readonly companyId: number | null;
  /** Null: both. */
  readonly isOpen: boolean | null;
  readonly code: string | null;
  readonly edgeName: string | null;
  /** Of senders that nobody knows, which belong to no company, or of known ones; null: both. */
  readonly isUnknown: boolean | null;
};

export const everyQuarantined: QuarantineFilter = {
  companyId: null,
  isOpen: null,
  code: null,
  edgeName: null,
  isUnknown: null,
};

function columnsOf(tx: Statement) {
  return tx`
    k.key, q.code, q.message, q.company_id as "companyId", e.name as "edgeName",
    q.received_at as "receivedAt", length(q.carried) as "byteCount", r.kind as resolution,
    r.actor as "resolvedBy", r.resolved_at as "resolvedAt", r.reason`;
}

function sourceOf(tx: Statement) {
  return tx`
    batch_quarantine q
    left join edge e on e.id = q.edge_id
    left join quarantine_resolution r on r.hash = q.hash and r.code = q.code
    cross join lateral (select encode(q.hash, 'hex') || '.' || q.code as key) k`;
}

/**
 * Newest first. Under row-level security those of the viewer's company; a batch of a sender that
 * nobody knows belongs to no company.
 */
export async function pageQuarantine(
  tx: Statement,
  filter: QuarantineFilter,
  page: TimePage,
): Promise<QuarantineView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  const { companyId, isOpen, code, edgeName, isUnknown } = filter;
  return tx<QuarantineView[]>`
    select ${columnsOf(tx)} from ${sourceOf(tx)}
    where ${isOpen === null ? tx`true` : tx`(r.kind is null) = ${isOpen}::bool`}
      and ${companyId === null ? tx`true` : tx`q.company_id = ${companyId}`}
      and ${code === null ? tx`true` : tx`q.code = ${code}`}
      and ${edgeName === null ? tx`true` : tx`e.name = ${edgeName}`}
      and ${isUnknown === null ? tx`true` : tx`(q.company_id is null) = ${isUnknown}::bool`}
      and (q.received_at, k.key) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (q.received_at, k.key) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by q.received_at ${page.inverted ? tx`` : tx`desc`},
             k.key ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}

export async function findQuarantineViews(
  tx: Statement,
  keys: readonly string[],
): Promise<readonly QuarantineView[]> {
  const found: QuarantineView[] = [];
  for (const key of keys) {
    const { hash, code } = placeOf(key);
    const rows = await tx<QuarantineView[]>`
      select ${columnsOf(tx)} from ${sourceOf(tx)}
      where q.hash = ${Buffer.from(hash)} and q.code = ${code}`;
    found.push(...rows);
  }
  return found;
}

export type QuarantinePlace = { readonly hash: Uint8Array; readonly code: string };

/** Of a key that has the form of one. */
export function placeOf(key: string): QuarantinePlace {
  const [hash, code] = [key.slice(0, 64), key.slice(65)];
  return { hash: Uint8Array.from(Buffer.from(hash, 'hex')), code };
}

export function isQuarantineKey(key: string): boolean {
  return /^[0-9a-f]{64}\.[A-Z][A-Z0-9_]{1,63}$/.test(key);
}

/** One decision about a batch at a time. */
export async function lockQuarantined(tx: Statement, key: string): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`;
}

export type QuarantinedBatch = QuarantinePlace & {
  readonly companyId: number | null;
  readonly edgeId: number | null;
  readonly carried: Uint8Array;
  readonly resolution: QuarantineKind | null;
};

export async function findQuarantined(
  statement: Statement,
  { hash, code }: QuarantinePlace,
): Promise<QuarantinedBatch | null> {
  const [row] = await statement<QuarantinedBatch[]>`
    select q.hash, q.code, q.company_id as "companyId", q.edge_id as "edgeId", q.carried,
           r.kind as resolution
    from batch_quarantine q
    left join quarantine_resolution r on r.hash = q.hash and r.code = q.code
    where q.hash = ${Buffer.from(hash)} and q.code = ${code}`;
  return row ?? null;
}

/** Once for a batch and code: false when somebody was faster. */
export async function insertResolution(
  tx: Statement,
  row: QuarantinePlace & {
    readonly companyId: number | null;
    readonly kind: QuarantineKind;
    readonly actor: string;
    readonly reason: string;
    readonly atMs: number;
  },
): Promise<boolean> {
  const inserted = await tx`
    insert into quarantine_resolution (hash, code, company_id, kind, actor, reason, resolved_at)
    values (${Buffer.from(row.hash)}, ${row.code}, ${row.companyId}, ${row.kind}, ${row.actor},
            ${row.reason}, ${new Date(row.atMs)})
    on conflict do nothing`;
  return inserted.count === 1;
}
