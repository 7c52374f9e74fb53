import type { Sql } from '../../../src/db/connect.ts';
import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

function withoutDuties(sql: Sql): Sql {
  return divertedSql(sql, (statement) =>
    statement.text.includes('with held as') ? Promise.resolve([]) : statement.run(),
  );
}

/** Rows that came before their meter was registered are never looked at again. */
export const keepsUnknownRows: Operations = {
  ...productionOperations,
  registerFleet: (deps, fleet) =>
    productionOperations.registerFleet({ ...deps, sql: withoutDuties(deps.sql) }, fleet),
  exchangeMeter: (deps, viewer, input) =>
    productionOperations.exchangeMeter({ ...deps, sql: withoutDuties(deps.sql) }, viewer, input),
  retryReadings: (deps, viewer, input) =>
    productionOperations.retryReadings({ ...deps, sql: withoutDuties(deps.sql) }, viewer, input),
};
