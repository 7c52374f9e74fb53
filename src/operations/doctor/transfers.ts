import { findOvercorrected, firstUuid, wrongTransfers } from '../../db/doctor/transferPages.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import { pagesOf } from './check.ts';
import type { DoctorCheck } from './check.ts';

export const transfers: DoctorCheck = {
  name: 'transfers',
  invariant:
    'Both sides of a transfer are of its company, currency and account, and it moves something.',
  async *find(context) {
    const rows = pagesOf(context, firstUuid, (after) => wrongTransfers(context.tx, after));
    for await (const { id, code } of rows) {
      const message = 'Its two entries do not belong together. It was written past the guards.';
      yield { code, subject: `transfer/${id}`, message };
    }
  },
};

export const corrections: DoctorCheck = {
  name: 'corrections',
  invariant: 'No more is taken back of a transfer than it moved.',
  async *find({ tx, onProgress }) {
    const rows = await findOvercorrected(tx);
    onProgress(rows.length);
    for (const { id, micros, currency } of rows) {
      const message =
        currency === null
          ? 'It was corrected, and is not there at all.'
          : `Its corrections leave ${moneyText(micros, currency)} of it.`;
      yield { code: 'CORRECTION_ABOVE_TRANSFER', subject: `transfer/${id}`, message };
    }
  },
};
