import { resolveCursorConnection } from '@pothos/plugin-relay';
import { pageSizeDefault, pageSizeMax } from '../domain/limits.ts';
import type { IdPage, TimeKey, TimePage } from '../db/page.ts';
import { coded } from './coded.ts';

type PageArgs = {
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly before?: string | null | undefined;
};

function malformed(): never {
  throw coded(
    'CURSOR_MALFORMED',
    'This is not a cursor of this connection. Send one as a page carried it, or none.',
  );
}

function decode(cursor: string): string {
  if (cursor.length > 400) malformed();
  return Buffer.from(cursor, 'base64url').toString('utf8');
}

function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url');
}

function idOfCursor(cursor: string): number {
  const match = /^id\/([1-9]\d{0,9})$/.exec(decode(cursor));
  return match === null ? malformed() : Number(match[1]);
}

function timeOfCursor(cursor: string): TimeKey {
  const match = /^at\/(\d{1,15})\/([\w.:-]{1,200})$/.exec(decode(cursor));
  if (match?.[2] === undefined) return malformed();
  return { atMs: Number(match[1]), key: match[2] };
}

function checkSizes({ first, last }: PageArgs): void {
  for (const size of [first ?? 1, last ?? 1]) {
    if (size >= 1 && size <= pageSizeMax) continue;
    const message = `A page has 1 to ${pageSizeMax} rows; ask for the next one with "after".`;
    throw coded('PAGE_SIZE_OUT_OF_RANGE', message);
  }
  if (typeof first === 'number' && typeof last === 'number') {
    throw coded('PAGE_SIZE_OUT_OF_RANGE', 'Send "first" or "last", not both.');
  }
}

const sizes = { defaultSize: pageSizeDefault, maxSize: pageSizeMax };

/** A page of rows with int4 ids, in the order of the ids. */
export async function pageById<Row extends { readonly id: number }>(
  args: PageArgs,
  load: (page: IdPage) => Promise<Row[]>,
) {
  checkSizes(args);
  return resolveCursorConnection<Promise<Row[]>>(
    { ...sizes, args, toCursor: (row: Row) => encode(`id/${row.id}`) },
    ({ after, before, limit, inverted }) =>
      load({
        after: after === undefined ? null : idOfCursor(after),
        before: before === undefined ? null : idOfCursor(before),
        limit,
        inverted,
      }),
  );
}

/** A page of rows by time, newest first. */
export async function pageByTime<Row extends object>(
  args: PageArgs,
  load: (page: TimePage) => Promise<Row[]>,
  keyOf: (row: Row) => TimeKey,
) {
  checkSizes(args);
  const toCursor = (row: Row): string => {
    const { atMs, key } = keyOf(row);
    return encode(`at/${atMs}/${key}`);
  };
  return resolveCursorConnection<Promise<Row[]>>(
    { ...sizes, args, toCursor },
    ({ after, before, limit, inverted }) =>
      load({
        after: after === undefined ? null : timeOfCursor(after),
        before: before === undefined ? null : timeOfCursor(before),
        limit,
        inverted,
      }),
  );
}

/** A page of what is in memory already, oldest first, by its instants. */
export async function pageOfSeries<Row extends object>(
  args: PageArgs,
  rows: readonly Row[],
  startMsOf: (row: Row) => number,
) {
  checkSizes(args);
  return resolveCursorConnection<Promise<Row[]>>(
    { ...sizes, args, toCursor: (row: Row) => encode(`at/${startMsOf(row)}/x`) },
    ({ after, before, limit, inverted }) => {
      const afterMs = after === undefined ? -Infinity : timeOfCursor(after).atMs;
      const beforeMs = before === undefined ? Infinity : timeOfCursor(before).atMs;
      const within = rows.filter((row) => {
        const startMs = startMsOf(row);
        return startMs > afterMs && startMs < beforeMs;
      });
      return Promise.resolve((inverted ? within.toReversed() : within).slice(0, limit));
    },
  );
}
