import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** Whoever has a place first pays for it for ever. */
const rateReadings: Operations['rateReadings'] = (deps, scope) => {
  const sql = divertedSql(deps.sql, (statement) => {
    const answer = statement.run();
    if (!statement.text.includes('r.id as revenue_id')) return answer;
    return (async () => {
      const rows: unknown = await answer;
      if (!Array.isArray(rows)) throw new Error('agreements are read as rows');
      return rows.map((row) => {
        const first = rows.find((each) => each.service_point_id === row.service_point_id);
        return { ...row, account_id: first.account_id, customer_id: first.customer_id };
      });
    })();
  });
  return productionOperations.rateReadings({ ...deps, sql }, scope);
};

export const chargesWhoWasThere: Operations = { ...productionOperations, rateReadings };

/** Whoever repeats a change whose answer was lost makes another one, or is refused. */
const changeMode: Operations['changeMode'] = (deps, viewer, input) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('insert into idempotency_key')
      ? Promise.resolve({ count: 1 })
      : statement.run(),
  );
  return productionOperations.changeMode({ ...deps, sql }, viewer, input);
};

export const forgetsKeys: Operations = { ...productionOperations, changeMode };

/** What an agreement left open stays open when the next one has begun. */
export const beginsNothing: Operations = {
  ...productionOperations,
  beginModes: () => Promise.resolve({ changes: 0 }),
};
