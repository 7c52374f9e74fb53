import type { Transaction } from '../db/connect.ts';
import { lockAccounts } from '../db/ledger.ts';
import { isPended, pendTransfer } from '../db/pending.ts';
import type { PendingTransfer } from '../db/pending.ts';
import { assert } from '../domain/assert.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { moneyText } from '../domain/tariff/currency.ts';

/**
 * Pends a debit of a customer under the account's lock, if what is available covers it: the
 * balance less what other pending debits have spoken for, down to the limit. Returns what is
 * available then. The same id again finds its pending transfer, whatever is available by then.
 */
export async function reserveCredit(
  tx: Transaction,
  pending: PendingTransfer,
  { limitMicros }: { limitMicros: bigint },
): Promise<Outcome<bigint, 'BALANCE_INSUFFICIENT'>> {
  const { companyId, accountId, amountMicros } = pending;
  assert(accountId !== null, 'credit is reserved on an account');
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  assert(account !== undefined, `account ${accountId} has a balance row`);
  const availableMicros = account.balanceMicros - account.reservedMicros;
  const isRepeat = await isPended(tx, pending);
  if (!isRepeat && availableMicros - amountMicros < limitMicros) {
    const money = (micros: bigint) => moneyText(micros, pending.currency);
    const message =
      `${money(amountMicros)} are asked for, ${money(availableMicros)} are available above a ` +
      `limit of ${money(limitMicros)}. Nothing was reserved.`;
    return refuse('BALANCE_INSUFFICIENT', message, ['amount']);
  }
  await pendTransfer(tx, pending);
  return accept(isRepeat ? availableMicros : availableMicros - amountMicros);
}
