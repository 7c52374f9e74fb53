import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** Nobody looks at what flows behind a cut. */
export const overlooksBypasses: Operations = {
  ...productionOperations,
  watchSupplies: () => Promise.resolve({ told: 0 }),
};

/** What a register has ever counted flowed behind the cut. */
const watchSupplies: Operations['watchSupplies'] = (deps) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('from supply_watch')
      ? statement.runAs((text) => text.replace('w.register_wh as', '0::int8 as'))
      : statement.run(),
  );
  return productionOperations.watchSupplies({ ...deps, sql });
};

export const seesBypassesEverywhere: Operations = { ...productionOperations, watchSupplies };

/** What was watched behind a cut is watched no more once its meter is exchanged. */
const exchangeMeter: Operations['exchangeMeter'] = (deps, viewer, input) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('update supply_watch') ? Promise.resolve([]) : statement.run(),
  );
  return productionOperations.exchangeMeter({ ...deps, sql }, viewer, input);
};

export const leavesWatchBehind: Operations = { ...productionOperations, exchangeMeter };
