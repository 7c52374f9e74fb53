import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { findLedgerAccount, postTransfer } from '../../db/ledger.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, sameAmount, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { parsePaid } from '../payments/paidAmount.ts';
import type { AmountCode } from '../payments/paidAmount.ts';
import { agentUnknown, lockHeldCash } from './heldCash.ts';

export type HandOverInput = {
  readonly idempotencyKey: string;
  readonly agent: string;
  readonly amount: string;
};

export type HandOverCode =
  | KeyCode
  | AmountCode
  | 'NOT_PERMITTED'
  | 'AGENT_UNKNOWN'
  | 'CASH_NOT_HELD';

export type HandedOver = {
  readonly transferId: string;
  readonly amountMicros: bigint;
  readonly heldMicros: bigint;
  readonly currency: string;
  readonly isReplay: boolean;
};

async function handOver(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: HandOverInput; nowMs: number },
): Promise<Outcome<KeyedAnswer, HandOverCode>> {
  const { companyId, actor } = viewer;
  const held = await lockHeldCash(tx, { companyId, name: input.agent });
  if (held === null) return agentUnknown;
  const { agent, channel, ledgerId, heldMicros } = held;
  const { currency } = channel;
  const amount = parsePaid({ amount: input.amount, currency });
  if (!amount.ok) return amount;
  if (amount.value > heldMicros) {
    return refuse('CASH_NOT_HELD', 'The agent does not hold so much. Count again.', ['amount']);
  }
  const transferId = derivedId('cash_over', String(companyId), actor, input.idempotencyKey);
  await postTransfer(tx, {
    id: transferId,
    companyId,
    accountId: null,
    currency,
    debitId: await findLedgerAccount(tx, { companyId, currency, code: 'bank' }),
    creditId: ledgerId,
    amountMicros: amount.value,
    code: 'cash_handed_over',
    postedAtMs: nowMs,
  });
  const after = heldMicros - amount.value;
  await insertAudit(tx, {
    id: derivedId('cash_over_audit', transferId),
    companyId,
    atMs: nowMs,
    actor,
    action: 'cash.handOver',
    subject: `payment_agent/${agent.id}`,
    before: { heldMicros: heldMicros.toString() },
    after: { heldMicros: after.toString(), transferId },
  });
  const amountMicros = amount.value.toString();
  return accept({ transferId, amountMicros, heldMicros: after.toString(), currency });
}

/** Cash that an agent brought to the company's bank, once for its key. */
export async function handOverCash(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  given: HandOverInput,
): Promise<Outcome<HandedOver, HandOverCode>> {
  if (!isAllowed(viewer.role, 'Mutation.handOverCash')) {
    return refuse('NOT_PERMITTED', 'Your role may not hand cash over. Ask an operator.');
  }
  const input = { ...given, idempotencyKey: given.idempotencyKey.toLowerCase() };
  const nowMs = clock.nowMs();
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'handOverCash',
        input: [input.agent, sameAmount(input.amount)],
        nowMs,
      },
      () => handOver(tx, viewer, { input, nowMs }),
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({
    transferId: textOf(answer, 'transferId'),
    amountMicros: BigInt(textOf(answer, 'amountMicros')),
    heldMicros: BigInt(textOf(answer, 'heldMicros')),
    currency: textOf(answer, 'currency'),
    isReplay,
  });
}
