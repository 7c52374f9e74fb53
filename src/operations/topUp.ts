import { createHash } from 'node:crypto';
import type { Transaction } from '../db/connect.ts';
import { eventShardOf } from '../db/events.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import { lockAccounts } from '../db/ledger.ts';
import type { AccountHead } from '../db/ledger.ts';
import { findChannelOfKind } from '../db/payments.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { assert } from '../domain/assert.ts';
import type { AccountId } from '../domain/ids.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { derivedId } from './derivedId.ts';
import { onceByKey, sameAmount, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';
import { applyPaymentEvent } from './payments/applyPaymentEvent.ts';
import type { PaymentCode } from './payments/applyPaymentEvent.ts';
import { parsePaid } from './payments/paidAmount.ts';
import type { AmountCode } from './payments/paidAmount.ts';

export type TopUpInput = {
  readonly idempotencyKey: string;
  readonly accountId: AccountId;
  /** Plain decimal text in the account's currency, such as "12.50". */
  readonly amount: string;
  readonly currency: string;
};

export type TopUpCode =
  | KeyCode
  | PaymentCode
  | 'NOT_PERMITTED'
  | 'ACCOUNT_NOT_FOUND'
  | AmountCode
  | 'CURRENCY_MISMATCH';

export type ToppedUp = {
  readonly transferId: string;
  readonly accountId: AccountId;
  readonly currency: string;
  readonly amountMicros: bigint;
  /** After this payment; a replay tells the balance of that time. */
  readonly balanceMicros: bigint;
  readonly postedAtMs: number;
  readonly isReplay: boolean;
};

/** Staff for any account of the company, a subscriber for its own. */
async function lockPayable(
  tx: Transaction,
  viewer: Viewer,
  input: TopUpInput,
): Promise<Outcome<AccountHead, TopUpCode>> {
  const { companyId } = viewer;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [input.accountId] });
  if (account === undefined) {
    return refuse(
      'ACCOUNT_NOT_FOUND',
      'You have no such account. Check its id; nothing was posted.',
      ['accountId'],
    );
  }
  if (account.currency !== input.currency) {
    return refuse(
      'CURRENCY_MISMATCH',
      `The account is kept in ${account.currency}; pay in ${account.currency}.`,
      ['currency'],
    );
  }
  return accept(account);
}

/** A payment at the company's counter, by the same road as those of providers. */
async function pay(
  tx: Transaction,
  viewer: Viewer,
  {
    account,
    input,
    amountMicros,
    nowMs,
  }: {
    account: AccountHead;
    input: TopUpInput;
    amountMicros: bigint;
    nowMs: number;
  },
): Promise<Outcome<{ answer: KeyedAnswer; commandsRequested: boolean }, TopUpCode>> {
  const { companyId, accountId, currency } = account;
  const channel = await findChannelOfKind(tx, { companyId, kind: 'counter', currency });
  if (channel === null) {
    const message = `The company takes no payments in ${currency} at a counter.`;
    return refuse('PAYMENT_CHANNEL_UNKNOWN', message, ['currency']);
  }
  const key = input.idempotencyKey.toLowerCase();
  const reference = derivedId('top_up', String(companyId), viewer.actor, key);
  const paid = await applyPaymentEvent(tx, {
    companyId,
    channelId: channel.id,
    eventId: reference,
    reference,
    accountId,
    currency,
    kind: 'captured',
    totalMicros: amountMicros,
    occurredAtMs: nowMs,
    receivedAtMs: nowMs,
    bodyHash: createHash('sha256').update(JSON.stringify(input)).digest(),
    actor: viewer.actor,
  });
  if (!paid.ok) return paid;
  const { balanceMicros, commandsRequested, steps } = paid.value;
  const transferId = steps[0]?.transferId ?? null;
  assert(balanceMicros !== null && transferId !== null, 'a new key makes a new payment');
  const answer = {
    transferId,
    amountMicros: amountMicros.toString(),
    balanceMicros: balanceMicros.toString(),
    postedAtMs: nowMs.toString(),
  };
  return accept({ answer, commandsRequested });
}

/**
 * Credits a payment to an account, once for its key, and lets the new balance bring the supply
 * back or call a cut off, in the same transaction.
 */
export async function topUp(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: TopUpInput,
): Promise<Outcome<ToppedUp, TopUpCode>> {
  if (!isAllowed(viewer.role, 'Mutation.topUp')) {
    return refuse('NOT_PERMITTED', 'Your role may not take payments. Ask an operator.');
  }
  const nowMs = clock.nowMs();
  let commandsRequested = false;
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'topUp',
        input: [String(input.accountId), sameAmount(input.amount), input.currency],
        nowMs,
      },
      async (): Promise<Outcome<KeyedAnswer, TopUpCode>> => {
        const amount = parsePaid(input);
        if (!amount.ok) return amount;
        const locked = await lockPayable(tx, viewer, input);
        if (!locked.ok) return locked;
        const account = locked.value;
        const paid = await pay(tx, viewer, { account, input, amountMicros: amount.value, nowMs });
        if (!paid.ok) return paid;
        ({ commandsRequested } = paid.value);
        return accept(paid.value.answer);
      },
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) wake({ kind: 'events', shard: eventShardOf(viewer.companyId) });
  if (commandsRequested) wake({ kind: 'commands' });
  return accept({
    transferId: textOf(answer, 'transferId'),
    accountId: input.accountId,
    currency: input.currency,
    amountMicros: BigInt(textOf(answer, 'amountMicros')),
    balanceMicros: BigInt(textOf(answer, 'balanceMicros')),
    postedAtMs: Number(textOf(answer, 'postedAtMs')),
    isReplay,
  });
}
