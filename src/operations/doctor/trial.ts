import { readTrialRows } from '../../db/ledgerReads.ts';
import type { DoctorCheck } from './check.ts';

export const trial: DoctorCheck = {
  name: 'trial-balance',
  invariant: 'All ledger accounts of a company and currency add up to zero.',
  async *find({ tx, onProgress }) {
    const rows = await readTrialRows(tx, null);
    onProgress(rows.length);
    const sums = new Map<string, bigint>();
    for (const { companyId, currency, debitMicros, creditMicros } of rows) {
      const subject = `company/${companyId}/${currency}`;
      sums.set(subject, (sums.get(subject) ?? 0n) + creditMicros - debitMicros);
    }
    for (const [subject, micros] of sums) {
      if (micros === 0n) continue;
      const message = `Its ledger accounts add up to ${micros} micros, not to zero.`;
      yield { code: 'LEDGER_NOT_ZERO', subject, message };
    }
  },
};
