import { divertedSql } from '../faults.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** Days in the dark carry their standing charge, whatever the policy says. */
export const chargesDarkDays: Operations = {
  ...productionOperations,
  noteIdleDays: () => Promise.resolve({ days: 0 }),
};

/** The day on which somebody is cut is a day in the dark, too. */
const noteIdleDays: Operations['noteIdleDays'] = (deps) => {
  const sql = divertedSql(deps.sql, (statement) =>
    statement.text.includes('from supply_change c')
      ? statement.runAs((text) =>
          text.replace('s.at as "from"', `s.at - interval '1 day' as "from"`),
        )
      : statement.run(),
  );
  return productionOperations.noteIdleDays({ ...deps, sql });
};

export const freesLitDays: Operations = { ...productionOperations, noteIdleDays };
