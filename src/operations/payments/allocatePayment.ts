import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import { eventShardOf } from '../../db/events.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { lockAccounts, postTransfer } from '../../db/ledger.ts';
import { findChannel, findPayment, insertStep, lockPayment, readSteps } from '../../db/payments.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { refuseReason } from '../refuseReason.ts';
import type { ReasonCode } from '../refuseReason.ts';
import { findHolder, netOf, nextOrdinal } from './postSteps.ts';
import { settleAccount } from './settleAccount.ts';

export type AllocateInput = {
  readonly idempotencyKey: string;
  readonly paymentId: string;
  readonly accountId: number;
  readonly reason: string;
};

export type AllocateCode =
  | KeyCode
  | ReasonCode
  | 'NOT_PERMITTED'
  | 'PAYMENT_NOT_FOUND'
  | 'PAYMENT_ALREADY_ALLOCATED'
  | 'PAYMENT_HOLDS_NOTHING'
  | 'ACCOUNT_NOT_FOUND'
  | 'PAYMENT_CURRENCY_MISMATCH';

export type AllocatedPayment = {
  readonly paymentId: string;
  readonly accountId: number;
  readonly amountMicros: bigint;
  readonly balanceMicros: bigint;
  readonly isReplay: boolean;
};

type Done = { readonly answer: KeyedAnswer; readonly commandsRequested: boolean };

async function allocate(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: AllocateInput; nowMs: number },
): Promise<Outcome<Done, AllocateCode>> {
  const { paymentId, accountId } = input;
  const { companyId } = viewer;
  await lockPayment(tx, paymentId);
  const payment = await findPayment(tx, paymentId);
  if (payment === null) return refuse('PAYMENT_NOT_FOUND', 'There is no such payment.');
  const steps = await readSteps(tx, [paymentId]);
  if (payment.accountId !== null || steps.some((step) => step.kind === 'allocated')) {
    return refuse('PAYMENT_ALREADY_ALLOCATED', 'This payment has an account. Nothing was moved.');
  }
  const amountMicros = netOf(steps);
  if (amountMicros <= 0n) {
    return refuse('PAYMENT_HOLDS_NOTHING', 'Nothing of this payment is left to allocate.');
  }
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  if (account === undefined) {
    return refuse('ACCOUNT_NOT_FOUND', 'There is no such account.', ['accountId']);
  }
  if (account.currency !== payment.currency) {
    const message = `The payment is in ${payment.currency}, the account in ${account.currency}.`;
    return refuse('PAYMENT_CURRENCY_MISMATCH', message, ['accountId']);
  }
  const channel = await findChannel(tx, payment.channelId);
  assert(channel !== null, 'a payment has its channel');
  const ordinal = nextOrdinal(steps);
  const transferId = derivedId('payment_step', paymentId, String(ordinal));
  const debitId = await findHolder(tx, { payment, accountId: null });
  const creditId = await findHolder(tx, { payment, accountId });
  const { currency } = payment;
  await postTransfer(tx, {
    id: transferId,
    companyId,
    accountId,
    currency,
    debitId,
    creditId,
    amountMicros,
    code: 'allocated',
    postedAtMs: nowMs,
    paymentId,
  });
  const step = { ordinal, kind: 'allocated', amountMicros, transferId } as const;
  const of = { paymentId, companyId, accountId, eventId: null };
  await insertStep(tx, { ...step, ...of, at: nowMs, detail: input.reason });
  const context = { channel, payment, accountId, eventId: null, atMs: nowMs };
  const { reference } = payment;
  const moved = await settleAccount(tx, { ...context, reference }, [step]);
  const balance = { before: account.balanceMicros, after: moved.balanceMicros };
  await insertAudit(tx, {
    id: derivedId('payment_allocated', paymentId),
    companyId,
    atMs: nowMs,
    actor: viewer.actor,
    action: 'payment.allocated',
    subject: `account/${accountId}`,
    before: { balanceMicros: balance.before.toString() },
    after: { balanceMicros: balance.after.toString(), paymentId, transferId, reason: input.reason },
  });
  const answer = {
    amountMicros: amountMicros.toString(),
    balanceMicros: moved.balanceMicros.toString(),
  };
  return accept({ answer, commandsRequested: moved.commandsRequested });
}

/** Gives money that stands in suspense to the account that it was meant for, all that is left. */
export async function allocatePayment(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: AllocateInput,
): Promise<Outcome<AllocatedPayment, AllocateCode>> {
  if (!isAllowed(viewer.role, 'Mutation.allocatePayment')) {
    return refuse('NOT_PERMITTED', 'Your role may not allocate payments. Ask an operator.');
  }
  const badReason = refuseReason(input.reason);
  if (badReason !== null) return badReason;
  const nowMs = clock.nowMs();
  const { paymentId, accountId, reason } = input;
  let commandsRequested = false;
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'allocatePayment',
        input: [paymentId, String(accountId), reason],
        nowMs,
      },
      async (): Promise<Outcome<KeyedAnswer, AllocateCode>> => {
        const done = await allocate(tx, viewer, { input, nowMs });
        if (!done.ok) return done;
        ({ commandsRequested } = done.value);
        return accept(done.value.answer);
      },
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) wake({ kind: 'events', shard: eventShardOf(viewer.companyId) });
  if (commandsRequested) wake({ kind: 'commands' });
  return accept({
    paymentId,
    accountId,
    amountMicros: BigInt(textOf(answer, 'amountMicros')),
    balanceMicros: BigInt(textOf(answer, 'balanceMicros')),
    isReplay,
  });
}
