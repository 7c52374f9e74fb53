import type { Viewer } from '../domain/access/viewer.ts';
import type { Sql, Transaction } from './connect.ts';

/**
 * Runs one transaction as a viewer: row-level security holds every statement inside to the
 * viewer's company, and a subscriber to its account. The settings end with the transaction.
 */
export function asViewer<T>(
  sql: Sql,
  viewer: Viewer,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const run = async (tx: Transaction): Promise<T> => {
    await tx`
      select set_config('joulebook.company_id', ${viewer.companyId.toString()}, true),
             set_config('joulebook.account_id', ${viewer.accountId?.toString() ?? ''}, true),
             set_config('joulebook.scope', ${viewer.role === 'subscriber' ? 'account' : 'company'},
                        true)`;
    return work(tx);
  };
  // postgres.js types begin() as unwrapping arrays of promises, which T never is here.
  return sql.begin(run) as Promise<T>;
}
