import { heldBackCodes } from '../domain/series/heldBack.ts';
import { wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';

/** Readings that were not billed and lines of meters' logs that wait, for staff. */

export type ReadingExceptionView = {
  /**
   * `edge.stream.epoch.sequence.channel.row.code`: the reading's place in the log, and why; of a
   * line of a meter's log `event` stands for the channel.
   */
  readonly key: string;
  readonly meterId: number;
  readonly channel: number | null;
  readonly readAt: Date;
  readonly value: bigint;
  /** Of a line of the meter's log its code, as domain/series/meterEvent; null: it is a reading. */
  readonly event: number | null;
  readonly code: string;
  readonly message: string;
  /** When it was taken in later; null while it is open. */
  readonly takenAt: Date | null;
  /** When and by whom it was left out for good, and why; null where nobody did. */
  readonly dismissedAt: Date | null;
  readonly dismissedBy: string | null;
  readonly dismissedReason: string | null;
};

export type ExceptionFilter = {
  /** As the batch names it, whether it is registered or not; null: of all. */
  readonly meterId: number | null;
  /** Rows that are held back and wait: for their cause to go, or for somebody; null: all. */
  readonly isWaiting: boolean | null;
};

/** Newest first. */
export async function pageReadingExceptions(
  tx: Statement,
  { meterId, isWaiting }: ExceptionFilter,
  page: TimePage,
): Promise<ReadingExceptionView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  return tx<ReadingExceptionView[]>`
    select k.key, x.meter_id as "meterId", x.read_at as "readAt", x.value, x.code, x.message,
           case when x.is_event then x.value::int4 end as event,
           case when not x.is_event then x.channel end as channel,
           case when r.kind = 'taken' then r.resolved_at end as "takenAt",
           case when r.kind = 'dismissed' then r.resolved_at end as "dismissedAt",
           r.actor as "dismissedBy", r.reason as "dismissedReason"
    from reading_exception x
    left join exception_resolution r
      on x.code = any(${wordsOf(heldBackCodes)}::text[])
      and (r.edge_id, r.stream, r.epoch, r.sequence, r.is_event, r.channel, r.row)
        = (x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row)
    cross join lateral (
      select concat_ws('.', x.edge_id, x.stream, x.epoch, x.sequence,
                       case when x.is_event then 'event' else x.channel::text end, x.row,
                       x.code) as key) k
    where ${meterId === null ? tx`true` : tx`x.meter_id = ${meterId}`}
      and ${
        isWaiting === null
          ? tx`true`
          : tx`(x.code = any(${wordsOf(heldBackCodes)}::text[]) and r.kind is null) = ${isWaiting}`
      }
      and (x.read_at, k.key) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (x.read_at, k.key) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by x.read_at ${page.inverted ? tx`` : tx`desc`},
             k.key ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}
