import { insertAudit } from '../../db/audit.ts';
import { endAutoTopUp, findBrokenCharges } from '../../db/autoTopUps.ts';
import type { Sql, Transaction } from '../../db/connect.ts';
import { appendEvent, companySubject, eventShardOf, plainEvent } from '../../db/events.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { insertNotice } from '../../db/notices.ts';
import { insertPayment } from '../../db/payments.ts';
import type { PaymentChannel } from '../../db/payments.ts';
import { endCall, failAccepted, postponeCall } from '../../db/providerCalls.ts';
import type { ChargeCall } from '../../db/providerCalls.ts';
import type { Bell } from '../../domain/bell.ts';
import { formatMicros } from '../../domain/exact.ts';
import { topUpsPerRoundMax } from '../../domain/payment/limits.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { derivedId } from '../derivedId.ts';
import { eachApart } from '../eachApart.ts';
import { paymentIdOf } from '../payments/applyPaymentEvent.ts';
import type { ProviderOf } from '../payments/provider.ts';
import { forgotten, isForgotten, isUnanswered, nextTryMs } from '../payments/providerWait.ts';

export type ChargeDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  wake(bell: Bell): void;
  readonly providerOf: ProviderOf;
};

type Charge = Pick<ChargeCall, 'id' | 'companyId' | 'accountId' | 'breach' | 'currency'> &
  Pick<ChargeCall, 'amountMicros'>;

const actor = 'auto top-up';

/**
 * Stops the order until its customer sets it again, and tells the customer: a card that was
 * declined once is not tried over and over. Under the account's lock.
 */
export async function pauseOrder(
  tx: Transaction,
  charge: Charge,
  { code, atMs }: { readonly code: string; readonly atMs: number },
): Promise<void> {
  const { id, companyId, accountId, breach, currency, amountMicros } = charge;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  // Stopped by its customer meanwhile: that stands, and there is nothing to tell.
  if (!(await endAutoTopUp(tx, { accountId, pausedCode: code }))) return;
  const amount = formatMicros(amountMicros, minorDigitsOf(currency) ?? 2);
  const noticeId = derivedId('notice', id, 'top_up_failed');
  const detail = { amount, currency, code };
  const told = { kind: 'top_up_failed', threshold: 'order', breach } as const;
  await insertNotice(tx, { id: noticeId, companyId, accountId, ...told, detail, atMs });
  await insertAudit(tx, {
    id: derivedId('audit', noticeId),
    companyId,
    atMs,
    actor,
    action: 'autoTopUp.paused',
    subject: `account/${accountId}`,
    before: null,
    after: { code, breach, amountMicros: amountMicros.toString() },
  });
  await appendEvent(
    tx,
    plainEvent({
      companyId,
      kind: 'notice',
      atMs,
      subjects: [{ ...companySubject, accountId }],
      detail: { noticeId, what: told.kind, threshold: told.threshold, breach, ...detail },
      balanceMicros: [account?.balanceMicros ?? 0n],
    }),
  );
}

async function keepCharged(
  tx: Transaction,
  { id, companyId, channelId, accountId, currency }: ChargeCall,
  { reference, atMs }: { readonly reference: string; readonly atMs: number },
): Promise<void> {
  const paymentId = paymentIdOf({ channelId, reference });
  const row = { id: paymentId, companyId, channelId, reference, currency, accountId };
  // The provider's own word may have come first, and made the same row.
  await insertPayment(tx, { ...row, agentId: null, startedAtMs: atMs });
  await endCall(tx, { id, outcome: 'accepted', paymentId, detail: reference, atMs });
}

/**
 * Charges the instrument of a standing order, beside any transaction and under the key of this
 * breach: asked again after a crash it is charged once. The credit is posted when the provider
 * tells of it, as with every payment.
 */
export async function sendCharge(
  { sql, clock, wake, providerOf }: ChargeDeps,
  channel: PaymentChannel,
  call: ChargeCall & { readonly askedAtMs: number; readonly tries: number },
): Promise<boolean> {
  const { id, accountId, amountMicros, currency, instrument } = call;
  const provider = isForgotten(call, clock.nowMs()) ? forgotten : providerOf(channel);
  const request = { idempotencyKey: id, accountId, amountMicros, currency, instrument };
  const charged = provider.ok ? await provider.value.chargeInstrument(request) : provider;
  const atMs = clock.nowMs();
  if (charged.ok) {
    const { reference } = charged.value;
    await sql.begin((tx) => keepCharged(tx, call, { reference, atMs }));
    return true;
  }
  const { code } = charged;
  const nextTryAtMs = isUnanswered(code) ? nextTryMs(call, atMs) : null;
  if (nextTryAtMs !== null) {
    await postponeCall(sql, { id, nextTryAtMs, detail: code });
    return false;
  }
  await sql.begin(async (tx) => {
    const isEnded = await endCall(tx, { id, outcome: 'failed', detail: code, atMs });
    if (isEnded) await pauseOrder(tx, call, { code, atMs });
  });
  wake({ kind: 'events', shard: eventShardOf(call.companyId) });
  return false;
}

/** Charges that the provider took on and that failed later, as a bank's debit does after days. */
export async function pauseBroken({ sql, clock, wake }: ChargeDeps): Promise<void> {
  const broken = await findBrokenCharges(sql, { limit: topUpsPerRoundMax });
  await eachApart(broken, async (charge) => {
    const { id, companyId } = charge;
    const code = /^[\w.-]{1,60}$/.exec(charge.reason)?.[0] ?? 'PAYMENT_DECLINED';
    await sql.begin(async (tx) => {
      const isNew = await failAccepted(tx, { id, detail: code });
      if (isNew) await pauseOrder(tx, charge, { code, atMs: clock.nowMs() });
    });
    wake({ kind: 'events', shard: eventShardOf(companyId) });
  });
}
