import {
  eraseInstruments,
  eraseRemittances,
  hasOpenCalls,
  lockCustomerOf,
  renameCustomer,
} from '../db/customers.ts';
import type { Transaction } from '../db/connect.ts';
import { lockAccounts } from '../db/ledger.ts';
import type { AccountHead } from '../db/ledger.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import type { AccountId } from '../domain/ids.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { minorDigitsOf, moneyText } from '../domain/tariff/currency.ts';
import { refuseUnended, sumsBeside } from './accountEnds.ts';
import type { UnendedCode } from './accountEnds.ts';
import { textOf } from './onceByKey.ts';
import type { RequestDeps } from './onceByKey.ts';
import { staffChange } from './supply/staffChange.ts';
import type { StaffCode } from './supply/staffChange.ts';

export type EraseCustomerInput = {
  readonly idempotencyKey: string;
  /** Of the customer; all that it has must have ended. */
  readonly accountId: AccountId;
  /** Sealed for good: it must not name the customer. */
  readonly reason: string;
};

export type EraseCustomerCode =
  | StaffCode
  | UnendedCode
  | 'ACCOUNT_NOT_FOUND'
  | 'MONEY_UNDERWAY'
  | 'MONEY_OWED'
  | 'REASON_NAMES_CUSTOMER';

export type ErasedCustomer = {
  readonly accountId: number;
  /** What stands in place of the name from now on. */
  readonly pseudonym: string;
  /** Entries of bank statements whose words are gone. */
  readonly bankEntries: number;
  readonly isReplay: boolean;
};

/** What cannot be paid in the smallest coin is owed to nobody. */
function isOwed(micros: bigint, currency: string): boolean {
  const unitMicros = 10n ** BigInt(6 - (minorDigitsOf(currency) ?? 2));
  return micros >= unitMicros || micros <= -unitMicros;
}

/** Whoever is owed something, or owes it, has to be found by name. */
async function refuseOwed(
  tx: Transaction,
  account: AccountHead,
): Promise<Outcome<null, EraseCustomerCode>> {
  const { balanceMicros, reservedMicros, currency } = account;
  const path = ['accountId'];
  if (reservedMicros > 0n || (await hasOpenCalls(tx, [account.accountId]))) {
    const message = 'A payment or refund of the customer is underway. Wait for its end.';
    return refuse('MONEY_UNDERWAY', message, path);
  }
  const { depositMicros, debtMicros } = await sumsBeside(tx, account);
  if ([balanceMicros, depositMicros, debtMicros].some((micros) => isOwed(micros, currency))) {
    const message =
      `The balance is ${moneyText(balanceMicros, currency)}, the deposit ` +
      `${moneyText(depositMicros, currency)}, the debt ${moneyText(debtMicros, currency)}. ` +
      'Pay out or settle what is owed first.';
    return refuse('MONEY_OWED', message, path);
  }
  return accept(null);
}

/**
 * What is known of the person of a former customer goes: the name gives way to a pseudonym, and
 * what payers wrote into bank statements and the names of cards at providers are emptied. The
 * ledger, bills and the sealed audit know none of it and stay as they are. Said again, it empties
 * what has come in since.
 */
export async function eraseCustomer(
  deps: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  input: EraseCustomerInput,
): Promise<Outcome<ErasedCustomer, EraseCustomerCode>> {
  const { idempotencyKey, accountId, reason } = input;
  const { companyId } = viewer;
  const outcome = await staffChange<EraseCustomerCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.eraseCustomer',
      action: 'customer.erase',
      idempotencyKey,
      input: [String(accountId)],
      reason,
    },
    async (tx, nowMs) => {
      const customer = await lockCustomerOf(tx, { companyId, accountId });
      if (customer === null) {
        const message = 'You have no such account. Check its id; nothing was erased.';
        return refuse('ACCOUNT_NOT_FOUND', message, ['accountId']);
      }
      const { id, name, accountIds } = customer;
      if (reason.toLowerCase().includes(name.toLowerCase())) {
        const message = 'The reason is kept for good and names the customer. Say it without.';
        return refuse('REASON_NAMES_CUSTOMER', message, ['reason']);
      }
      for (const account of await lockAccounts(tx, { companyId, accountIds })) {
        const ended = await refuseUnended(tx, account.accountId, nowMs);
        if (!ended.ok) return ended;
        const owed = await refuseOwed(tx, account);
        if (!owed.ok) return owed;
      }
      const pseudonym = `former customer ${id}`;
      await renameCustomer(tx, { id, name: pseudonym });
      await eraseInstruments(tx, accountIds);
      const bankEntries = await eraseRemittances(tx, { companyId, accountIds });
      return accept({
        answer: { pseudonym, bankEntries: String(bankEntries) },
        subject: `customer/${id}`,
        before: null,
        after: { accountIds, bankEntries },
      });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({
    accountId,
    pseudonym: textOf(answer, 'pseudonym'),
    bankEntries: Number(textOf(answer, 'bankEntries')),
    isReplay,
  });
}
