import type { Sql } from '../../../src/db/connect.ts';
import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

const ofThePlace = 'or o.contactor_unit_id is null and m.contactor_unit_id is not null';

/** What is not known of a cut is known of the meter alone that it was sent to. */
function forgetful(sql: Sql): Sql {
  return divertedSql(sql, (statement) =>
    statement.text.includes(ofThePlace)
      ? statement.runAs((text) => text.replace(ofThePlace, ''))
      : statement.run(),
  );
}

export const forgetsExchangedCuts: Operations = {
  ...productionOperations,
  topUp: (deps, viewer, input) =>
    productionOperations.topUp({ ...deps, sql: forgetful(deps.sql) }, viewer, input),
  sweepSupplies: (deps) =>
    productionOperations.sweepSupplies({ ...deps, sql: forgetful(deps.sql) }),
  sendCommand: (deps, commandId) =>
    productionOperations.sendCommand({ ...deps, sql: forgetful(deps.sql) }, commandId),
  beginModes: (deps) => productionOperations.beginModes({ ...deps, sql: forgetful(deps.sql) }),
  rateReadings: (deps, scope) =>
    productionOperations.rateReadings({ ...deps, sql: forgetful(deps.sql) }, scope),
};
