import type { Statement, Transaction } from './connect.ts';

type Work = () => Promise<unknown>;

/** By open transaction, what is put off to its end. */
const putOff = new WeakMap<Statement, Work[]>();

/**
 * Runs a transaction's work, and then what it has put off, in the order in which it did. A lock
 * that all of a company wait for is then held through the commit alone.
 */
export async function withClosing<T>(
  tx: Transaction,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const closing: Work[] = [];
  putOff.set(tx, closing);
  const done = await work(tx);
  // What is told from here on is told at once.
  putOff.delete(tx);
  for (const each of closing) await each();
  return done;
}

/** At the end of the transaction; at once in one that was not begun with a closing. */
export async function atClosing(tx: Statement, work: Work): Promise<void> {
  const closing = putOff.get(tx);
  if (closing === undefined) await work();
  else closing.push(work);
}
