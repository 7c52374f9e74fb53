import type { Transaction } from '../../db/connect.ts';

/** Something that must not be. */
export type DoctorFinding = {
  /** Stable; match on it. */
  readonly code: string;
  /** What to look at, such as `transfer/UUID` or `account/12`. */
  readonly subject: string;
  readonly message: string;
};

export type DoctorContext = {
  /** One snapshot of all companies, read-only, under joulebook_writer. */
  readonly tx: Transaction;
  readonly nowMs: number;
  /** How many rows were looked at by now. */
  onProgress(rows: number): void;
};

/** An invariant as a program: it reads in pages, writes nothing, and names what breaks it. */
export type DoctorCheck = {
  readonly name: string;
  /** What must hold, in one sentence. */
  readonly invariant: string;
  find(context: DoctorContext): AsyncGenerator<DoctorFinding>;
};

export type Page<Key, Row> = {
  /** Of the last row that was looked at; null: there was none. */
  readonly lastKey: Key | null;
  readonly looked: number;
  readonly rows: readonly Row[];
};

/** All pages of a table one after the other; `read` gets the key after which it goes on. */
export async function* pagesOf<Key, Row>(
  context: DoctorContext,
  firstKey: Key,
  read: (after: Key) => Promise<Page<Key, Row>>,
): AsyncGenerator<Row> {
  let after = firstKey;
  let looked = 0;
  for (;;) {
    const page = await read(after);
    if (page.lastKey === null) return;
    looked += page.looked;
    context.onProgress(looked);
    yield* page.rows;
    after = page.lastKey;
  }
}
