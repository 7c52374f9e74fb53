/** Works on each row by itself, so that one that throws stops none behind it; what was thrown. */
export async function faultsOf<Row>(
  rows: Iterable<Row> | AsyncIterable<Row>,
  work: (row: Row) => Promise<void>,
): Promise<readonly unknown[]> {
  const faults: unknown[] = [];
  for await (const row of rows) {
    try {
      await work(row);
    } catch (error) {
      faults.push(error);
    }
  }
  return faults;
}

/** As `faultsOf`, with all that was thrown as one error at the end. */
export async function eachApart<Row>(
  rows: Iterable<Row> | AsyncIterable<Row>,
  work: (row: Row) => Promise<void>,
): Promise<void> {
  const faults = await faultsOf(rows, work);
  if (faults.length === 0) return;
  throw new AggregateError(faults, `${faults.length} failed; all others were done`);
}

/** The rows of all pages, each read when the one before was worked on; a short one is the last. */
export async function* pagesOf<Row>(
  limit: number,
  read: (after: Row | null) => Promise<readonly Row[]>,
): AsyncGenerator<Row> {
  for (let last: Row | null = null; ;) {
    const page: readonly Row[] = await read(last);
    yield* page;
    last = page.at(-1) ?? null;
    if (page.length < limit) return;
  }
}
