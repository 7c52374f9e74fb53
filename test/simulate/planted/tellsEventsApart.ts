import { divertedSql } from '../faults.ts';
import { productionOperations } from '../simulation.ts';
import type { Operations } from '../simulation.ts';

/** The event's number is taken in a transaction of its own: a crash leaves a hole for readers. */
const rateReadings: Operations['rateReadings'] = (deps, scope) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('update event_head') ? statement.runOn(deps.sql) : statement.run(),
  );
  return productionOperations.rateReadings({ ...deps, sql }, scope);
};

export const losesEvents: Operations = { ...productionOperations, rateReadings };
