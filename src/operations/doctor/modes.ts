import { findWrongIdleDays, findWrongModes } from '../../db/doctor/modePages.ts';
import { pendingOverdueMs } from '../../domain/limits.ts';
import type { DoctorCheck } from './check.ts';

const messages: ReadonlyMap<string, string> = new Map([
  ['MODE_CHANGE_TORN', 'It does not end where the agreement in the other mode begins.'],
  ['MODE_BILLED_TWICE', 'It is charged for a time that is of the agreement in the other mode.'],
  ['MODE_CHANGE_OVERDUE', 'Its other mode has begun, and the sweep did not close the old one.'],
  ['MODE_LEFT_A_LOAN', 'It went to postpaid, and emergency credit of before stands open.'],
  ['IDLE_DAY_NOT_OF_ITS_AGREEMENT', 'A day off is no whole day that it was prepaid and is over.'],
  ['IDLE_DAY_WITH_LIGHT', 'On a day that carries no standing charge the supply was on.'],
]);

function tell<Found extends { readonly code: string }>(row: Found) {
  return { ...row, message: messages.get(row.code) ?? 'It is not sound.' };
}

export const modes: DoctorCheck = {
  name: 'modes',
  invariant: 'A change of mode ends one agreement where the next begins, and closes the old mode.',
  async *find({ tx, nowMs }) {
    yield* (await findWrongModes(tx, { nowMs, overdueMs: pendingOverdueMs })).map(tell);
  },
};

export const idleDays: DoctorCheck = {
  name: 'idle-days',
  invariant: 'A day without a standing charge was whole, prepaid and without light.',
  async *find({ tx }) {
    yield* (await findWrongIdleDays(tx)).map(tell);
  },
};
