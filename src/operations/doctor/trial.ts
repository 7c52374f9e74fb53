import { readTrialRows } from '../../db/ledgerReads.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import type { DoctorCheck } from './check.ts';

export const trial: DoctorCheck = {
  name: 'trial-balance',
  invariant: 'All ledger accounts of a company and currency add up to zero.',
  async *find({ tx, onProgress }) {
    const rows = await readTrialRows(tx, null);
    onProgress(rows.length);
    const sums = new Map<string, { readonly micros: bigint; readonly currency: string }>();
    for (const { companyId, currency, debitMicros, creditMicros } of rows) {
      const subject = `company/${companyId}/${currency}`;
      const before = sums.get(subject)?.micros ?? 0n;
      sums.set(subject, { micros: before + creditMicros - debitMicros, currency });
    }
    for (const [subject, { micros, currency }] of sums) {
      if (micros === 0n) continue;
      const message = `Its ledger accounts add up to ${moneyText(micros, currency)}, not to zero.`;
      yield { code: 'LEDGER_NOT_ZERO', subject, message };
    }
  },
};
