import { findAgedClearing } from '../../db/doctor/ledgerWhole.ts';
import { clearingDaysMax } from '../../domain/limits.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import type { DoctorCheck } from './check.ts';

/** What is at the counter leaves the house by ways that the ledger does not see. */
const codes = ['card_clearing', 'agent_cash', 'suspense'] as const;

export const clearing: DoctorCheck = {
  name: 'clearing',
  invariant: `Money of cards, agents and suspense goes on within ${clearingDaysMax} days.`,
  async *find({ tx, nowMs }) {
    const sinceMs = nowMs - clearingDaysMax * dayMs;
    for (const row of await findAgedClearing(tx, { codes, sinceMs })) {
      const older = row.openMicros - row.newMicros;
      const message =
        `${row.code} holds ${moneyText(row.openMicros, row.currency)}, of which ` +
        `${moneyText(older, row.currency)} is older than ${clearingDaysMax} days.`;
      yield { code: 'CLEARING_NOT_EMPTIED', subject: `ledger-account/${row.ledgerId}`, message };
    }
  },
};
