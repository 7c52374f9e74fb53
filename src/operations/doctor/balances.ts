import { findBalanceDifferences, nextAccounts } from '../../db/doctor/accountPages.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import { pagesOf } from './check.ts';
import type { DoctorCheck } from './check.ts';

export const balances: DoctorCheck = {
  name: 'balances',
  invariant:
    "A customer's balance is the sum of its entries, its reserve the sum of its open pendings.",
  async *find(context) {
    const { tx } = context;
    const rows = pagesOf(context, 0, async (after) => {
      const next = await nextAccounts(tx, after);
      const { lastKey: last } = next;
      return {
        ...next,
        rows: last === null ? [] : await findBalanceDifferences(tx, { after, last }),
      };
    });
    for await (const row of rows) {
      const { balanceMicros, entriesMicros, reservedMicros, pendingMicros } = row;
      const told = (micros: bigint) => moneyText(micros, row.currency);
      const subject = `account/${row.accountId}`;
      if (balanceMicros === null || reservedMicros === null) {
        const message = 'The account has no balance row. It cannot be charged or paid to.';
        yield { code: 'BALANCE_MISSING', subject, message };
        continue;
      }
      if (balanceMicros !== entriesMicros) {
        const entries = told(entriesMicros);
        const message = `The balance is ${told(balanceMicros)}, its entries ${entries}.`;
        yield { code: 'BALANCE_NOT_ITS_ENTRIES', subject, message };
      }
      if (reservedMicros !== pendingMicros) {
        const message = `${told(reservedMicros)} is reserved, ${told(pendingMicros)} is pending.`;
        yield { code: 'RESERVED_NOT_PENDING', subject, message };
      }
    }
  },
};
