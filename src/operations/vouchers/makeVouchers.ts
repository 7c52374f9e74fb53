import type { KeyObject } from 'node:crypto';
import { insertAudit } from '../../db/audit.ts';
import { findChannelNamed } from '../../db/bank.ts';
import { asViewer } from '../../db/viewer.ts';
import { insertVoucherBatch } from '../../db/vouchers.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { voucherDaysMax, vouchersPerBatchMax } from '../../domain/payment/limits.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { publicKeyText, voucherSettings, writeVoucher } from '../../wire/voucherCode.ts';
import { derivedId } from '../derivedId.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { parsePaid } from '../payments/paidAmount.ts';
import type { AmountCode } from '../payments/paidAmount.ts';

export type MakeVouchersInput = {
  readonly channel: string;
  readonly count: number;
  /** Of each. */
  readonly amount: string;
  /** The last day on which they are taken, UTC: `2027-12-31`. */
  readonly lastDay: string;
  readonly privateKey: KeyObject;
};

export type MakeVouchersCode =
  | AmountCode
  | 'NOT_PERMITTED'
  | 'PAYMENT_CHANNEL_UNKNOWN'
  | 'VOUCHER_KEY_UNKNOWN'
  | 'VOUCHER_COUNT_OUT_OF_RANGE'
  | 'VOUCHER_EXPIRY_OUT_OF_RANGE';

export type MadeVouchers = {
  readonly batchId: number;
  readonly currency: string;
  readonly amountMicros: bigint;
  readonly vouchers: readonly { readonly serial: bigint; readonly code: string }[];
};

function dayNumberOf(text: string): number | null {
  const instantMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(instantMs) ? null : instantMs / dayMs;
}

/**
 * A batch of signed codes. Signatures of Ed25519 follow from key and content, so the same batch can
 * be written again; the codes themselves are kept nowhere.
 */
export async function makeVouchers(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  input: MakeVouchersInput,
): Promise<Outcome<MadeVouchers, MakeVouchersCode>> {
  if (viewer.role !== 'administrator') {
    return refuse('NOT_PERMITTED', 'Vouchers are made by an administrator.');
  }
  const { count, privateKey } = input;
  if (!Number.isInteger(count) || count < 1 || count > vouchersPerBatchMax) {
    const message = `A batch has 1 to ${vouchersPerBatchMax} vouchers.`;
    return refuse('VOUCHER_COUNT_OUT_OF_RANGE', message, ['count']);
  }
  const nowMs = clock.nowMs();
  const lastDay = dayNumberOf(input.lastDay);
  const ahead = lastDay === null ? -1 : lastDay - Math.floor(nowMs / dayMs);
  if (lastDay === null || ahead < 0 || ahead > voucherDaysMax) {
    const message = `The last day is written as 2027-12-31, at most ${voucherDaysMax} days ahead.`;
    return refuse('VOUCHER_EXPIRY_OUT_OF_RANGE', message, ['lastDay']);
  }
  const { companyId, actor } = viewer;
  return asViewer(sql, viewer, async (tx): Promise<Outcome<MadeVouchers, MakeVouchersCode>> => {
    const channel = await findChannelNamed(tx, { companyId, name: input.channel });
    const settings = voucherSettings.safeParse(channel?.settings);
    if (channel === null || channel.kind !== 'voucher' || !settings.success) {
      const message = 'The company has no such channel of kind voucher with public keys.';
      return refuse('PAYMENT_CHANNEL_UNKNOWN', message, ['channel']);
    }
    if (!settings.data.publicKeys.includes(publicKeyText(privateKey))) {
      const message = 'The key is none of the channel, so nobody would take what it signs.';
      return refuse('VOUCHER_KEY_UNKNOWN', message);
    }
    const { currency } = channel;
    const amount = parsePaid({ amount: input.amount, currency });
    if (!amount.ok) return amount;
    const amountMicros = amount.value;
    const batch = await insertVoucherBatch(tx, {
      companyId,
      channelId: channel.id,
      count,
      amountMicros,
      currency,
      expiresAtMs: (lastDay + 1) * dayMs,
      issuedAtMs: nowMs,
      issuedBy: actor,
    });
    const { id: batchId, firstSerial } = batch;
    await insertAudit(tx, {
      id: derivedId('vouchers_made', String(batchId)),
      companyId,
      atMs: nowMs,
      actor,
      action: 'voucher.make',
      subject: `voucher_batch/${batchId}`,
      before: null,
      after: { firstSerial: firstSerial.toString(), count, amountMicros: amountMicros.toString() },
    });
    const vouchers = Array.from({ length: count }, (_, at) => {
      const serial = firstSerial + BigInt(at);
      const content = { companyId, serial, amountMicros, currency, lastDay };
      return { serial, code: writeVoucher(content, privateKey) };
    });
    return accept({ batchId, currency, amountMicros, vouchers });
  });
}
