import { findReceiptGaps } from '../../db/doctor/ledgerWhole.ts';
import { findWrongReceipts } from '../../db/doctor/moneyPlaces.ts';
import {
  findTransfersWithoutStep,
  firstUuid,
  wrongPayments,
} from '../../db/doctor/transferPages.ts';
import { findingsToldMax } from '../../domain/limits.ts';
import { pagesOf } from './check.ts';
import type { DoctorCheck } from './check.ts';

export const payments: DoctorCheck = {
  name: 'payments',
  invariant: "A payment's steps are its transfers, and each credit has exactly one event.",
  async *find(context) {
    const rows = pagesOf(context, firstUuid, (after) => wrongPayments(context.tx, after));
    for await (const { id, code, detail } of rows) {
      const message = `${detail}: the ledger and the provider's words do not say the same.`;
      yield { code, subject: `payment/${id}`, message };
    }
    for (const { id } of await findTransfersWithoutStep(context.tx, findingsToldMax)) {
      const message = 'It names a payment of which no step knows it.';
      yield { code: 'PAYMENT_TRANSFER_WITHOUT_STEP', subject: `transfer/${id}`, message };
    }
  },
};

export const receipts: DoctorCheck = {
  name: 'receipts',
  invariant: "A company's receipts are numbered without a hole, one for each credit.",
  async *find({ tx }) {
    for (const { companyId, head, highest, receipts: count } of await findReceiptGaps(tx)) {
      const message = `The head is at ${head}, the highest is ${highest}, there are ${count}.`;
      yield { code: 'RECEIPTS_HAVE_GAPS', subject: `company/${companyId}`, message };
    }
    for (const { code, subject } of await findWrongReceipts(tx, findingsToldMax + 1)) {
      const message =
        code === 'CREDIT_WITHOUT_RECEIPT'
          ? 'A customer was credited and given no receipt.'
          : 'It is not of the credit that it names.';
      yield { code, subject, message };
    }
  },
};
