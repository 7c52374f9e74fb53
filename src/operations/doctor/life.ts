import { nextAccounts } from '../../db/doctor/accountPages.ts';
import type { IdStretch } from '../../db/doctor/accountPages.ts';
import { findWrongDebts, findWrongLoans, findWrongNotices } from '../../db/doctor/lifePages.ts';
import type { Wrong } from '../../db/doctor/lifePages.ts';
import type { Statement } from '../../db/connect.ts';
import { pagesOf } from './check.ts';
import type { DoctorCheck, DoctorContext } from './check.ts';

const messages: ReadonlyMap<string, string> = new Map([
  ['DEBT_BELOW_ZERO', 'More of its debt was paid off than was set aside.'],
  ['DEBT_DAY_NOT_ITS_TRANSFER', 'A day of its plan names a transfer that did not pay off a debt.'],
  ['DEBT_TAKEN_WITHOUT_CAUSE', 'It paid off a debt, and neither a payment nor a day asked for it.'],
  ['EMERGENCY_CREDIT_TWICE', 'It was lent emergency credit again before it was paid back.'],
  [
    'EMERGENCY_END_NOT_ITS_CREDIT',
    'The end of its emergency credit is of another account or early.',
  ],
  ['EMERGENCY_NOT_REPAID', 'A payment left it at zero or above, and its loan stayed open.'],
  ['NOTICE_TWICE', 'It was told the same breach twice.'],
  ['NOTICE_WITHOUT_BREACH', 'It was told, and nothing was breached.'],
  ['NOTICE_STEPS_BROKEN', 'Its steps have a hole, do not begin queued, or go on after arrival.'],
]);

async function* byAccounts(
  context: DoctorContext,
  find: (tx: Statement, stretch: IdStretch) => Promise<readonly Wrong[]>,
) {
  const { tx } = context;
  const rows = pagesOf(context, 0, async (after) => {
    const next = await nextAccounts(tx, after);
    const { lastKey: last } = next;
    return { ...next, rows: last === null ? [] : await find(tx, { after, last }) };
  });
  for await (const { code, subject } of rows) {
    yield { code, subject, message: messages.get(code) ?? 'It is not sound.' };
  }
}

export const debts: DoctorCheck = {
  name: 'debts',
  invariant: 'A debt is never below zero, and what pays it off has a payment or a day of its plan.',
  find: (context) => byAccounts(context, findWrongDebts),
};

export const emergencyCredit: DoctorCheck = {
  name: 'emergency-credit',
  invariant: 'Emergency credit is lent once until it is paid back, and a payment pays it back.',
  find: (context) => byAccounts(context, findWrongLoans),
};

export const notices: DoctorCheck = {
  name: 'notices',
  invariant: 'A notice is told once a breach, and its steps follow one another to its arrival.',
  find: (context) => byAccounts(context, findWrongNotices),
};
