import { findWrongIdleDays, findWrongModes } from '../../db/doctor/modePages.ts';
import { pendingOverdueMs } from '../../domain/limits.ts';
import type { DoctorCheck } from './check.ts';

const messages: ReadonlyMap<string, string> = new Map([
  ['MODE_CHANGE_TORN', 'It does not end where the next agreement of its place begins.'],
  ['MODE_BILLED_TWICE', 'It is charged for a time that is of the next agreement.'],
  ['MODE_CHANGE_OVERDUE', 'The next one has begun, and the sweep did not close it.'],
  ['MODE_LEFT_A_LOAN', 'Nothing of its account is prepaid now, and emergency credit stands open.'],
  ['IDLE_DAY_NOT_OF_ITS_AGREEMENT', 'A day off is no whole day that it was prepaid and is over.'],
  ['IDLE_DAY_WITH_LIGHT', 'On a day that carries no standing charge the supply was on.'],
]);

function tell<Found extends { readonly code: string }>(row: Found) {
  return { ...row, message: messages.get(row.code) ?? 'It is not sound.' };
}

export const modes: DoctorCheck = {
  name: 'modes',
  invariant: 'A change of mode or account ends one agreement where the next begins, and closes it.',
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
