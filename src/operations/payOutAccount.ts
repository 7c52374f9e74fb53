import { appendEvent, companySubject, eventShardOf, plainEvent } from '../db/events.ts';
import type { Transaction } from '../db/connect.ts';
import { findLedgerAccount, lockAccounts, postTransfer } from '../db/ledger.ts';
import type { AccountHead } from '../db/ledger.ts';
import type { LedgerCode, TransferCode } from '../db/tables/ledger.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import type { AccountId } from '../domain/ids.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { minorDigitsOf, moneyText } from '../domain/tariff/currency.ts';
import { ledgerKeyOf, refuseUnended, sumsBeside } from './accountEnds.ts';
import type { SumsBeside, UnendedCode } from './accountEnds.ts';
import { derivedId } from './derivedId.ts';
import { textOf } from './onceByKey.ts';
import type { RequestDeps } from './onceByKey.ts';
import { refundsUnderway } from './payments/leftOfPayment.ts';
import { staffChange } from './supply/staffChange.ts';
import type { StaffCode } from './supply/staffChange.ts';
import { isApproved } from './twoPeople.ts';
import type { TwoPeopleCode } from './twoPeople.ts';

export type PayOutInput = {
  /** Of the request, not of the person: the second one sends the same again under the same key. */
  readonly idempotencyKey: string;
  readonly accountId: AccountId;
  /** Where the money leaves: the counter's cash, or the company's bank account. */
  readonly from: 'counter' | 'bank';
  readonly reason: string;
};

export type PayOutCode =
  | StaffCode
  | TwoPeopleCode
  | 'ACCOUNT_NOT_FOUND'
  | UnendedCode
  | 'CREDIT_RESERVED'
  | 'NOTHING_TO_PAY_OUT';

export type PaidOut = {
  readonly accountId: number;
  /** Waiting: nothing has moved, somebody else has to say the same. */
  readonly state: 'posted' | 'waiting';
  readonly currency: string;
  /** The deposit that went into the balance. */
  readonly depositMicros: bigint;
  /** Of a debt, paid off from the balance. */
  readonly debtMicros: bigint;
  readonly paidOutMicros: bigint;
  /** What is left: less than the smallest unit, or owed by the customer. */
  readonly balanceMicros: bigint;
  readonly isReplay: boolean;
};

type Move = {
  readonly code: TransferCode;
  readonly debit: LedgerCode;
  readonly credit: LedgerCode;
  readonly amountMicros: bigint;
};

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The deposit into the balance, a debt out of it, and what is left to the customer. */
function movesOf(
  { balanceMicros, currency }: AccountHead,
  { depositMicros, debtMicros }: SumsBeside,
  { underwayMicros, from }: { underwayMicros: bigint; from: PayOutInput['from'] },
): readonly Move[] {
  const creditMicros = balanceMicros + depositMicros - underwayMicros;
  const toDebtMicros = creditMicros > 0n ? least(creditMicros, debtMicros) : 0n;
  const leftMicros = creditMicros - toDebtMicros;
  // Parts of the smallest unit cannot be paid: they stay.
  const unitMicros = 10n ** BigInt(6 - (minorDigitsOf(currency) ?? 2));
  const paidMicros = leftMicros - (leftMicros % unitMicros);
  const place = from === 'bank' ? 'bank' : 'payments_clearing';
  const moves: readonly Move[] = [
    { code: 'deposit_netted', debit: 'deposit', credit: 'customer', amountMicros: depositMicros },
    { code: 'debt_netted', debit: 'customer', credit: 'debt', amountMicros: toDebtMicros },
    { code: 'credit_paid_out', debit: 'customer', credit: place, amountMicros: paidMicros },
  ];
  return moves.filter(({ amountMicros }) => amountMicros > 0n);
}

function amountOf(moves: readonly Move[], code: TransferCode): bigint {
  return moves.find((move) => move.code === code)?.amountMicros ?? 0n;
}

/** The balance behind them. */
async function postMoves(
  tx: Transaction,
  account: AccountHead,
  moves: readonly Move[],
  { actor, key, nowMs }: { readonly actor: string; readonly key: string; readonly nowMs: number },
): Promise<bigint> {
  const { companyId, accountId, currency } = account;
  let leftMicros = account.balanceMicros;
  for (const { code, debit, credit, amountMicros } of moves) {
    const posted = await postTransfer(tx, {
      id: derivedId(code, String(companyId), actor, key),
      companyId,
      accountId,
      currency,
      debitId: await findLedgerAccount(tx, ledgerKeyOf(account, debit)),
      creditId: await findLedgerAccount(tx, ledgerKeyOf(account, credit)),
      amountMicros,
      code,
      postedAtMs: nowMs,
    });
    leftMicros = posted.balanceMicros ?? leftMicros;
  }
  return leftMicros;
}

/**
 * What is left of an account after its last bill goes to the customer who has left: the deposit
 * into the balance, a debt out of it, and the rest is paid. What was asked back of a card stays
 * for the provider's word. Above the limit of a person's corrections it takes two.
 */
export async function payOutAccount(
  deps: RequestDeps,
  viewer: Viewer,
  input: PayOutInput,
): Promise<Outcome<PaidOut, PayOutCode>> {
  const { idempotencyKey, accountId, from, reason } = input;
  const key = idempotencyKey.toLowerCase();
  const { companyId, actor } = viewer;
  const outcome = await staffChange<PayOutCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.payOutAccount',
      action: 'account.payOut',
      idempotencyKey,
      input: [String(accountId), from],
      reason,
      isForTwo: true,
    },
    async (tx, nowMs) => {
      const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
      if (account === undefined) {
        const message = 'You have no such account. Check its id; nothing was posted.';
        return refuse('ACCOUNT_NOT_FOUND', message, ['accountId']);
      }
      const ended = await refuseUnended(tx, accountId, nowMs);
      if (!ended.ok) return ended;
      const { currency, balanceMicros, reservedMicros } = account;
      if (reservedMicros > 0n) {
        const reserved = moneyText(reservedMicros, currency);
        const message = `${reserved} are spoken for by pending transfers. Wait for their end.`;
        return refuse('CREDIT_RESERVED', message, ['accountId']);
      }
      const underwayMicros = await refundsUnderway(tx, accountId);
      const moves = movesOf(account, await sumsBeside(tx, account), { underwayMicros, from });
      if (moves.length === 0) {
        const balance = moneyText(balanceMicros, currency);
        const message = `The balance is ${balance} and no deposit is held.`;
        return refuse('NOTHING_TO_PAY_OUT', message, ['accountId']);
      }
      const paidMicros = amountOf(moves, 'credit_paid_out');
      const told = {
        depositMicros: amountOf(moves, 'deposit_netted').toString(),
        debtMicros: amountOf(moves, 'debt_netted').toString(),
        paidOutMicros: paidMicros.toString(),
        currency,
      };
      const about = {
        subject: `account/${accountId}`,
        before: { balanceMicros: `${balanceMicros}` },
      };
      const approved = await isApproved(tx, {
        viewer,
        name: `payout/${derivedId('payout', String(companyId), key)}`,
        content: (micros) => [accountId, from, String(micros)],
        amountMicros: paidMicros,
        currency,
        isAmountNamed: false,
        reason,
        nowMs,
      });
      if (!approved.ok) return approved;
      if (!approved.value) {
        const answer = { ...told, state: 'waiting', balanceMicros: `${balanceMicros}` };
        return accept({ answer, ...about, after: {} });
      }
      const leftMicros = await postMoves(tx, account, moves, { actor, key, nowMs });
      const subjects = [{ ...companySubject, accountId }];
      const news = { companyId, kind: 'adjustment', atMs: nowMs, subjects } as const;
      const detail = { code: 'credit_paid_out', ...told };
      await appendEvent(tx, plainEvent({ ...news, detail, balanceMicros: [leftMicros] }));
      const left = { ...told, balanceMicros: `${leftMicros}` };
      return accept({ answer: { ...left, state: 'posted' }, ...about, after: { ...left, from } });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  const isWaiting = answer['state'] === 'waiting';
  if (!isReplay && !isWaiting) deps.wake({ kind: 'events', shard: eventShardOf(companyId) });
  const micros = (name: string): bigint => BigInt(textOf(answer, name));
  return accept({
    accountId,
    state: isWaiting ? 'waiting' : 'posted',
    currency: textOf(answer, 'currency'),
    depositMicros: micros('depositMicros'),
    debtMicros: micros('debtMicros'),
    paidOutMicros: micros('paidOutMicros'),
    balanceMicros: micros('balanceMicros'),
    isReplay,
  });
}
