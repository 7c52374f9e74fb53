import { createHash } from 'node:crypto';
import { insertAuditOnce } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import { eventShardOf } from '../../db/events.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { readReceipts } from '../../db/payments.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { formatMicros } from '../../domain/exact.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, sameAmount, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { applyPaymentEvent } from '../payments/applyPaymentEvent.ts';
import type { PaymentCode } from '../payments/applyPaymentEvent.ts';
import { parsePaid } from '../payments/paidAmount.ts';
import type { AmountCode } from '../payments/paidAmount.ts';
import { agentUnknown, lockHeldCash } from './heldCash.ts';
import type { HeldCash } from './heldCash.ts';

export type TakeCashInput = {
  readonly idempotencyKey: string;
  /** By name. */
  readonly agent: string;
  readonly accountId: number;
  readonly amount: string;
};

export type TakeCashCode =
  | KeyCode
  | PaymentCode
  | AmountCode
  | 'NOT_PERMITTED'
  | 'AGENT_UNKNOWN'
  | 'AGENT_FLOAT_EXCEEDED'
  | 'ACCOUNT_NOT_FOUND';

export type TakenCash = {
  readonly paymentId: string;
  readonly amountMicros: bigint;
  readonly balanceMicros: bigint;
  /** What the agent holds now. */
  readonly heldMicros: bigint;
  readonly receiptNumber: bigint;
  readonly currency: string;
  readonly isReplay: boolean;
};

async function refuseAboveFloat(
  tx: Transaction,
  { agent, channel, heldMicros }: HeldCash,
  asked: { readonly amountMicros: bigint; readonly viewer: Viewer; readonly key: string } & {
    readonly nowMs: number;
  },
) {
  const { companyId, actor } = asked.viewer;
  const code = 'AGENT_FLOAT_EXCEEDED';
  await insertAuditOnce(tx, {
    id: derivedId('cash_refused', String(companyId), actor, asked.key, code),
    companyId,
    atMs: asked.nowMs,
    actor,
    action: 'cash.refused',
    subject: `payment_agent/${agent.id}`,
    before: { heldMicros: heldMicros.toString() },
    after: { code, amountMicros: asked.amountMicros.toString() },
  });
  const left = formatMicros(agent.floatLimitMicros - heldMicros, 2);
  const message = `The agent may take ${left} ${channel.currency} more. Hand cash over first.`;
  return { ...refuse(code, message, ['amount']), isAudited: true };
}

async function take(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: TakeCashInput; nowMs: number },
): Promise<Outcome<{ answer: KeyedAnswer; commandsRequested: boolean }, TakeCashCode>> {
  const { companyId, actor } = viewer;
  const held = await lockHeldCash(tx, { companyId, name: input.agent });
  if (held === null) return agentUnknown;
  const { agent, channel } = held;
  const { currency } = channel;
  const amount = parsePaid({ amount: input.amount, currency });
  if (!amount.ok) return amount;
  const amountMicros = amount.value;
  const key = input.idempotencyKey.toLowerCase();
  const after = held.heldMicros + amountMicros;
  if (after > agent.floatLimitMicros) {
    return refuseAboveFloat(tx, held, { amountMicros, viewer, key, nowMs });
  }
  const { accountId } = input;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  if (account === undefined) {
    return refuse('ACCOUNT_NOT_FOUND', 'There is no such account.', ['accountId']);
  }
  const reference = derivedId('cash', String(companyId), actor, key);
  const paid = await applyPaymentEvent(tx, {
    companyId,
    channelId: channel.id,
    eventId: reference,
    reference,
    accountId,
    agentId: agent.id,
    currency,
    kind: 'captured',
    totalMicros: amountMicros,
    occurredAtMs: nowMs,
    receivedAtMs: nowMs,
    bodyHash: createHash('sha256').update(reference).digest(),
    actor,
  });
  if (!paid.ok) return paid;
  const { paymentId, balanceMicros, commandsRequested } = paid.value;
  if (balanceMicros === null) {
    throw new Error('CASH_WITHOUT_ACCOUNT: the account was there a moment ago');
  }
  const answer = {
    paymentId,
    amountMicros: amountMicros.toString(),
    balanceMicros: balanceMicros.toString(),
    heldMicros: after.toString(),
    currency,
  };
  return accept({ answer, commandsRequested });
}

/**
 * A customer's cash in an agent's hands, once for its key. What the agent holds stays within its
 * limit, whoever takes cash in its name at once: the agent's row is locked first.
 */
export async function takeCash(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: TakeCashInput,
): Promise<Outcome<TakenCash, TakeCashCode>> {
  if (!isAllowed(viewer.role, 'Mutation.takeCash')) {
    return refuse('NOT_PERMITTED', 'Your role may not take cash. Ask an operator.');
  }
  const nowMs = clock.nowMs();
  let commandsRequested = false;
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'takeCash',
        input: [input.agent, String(input.accountId), sameAmount(input.amount)],
        nowMs,
      },
      async (): Promise<Outcome<KeyedAnswer, TakeCashCode>> => {
        const done = await take(tx, viewer, { input, nowMs });
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
  const paymentId = textOf(answer, 'paymentId');
  // Its number is taken at the end of the transaction: all payments of the company wait for it.
  const [receipt] = await asViewer(sql, viewer, (tx) => readReceipts(tx, [paymentId]));
  assert(receipt !== undefined, 'cash that was taken has its receipt');
  return accept({
    paymentId,
    amountMicros: BigInt(textOf(answer, 'amountMicros')),
    balanceMicros: BigInt(textOf(answer, 'balanceMicros')),
    heldMicros: BigInt(textOf(answer, 'heldMicros')),
    receiptNumber: receipt.number,
    currency: textOf(answer, 'currency'),
    isReplay,
  });
}
