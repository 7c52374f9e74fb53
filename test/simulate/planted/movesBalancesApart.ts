import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** Balances are moved outside the transaction of their transfers: a retry moves them twice. */
const rateReadings: Operations['rateReadings'] = (deps, scope) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('update account_balance') ? statement.runOn(deps.sql) : statement.run(),
  );
  return productionOperations.rateReadings({ ...deps, sql }, scope);
};

export const movesBalancesApart: Operations = { ...productionOperations, rateReadings };
