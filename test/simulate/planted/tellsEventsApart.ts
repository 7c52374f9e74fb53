import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/**
 * An event is told in a transaction of its own, behind which the charges may still be taken back.
 * So is the lock that a decision takes before it: the event would wait for it for ever.
 */
const rateReadings: Operations['rateReadings'] = (deps, scope) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('event_head') ? statement.runOn(deps.sql) : statement.run(),
  );
  return productionOperations.rateReadings({ ...deps, sql }, scope);
};

export const tellsEventsApart: Operations = { ...productionOperations, rateReadings };
