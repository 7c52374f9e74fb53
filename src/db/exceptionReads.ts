import { heldBackCodes } from '../domain/series/heldBack.ts';
import { wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';

/** Readings that were not billed, for staff. */

export type ReadingExceptionView = {
  /** `edge.epoch.sequence.channel.row.code`: the reading's place in the log, and why. */
  readonly key: string;
  readonly meterId: number;
  readonly channel: number | null;
  readonly readAt: Date;
  readonly value: bigint;
  readonly code: string;
  readonly message: string;
  /** When it was taken in later; null while it is open. */
  readonly takenAt: Date | null;
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
           x.message,
           case when x.code = any(${wordsOf(heldBackCodes)}::text[]) then r.taken_at end
             as "takenAt"
    from reading_exception x
    left join exception_resolution r using (edge_id, stream, epoch, sequence, channel, row)
    cross join lateral (
      select concat_ws('.', x.edge_id, x.epoch, x.sequence, x.channel, x.row, x.code) as key) k
    where ${meterId === null ? tx`true` : tx`x.meter_id = ${meterId}`}
      and (x.read_at, k.key) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (x.read_at, k.key) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by x.read_at ${page.inverted ? tx`` : tx`desc`},
             k.key ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}
