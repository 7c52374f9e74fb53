import { findChargeDifferences, nextAgreements } from '../../db/doctor/accountPages.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import { pagesOf } from './check.ts';
import type { DoctorCheck } from './check.ts';

export const charges: DoctorCheck = {
  name: 'charges',
  invariant: 'A charge is the sum of its transfers.',
  async *find(context) {
    const { tx } = context;
    const rows = pagesOf(context, 0, async (after) => {
      const next = await nextAgreements(tx, after);
      const { lastKey: last } = next;
      return {
        ...next,
        rows: last === null ? [] : await findChargeDifferences(tx, { after, last }),
      };
    });
    for await (const { agreementId, meterId, periodStart, ...row } of rows) {
      const message =
        `The charge of meter ${meterId} from ${periodStart.toISOString()} is ` +
        `${moneyText(row.chargedMicros, row.currency)}, its transfers are ` +
        `${moneyText(row.postedMicros, row.currency)}.`;
      yield { code: 'CHARGE_NOT_ITS_TRANSFERS', subject: `agreement/${agreementId}`, message };
    }
  },
};
