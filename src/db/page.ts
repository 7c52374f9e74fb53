/**
 * A page by its keys and not by an offset, so that rows that come in between neither repeat nor
 * hide others. `inverted` reads backwards from `before`.
 */
export type IdPage = {
  readonly after: number | null;
  readonly before: number | null;
  readonly limit: number;
  readonly inverted: boolean;
};

/** Newest first; ties of one millisecond by a key of the row. */
export type TimeKey = { readonly atMs: number; readonly key: string };
export type TimePage = {
  readonly after: TimeKey | null;
  readonly before: TimeKey | null;
  readonly limit: number;
  readonly inverted: boolean;
};

/** Beyond every int4. */
const idEnd = 2_147_483_648;

export function idBounds({ after, before }: IdPage): { after: number; before: number } {
  return { after: after ?? 0, before: before ?? idEnd };
}

/** As timestamptz texts and keys that Postgres compares as one row value. */
export function timeBounds({ after, before }: TimePage): {
  afterAt: string;
  afterKey: string;
  beforeAt: string;
  beforeKey: string;
} {
  return {
    afterAt: after === null ? 'infinity' : new Date(after.atMs).toISOString(),
    afterKey: after?.key ?? '',
    beforeAt: before === null ? '-infinity' : new Date(before.atMs).toISOString(),
    beforeKey: before?.key ?? '',
  };
}
