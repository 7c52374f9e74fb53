import type { Statement } from '../db/connect.ts';
import { findEdgesOfMeters, readBatchesTouching } from '../db/logReads.ts';
import type { ArrivalKey } from '../db/logReads.ts';
import type { TimePage } from '../db/page.ts';
import { fragmentBatchesMax, logReadBatches } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { slotMs } from '../domain/rating/slot.ts';
import { openStored, rowsOf } from './logRows.ts';
import type { LogRow } from './logRows.ts';
import { checkWindow } from './readSeries.ts';
import type { SeriesWindow, SeriesWindowCode } from './readSeries.ts';

export type FragmentCode = SeriesWindowCode | 'WINDOW_TOO_DENSE' | 'CURSOR_MALFORMED';

/** Where a row stands in the order of arrival: as the page's cursors carry it. */
export function fragmentKey({ opened, row }: LogRow): { atMs: number; key: string } {
  const { receivedAtMs, shard, position } = opened.stored;
  return { atMs: receivedAtMs, key: `${shard}.${position}.${row}` };
}

type Beyond = ArrivalKey & { readonly row: number };

function beyondOf(at: TimePage['after']): Beyond | null {
  if (at === null) return null;
  const match = /^(\d{1,5})\.(\d{1,19})\.(\d{1,6})$/.exec(at.key);
  if (match === null) return null;
  const [, shard, position, row] = match;
  return {
    receivedAtMs: at.atMs,
    shard: Number(shard),
    position: BigInt(position),
    row: Number(row),
  };
}

/** Rows of one batch in the order of a page, those before its cursor left out. */
function rowsBeyond(
  rows: LogRow[],
  { beyond, isBackwards }: { readonly beyond: Beyond | null; readonly isBackwards: boolean },
): LogRow[] {
  const ordered = isBackwards ? rows.toReversed() : rows;
  if (beyond === null) return ordered;
  return ordered.filter(({ opened: { stored }, row }) => {
    if (stored.shard !== beyond.shard || stored.position !== beyond.position) return true;
    return isBackwards ? row < beyond.row : row > beyond.row;
  });
}

/**
 * The raw readings of a meter whose instants lie in a window, as they arrived, the last first: one
 * page of the log's rows, losers of a conflict, repetitions by other batches and rows that were
 * held back among them.
 */
export async function readFragments(
  tx: Statement,
  { meterId, channel, window }: { meterId: number; channel: number | null; window: SeriesWindow },
  page: TimePage,
): Promise<Outcome<LogRow[], FragmentCode>> {
  const checked = checkWindow(window);
  if (!checked.ok) return checked;
  const isBackwards = !page.inverted;
  const from = isBackwards ? page.after : page.before;
  const start = beyondOf(from);
  if (from !== null && start === null) {
    return refuse('CURSOR_MALFORMED', 'This is not a cursor of this connection.');
  }
  const edgeIds = await findEdgesOfMeters(tx, [meterId]);
  const found: LogRow[] = [];
  // The cursor's own batch may have further rows: it is read again.
  let beyond: ArrivalKey | null =
    start === null ? null : { ...start, position: start.position + (isBackwards ? 1n : -1n) };
  for (let read = 0; ; read += logReadBatches) {
    if (read >= fragmentBatchesMax) {
      const message =
        `More than ${fragmentBatchesMax} batches touch this window and hold little of this ` +
        'meter. Ask for a shorter window.';
      return refuse('WINDOW_TOO_DENSE', message, ['to']);
    }
    const batches = await readBatchesTouching(tx, {
      edgeIds,
      // A clock's offset moves an instant by a slot at most.
      fromMs: window.fromMs - slotMs,
      toMs: window.toMs + slotMs,
      beyond,
      isBackwards,
      batchesMax: logReadBatches,
    });
    for (const stored of batches) {
      const rows = rowsOf(openStored(stored), (id) => id === meterId).filter(
        ({ atMs, block }) =>
          atMs >= window.fromMs &&
          atMs < window.toMs &&
          (channel === null || block.channel === channel),
      );
      found.push(...rowsBeyond(rows, { beyond: start, isBackwards }));
    }
    if (found.length >= page.limit) return accept(found.slice(0, page.limit));
    const last = batches.at(-1);
    if (last === undefined || batches.length < logReadBatches) return accept(found);
    beyond = last;
  }
}
