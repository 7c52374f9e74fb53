import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** The guard is claimed in a transaction of its own, and the batch appended in the next one. */
const commitBatches: Operations['commitBatches'] = (deps, carried) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('insert into batch_guard')
      ? statement.runOn(deps.sql)
      : statement.run(),
  );
  return productionOperations.commitBatches({ ...deps, sql }, carried);
};

export const claimsBeforeAppend: Operations = { ...productionOperations, commitBatches };
