import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { findLedgerAccount, postTransfer } from '../../db/ledger.ts';
import { asViewer } from '../../db/viewer.ts';
import { countTransfers, findVoucherBatch, lockVouchers } from '../../db/vouchers.ts';
import type { VoucherBatch } from '../../db/vouchers.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { vouchersAtOnceMax } from '../../domain/payment/limits.ts';
import { agentUnknown, lockHeldCash } from '../cash/heldCash.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { saleOf } from './saleOf.ts';

export type SellVouchersInput = {
  readonly idempotencyKey: string;
  readonly firstSerial: bigint;
  readonly count: number;
  /** Who was paid in cash; null: it is in the bank. */
  readonly agent: string | null;
};

export type SellVouchersCode =
  | KeyCode
  | 'NOT_PERMITTED'
  | 'VOUCHER_COUNT_OUT_OF_RANGE'
  | 'VOUCHER_UNKNOWN'
  | 'VOUCHER_ALREADY_SOLD'
  | 'VOUCHER_CURRENCY_MISMATCH'
  | 'AGENT_UNKNOWN'
  | 'AGENT_FLOAT_EXCEEDED';

export type SoldVouchers = {
  readonly batchId: number;
  readonly amountMicros: bigint;
  readonly currency: string;
  readonly isReplay: boolean;
};

async function paidInto(
  tx: Transaction,
  { companyId, currency }: VoucherBatch,
  { name, totalMicros }: { name: string | null; totalMicros: bigint },
): Promise<Outcome<number, SellVouchersCode>> {
  if (name === null) {
    return accept(await findLedgerAccount(tx, { companyId, currency, code: 'bank' }));
  }
  const held = await lockHeldCash(tx, { companyId, name });
  if (held === null) return agentUnknown;
  if (held.channel.currency !== currency) {
    return refuse('VOUCHER_CURRENCY_MISMATCH', 'The agent takes cash in another currency.');
  }
  if (held.heldMicros + totalMicros > held.agent.floatLimitMicros) {
    const message = 'With these, the agent would hold more than its limit. Hand cash over first.';
    return refuse('AGENT_FLOAT_EXCEEDED', message);
  }
  return accept(held.ledgerId);
}

async function sell(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: SellVouchersInput; nowMs: number },
): Promise<Outcome<KeyedAnswer, SellVouchersCode>> {
  const { companyId, actor } = viewer;
  const { firstSerial, count } = input;
  const lastSerial = firstSerial + BigInt(count) - 1n;
  const batch = await findVoucherBatch(tx, { companyId, serial: firstSerial });
  if (batch === null || lastSerial >= batch.firstSerial + BigInt(batch.count)) {
    return refuse('VOUCHER_UNKNOWN', 'These serials are not of one batch.', ['firstSerial']);
  }
  const totalMicros = batch.amountMicros * BigInt(count);
  const paid = await paidInto(tx, batch, { name: input.agent, totalMicros });
  if (!paid.ok) return paid;
  await lockVouchers(tx, batch.id);
  const serials = Array.from({ length: count }, (_, at) => firstSerial + BigInt(at));
  const ids = serials.map((serial) => saleOf({ companyId, serial }));
  if ((await countTransfers(tx, ids)) > 0) {
    const message = 'Some of these were sold before. Nothing was posted.';
    return refuse('VOUCHER_ALREADY_SOLD', message, ['firstSerial']);
  }
  const { currency, amountMicros } = batch;
  const creditId = await findLedgerAccount(tx, { companyId, currency, code: 'vouchers_sold' });
  for (const id of ids) {
    const of = { companyId, accountId: null, currency, amountMicros, postedAtMs: nowMs };
    await postTransfer(tx, { ...of, id, debitId: paid.value, creditId, code: 'voucher_sold' });
  }
  await insertAudit(tx, {
    id: derivedId('vouchers_sold', String(companyId), actor, input.idempotencyKey),
    companyId,
    atMs: nowMs,
    actor,
    action: 'voucher.sell',
    subject: `voucher_batch/${batch.id}`,
    before: null,
    after: { firstSerial: firstSerial.toString(), count, agent: input.agent },
  });
  return accept({ batchId: String(batch.id), amountMicros: totalMicros.toString(), currency });
}

/** What vouchers are sold for is owed to whoever holds them, until they are used. */
export async function sellVouchers(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  given: SellVouchersInput,
): Promise<Outcome<SoldVouchers, SellVouchersCode>> {
  if (!isAllowed(viewer.role, 'Mutation.takeCash')) {
    return refuse('NOT_PERMITTED', 'Your role may not sell vouchers. Ask an operator.');
  }
  const { count, firstSerial, agent } = given;
  if (!Number.isInteger(count) || count < 1 || count > vouchersAtOnceMax || firstSerial < 1n) {
    const message = `1 to ${vouchersAtOnceMax} vouchers are sold at once.`;
    return refuse('VOUCHER_COUNT_OUT_OF_RANGE', message, ['count']);
  }
  const input = { ...given, idempotencyKey: given.idempotencyKey.toLowerCase() };
  const nowMs = clock.nowMs();
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'sellVouchers',
        input: [firstSerial.toString(), String(count), agent ?? ''],
        nowMs,
      },
      () => sell(tx, viewer, { input, nowMs }),
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({
    batchId: Number(textOf(answer, 'batchId')),
    amountMicros: BigInt(textOf(answer, 'amountMicros')),
    currency: textOf(answer, 'currency'),
    isReplay,
  });
}
