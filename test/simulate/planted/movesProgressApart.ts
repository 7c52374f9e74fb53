import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** How far a sender's chain has come is told outside the transaction that appends to the log. */
const commitBatches: Operations['commitBatches'] = (deps, carried) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('insert into edge_progress')
      ? statement.runOn(deps.sql)
      : statement.run(),
  );
  return productionOperations.commitBatches({ ...deps, sql }, carried);
};

export const movesProgressApart: Operations = { ...productionOperations, commitBatches };
