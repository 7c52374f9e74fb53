import { divertedSql } from '../faults.ts';
import { productionOperations } from '../simulation.ts';
import type { Operations } from '../simulation.ts';

/** Rows that came before their meter are never looked at again. */
const registerFleet: Operations['registerFleet'] = (deps, fleet) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('with held as') ? Promise.resolve([]) : statement.run(),
  );
  return productionOperations.registerFleet({ ...deps, sql }, fleet);
};

export const keepsUnknownRows: Operations = { ...productionOperations, registerFleet };
