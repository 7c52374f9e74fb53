import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';

/** What was not billed and what was not accepted, for staff. */

export type ReadingExceptionView = {
  /** `edge.epoch.sequence.channel.row.code`: the reading's place in the log, and why. */
  readonly key: string;
  readonly meterId: number;
  readonly channel: number | null;
  readonly readAt: Date;
  readonly value: bigint;
  readonly code: string;
  readonly message: string;
};

/** Newest first. */
export async function pageReadingExceptions(
  tx: Statement,
  meterId: number | null,
  page: TimePage,
): Promise<ReadingExceptionView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  return tx<ReadingExceptionView[]>`
    select k.key, x.meter_id as "meterId", x.channel, x.read_at as "readAt", x.value, x.code,
           x.message
    from reading_exception x
    cross join lateral (
      select concat_ws('.', x.edge_id, x.epoch, x.sequence, x.channel, x.row, x.code) as key) k
    where ${meterId === null ? tx`true` : tx`x.meter_id = ${meterId}`}
      and (x.read_at, k.key) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (x.read_at, k.key) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by x.read_at ${page.inverted ? tx`` : tx`desc`},
             k.key ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}

export type QuarantineView = {
  /** `hash.code`, in hex. */
  readonly key: string;
  readonly code: string;
  readonly message: string;
  readonly edgeName: string | null;
  readonly receivedAt: Date;
  readonly byteCount: number;
};

/** Newest first; a batch of a sender that nobody knows belongs to no company and is not here. */
export async function pageQuarantine(tx: Statement, page: TimePage): Promise<QuarantineView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  return tx<QuarantineView[]>`
    select k.key, q.code, q.message, e.name as "edgeName", q.received_at as "receivedAt",
           length(q.carried) as "byteCount"
    from batch_quarantine q
    left join edge e on e.id = q.edge_id
    cross join lateral (select encode(q.hash, 'hex') || '.' || q.code as key) k
    where (q.received_at, k.key) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (q.received_at, k.key) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by q.received_at ${page.inverted ? tx`` : tx`desc`},
             k.key ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}
