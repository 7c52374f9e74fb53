import type { Viewer } from '../domain/access/viewer.ts';
import { withClosing } from './closing.ts';
import type { Sql, Transaction } from './connect.ts';

/**
 * Runs one transaction as a viewer: row-level security holds every statement inside to the
 * viewer's company, and a subscriber to its account. The settings end with the transaction. What is
 * put off to its end (`atClosing`), events above all, is done before the commit.
 */
export function asViewer<T>(
  sql: Sql,
  viewer: Viewer,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return begin(sql, viewer, { isSnapshot: false, work });
}

/** The same, reading alone and all of it at one moment, however long it takes. */
export function asViewerInSnapshot<T>(
  sql: Sql,
  viewer: Viewer,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return begin(sql, viewer, { isSnapshot: true, work });
}

function begin<T>(
  sql: Sql,
  viewer: Viewer,
  { isSnapshot, work }: { isSnapshot: boolean; work: (tx: Transaction) => Promise<T> },
): Promise<T> {
  const run = async (tx: Transaction): Promise<T> => {
    if (isSnapshot) await tx`set transaction isolation level repeatable read, read only`;
    await tx`
      select set_config('joulebook.company_id', ${viewer.companyId.toString()}, true),
             set_config('joulebook.account_id', ${viewer.accountId?.toString() ?? ''}, true),
             set_config('joulebook.scope', ${viewer.role === 'subscriber' ? 'account' : 'company'},
                        true)`;
    return withClosing(tx, work);
  };
  // postgres.js types begin() as unwrapping arrays of promises, which T never is here.
  return sql.begin(run) as Promise<T>;
}
