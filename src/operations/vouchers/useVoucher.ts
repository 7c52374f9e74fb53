import { createHash } from 'node:crypto';
import { insertAuditOnce } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import { eventShardOf } from '../../db/events.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { findChannel } from '../../db/payments.ts';
import type { PaymentChannel } from '../../db/payments.ts';
import { asViewer } from '../../db/viewer.ts';
import {
  accountCurrency,
  countRefusedVouchers,
  countTransfers,
  findVoucherBatch,
  findVoucherEnd,
  insertVoucherUse,
  lockAttempts,
  lockVouchers,
} from '../../db/vouchers.ts';
import type { VoucherBatch } from '../../db/vouchers.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome, Refused } from '../../domain/outcome.ts';
import { voucherTriesPerHourMax } from '../../domain/payment/limits.ts';
import { dayMs, hourMs } from '../../domain/time/civil.ts';
import { isSigned, publicKeyOf, readVoucher, voucherSettings } from '../../wire/voucherCode.ts';
import type { ReadVoucher, VoucherCodeCode } from '../../wire/voucherCode.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { applyPaymentEvent } from '../payments/applyPaymentEvent.ts';
import type { PaymentCode } from '../payments/applyPaymentEvent.ts';
import { saleOf } from './saleOf.ts';

export type UseVoucherInput = {
  readonly idempotencyKey: string;
  readonly accountId: number;
  /** As it was typed. */
  readonly code: string;
};

type BadVoucherCode =
  | VoucherCodeCode
  | 'VOUCHER_OTHER_COMPANY'
  | 'VOUCHER_SIGNATURE_WRONG'
  | 'VOUCHER_UNKNOWN'
  | 'VOUCHER_EXPIRED'
  | 'VOUCHER_REVOKED'
  | 'VOUCHER_USED'
  | 'VOUCHER_NOT_SOLD'
  | 'VOUCHER_CURRENCY_MISMATCH';

export type UseVoucherCode =
  | KeyCode
  | PaymentCode
  | BadVoucherCode
  | 'NOT_PERMITTED'
  | 'ACCOUNT_NOT_FOUND'
  | 'VOUCHER_TRIES_EXHAUSTED';

export type UsedVoucher = {
  readonly paymentId: string;
  readonly accountId: number;
  readonly amountMicros: bigint;
  readonly balanceMicros: bigint;
  readonly currency: string;
  readonly isReplay: boolean;
};

type Good = {
  readonly read: ReadVoucher;
  readonly batch: VoucherBatch;
  readonly channel: PaymentChannel;
};

/** Whose batch it is of, and whether the company signed just this. */
async function findBatch(
  tx: Transaction,
  companyId: number,
  read: ReadVoucher,
): Promise<Outcome<Omit<Good, 'read'>, BadVoucherCode>> {
  const { content } = read;
  if (content.companyId !== companyId) {
    return refuse('VOUCHER_OTHER_COMPANY', 'This voucher is of another company.');
  }
  const wrong = refuse('VOUCHER_SIGNATURE_WRONG', 'The company did not sign this voucher.');
  const batch = await findVoucherBatch(tx, { companyId, serial: content.serial });
  // Of no batch means not signed by us, or a batch that was lost: the keys are of the channel.
  if (batch === null) return refuse('VOUCHER_UNKNOWN', 'The company made no such voucher.');
  const channel = await findChannel(tx, batch.channelId);
  const settings = voucherSettings.safeParse(channel?.settings);
  if (channel === null || !settings.success) return wrong;
  if (!isSigned(read, settings.data.publicKeys.map(publicKeyOf))) return wrong;
  const isSame =
    content.amountMicros === batch.amountMicros &&
    content.currency === batch.currency &&
    (content.lastDay + 1) * dayMs === batch.expiresAt.getTime();
  return isSame ? accept({ batch, channel }) : wrong;
}

async function judge(
  tx: Transaction,
  viewer: Viewer,
  { input, currency, nowMs }: { input: UseVoucherInput; currency: string; nowMs: number },
): Promise<Outcome<Good, BadVoucherCode>> {
  const read = readVoucher(input.code);
  if (!read.ok) return read;
  const { companyId } = viewer;
  const found = await findBatch(tx, companyId, read.value);
  if (!found.ok) return found;
  const { batch, channel } = found.value;
  const { serial } = read.value.content;
  if (batch.currency !== currency) {
    const message = `The voucher is in ${batch.currency}, the account in ${currency}.`;
    return refuse('VOUCHER_CURRENCY_MISMATCH', message);
  }
  await lockVouchers(tx, batch.id);
  const end = await findVoucherEnd(tx, { companyId, serial });
  if (end === 'used') return refuse('VOUCHER_USED', 'This voucher was used before.');
  if (end === 'revoked') return refuse('VOUCHER_REVOKED', 'This voucher was taken back.');
  if (batch.expiresAt.getTime() <= nowMs) {
    return refuse('VOUCHER_EXPIRED', 'The last day of this voucher is over.');
  }
  if ((await countTransfers(tx, [saleOf({ companyId, serial })])) === 0) {
    return refuse('VOUCHER_NOT_SOLD', 'This voucher was not sold yet. Ask where it was bought.');
  }
  return accept({ read: read.value, batch, channel });
}

async function auditRefusal(
  tx: Transaction,
  viewer: Viewer,
  {
    input,
    refusal,
    nowMs,
  }: {
    input: UseVoucherInput;
    refusal: Refused<BadVoucherCode>;
    nowMs: number;
  },
): Promise<Refused<BadVoucherCode>> {
  const codeHash = createHash('sha256').update(input.code).digest('hex');
  const { companyId, actor } = viewer;
  const { accountId, idempotencyKey } = input;
  await insertAuditOnce(tx, {
    id: derivedId('voucher_refused', String(accountId), idempotencyKey, codeHash, refusal.code),
    companyId,
    atMs: nowMs,
    actor,
    action: 'voucher.refused',
    subject: `account/${accountId}`,
    before: null,
    after: { code: refusal.code, codeHash },
  });
  return { ...refusal, isAudited: true };
}

type Done = { readonly answer: KeyedAnswer; readonly commandsRequested: boolean };

async function use(
  tx: Transaction,
  viewer: Viewer,
  asked: { input: UseVoucherInput; currency: string; nowMs: number },
): Promise<Outcome<Done, UseVoucherCode>> {
  const { input, nowMs } = asked;
  const { companyId, actor } = viewer;
  const { accountId } = input;
  await lockAttempts(tx, accountId);
  const sinceMs = nowMs - hourMs;
  const tries = await countRefusedVouchers(tx, { companyId, accountId, sinceMs });
  if (tries >= voucherTriesPerHourMax) {
    const message = 'Too many codes were wrong. Wait an hour, or ask the company.';
    return refuse('VOUCHER_TRIES_EXHAUSTED', message);
  }
  const good = await judge(tx, viewer, asked);
  if (!good.ok) return auditRefusal(tx, viewer, { input, refusal: good, nowMs });
  const { read, batch, channel } = good.value;
  const { serial } = read.content;
  const reference = `voucher ${serial}`;
  const paid = await applyPaymentEvent(tx, {
    companyId,
    channelId: channel.id,
    eventId: reference,
    reference,
    accountId,
    currency: batch.currency,
    kind: 'captured',
    totalMicros: batch.amountMicros,
    occurredAtMs: nowMs,
    receivedAtMs: nowMs,
    bodyHash: createHash('sha256').update(read.payload).digest(),
    actor,
  });
  if (!paid.ok) return paid;
  const { paymentId, balanceMicros, commandsRequested } = paid.value;
  if (balanceMicros === null) throw new Error('VOUCHER_WITHOUT_ACCOUNT: it was there before');
  const end = { companyId, serial, batchId: batch.id, paymentId, atMs: nowMs, actor };
  await insertVoucherUse(tx, end);
  const answer = {
    paymentId,
    amountMicros: batch.amountMicros.toString(),
    balanceMicros: balanceMicros.toString(),
    currency: batch.currency,
  };
  return accept({ answer, commandsRequested });
}

/**
 * Credits a voucher to an account, once for the voucher. Whoever holds it may use it for an account
 * that they may see; what then is looked up and written is of the company, not of the account.
 */
export async function useVoucher(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  given: UseVoucherInput,
): Promise<Outcome<UsedVoucher, UseVoucherCode>> {
  if (!isAllowed(viewer.role, 'Mutation.useVoucher')) {
    return refuse('NOT_PERMITTED', 'Your role may not use vouchers. Ask an operator.');
  }
  const input = { ...given, idempotencyKey: given.idempotencyKey.toLowerCase() };
  const { accountId } = input;
  const currency = await asViewer(sql, viewer, (tx) => accountCurrency(tx, accountId));
  if (currency === null) {
    return refuse('ACCOUNT_NOT_FOUND', 'You have no such account.', ['accountId']);
  }
  const nowMs = clock.nowMs();
  const house: Viewer = { ...viewer, role: 'operator', accountId: null };
  let commandsRequested = false;
  const outcome = await asViewer(sql, house, (tx) =>
    onceByKey(
      tx,
      {
        viewer: house,
        key: input.idempotencyKey,
        operation: 'useVoucher',
        input: [String(accountId), createHash('sha256').update(input.code).digest('hex')],
        nowMs,
      },
      async (): Promise<Outcome<KeyedAnswer, UseVoucherCode>> => {
        const done = await use(tx, house, { input, currency, nowMs });
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
    paymentId: textOf(answer, 'paymentId'),
    accountId,
    amountMicros: BigInt(textOf(answer, 'amountMicros')),
    balanceMicros: BigInt(textOf(answer, 'balanceMicros')),
    currency: textOf(answer, 'currency'),
    isReplay,
  });
}
