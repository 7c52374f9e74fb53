import { createHash } from 'node:crypto';
import { claimSilentCharges } from '../../db/autoTopUps.ts';
import type { SilentCharge } from '../../db/autoTopUps.ts';
import { eventShardOf } from '../../db/events.ts';
import { findChannel, findPayment } from '../../db/payments.ts';
import { failAccepted } from '../../db/providerCalls.ts';
import { asViewer } from '../../db/viewer.ts';
import { assert } from '../../domain/assert.ts';
import {
  chargeSilentMs,
  chargeSilentMsMax,
  providerCallsAtOnceMax,
} from '../../domain/payment/limits.ts';
import { eachApart } from '../eachApart.ts';
import { applyPaymentEvent } from '../payments/applyPaymentEvent.ts';
import { channelViewer } from '../payments/channelViewer.ts';
import type { PaymentAtProvider } from '../payments/provider.ts';
import { isUnanswered } from '../payments/providerWait.ts';
import { pauseOrder } from './chargeCall.ts';
import type { ChargeDeps } from './chargeCall.ts';

/** Its order charges nothing more by itself, as nobody knows what became of it. */
async function giveUp(
  { sql, clock, wake }: ChargeDeps,
  charge: SilentCharge,
  code: string,
): Promise<void> {
  await sql.begin(async (tx) => {
    const isNew = await failAccepted(tx, { id: charge.id, detail: code });
    if (isNew) await pauseOrder(tx, charge, { code, atMs: clock.nowMs() });
  });
  wake({ kind: 'events', shard: eventShardOf(charge.companyId) });
}

/** What the provider answers is heard like its own word, which may still come: one credit. */
async function hear(
  { sql, clock, wake }: ChargeDeps,
  charge: SilentCharge,
  { reference, told }: { readonly reference: string; readonly told: PaymentAtProvider },
): Promise<void> {
  if (told.state === 'pending') return;
  const { id, companyId, channelId, accountId, currency } = charge;
  const channel = await findChannel(sql, channelId);
  assert(channel !== null, 'a charge is of a channel');
  const viewer = channelViewer(channel);
  const totalMicros = told.state === 'captured' ? told.amountMicros : 0n;
  const said = JSON.stringify([reference, told.state, totalMicros.toString()]);
  const nowMs = clock.nowMs();
  const applied = await asViewer(sql, viewer, (tx) =>
    applyPaymentEvent(tx, {
      companyId,
      channelId,
      eventId: `asked ${id}`,
      reference,
      accountId,
      currency,
      kind: told.state,
      totalMicros,
      occurredAtMs: nowMs,
      receivedAtMs: nowMs,
      bodyHash: createHash('sha256').update(said).digest(),
      actor: viewer.actor,
      ...(told.state === 'failed' && { reason: told.reason }),
    }),
  );
  // Refused: it has its row in the audit, and the charge is asked after until nobody waits for it.
  if (!applied.ok) return;
  wake({ kind: 'events', shard: eventShardOf(companyId) });
  if (applied.value.commandsRequested) wake({ kind: 'commands' });
}

/**
 * Asks the provider after charges whose word has not come: a lost message holds no order for ever.
 * What stays open for two weeks pauses its order.
 */
export async function askSilent(deps: ChargeDeps): Promise<void> {
  const { sql, clock, providerOf } = deps;
  const silent = await claimSilentCharges(sql, {
    nowMs: clock.nowMs(),
    silentMs: chargeSilentMs,
    limit: providerCallsAtOnceMax,
  });
  await eachApart(silent, async (charge) => {
    const channel = await findChannel(sql, charge.channelId);
    const payment = await findPayment(sql, charge.paymentId);
    assert(channel !== null && payment !== null, 'an accepted charge has both');
    const { reference } = payment;
    const provider = providerOf(channel);
    const read = provider.ok
      ? await provider.value.readPayment(reference, charge.currency)
      : provider;
    if (!read.ok && !isUnanswered(read.code)) return giveUp(deps, charge, read.code);
    if (read.ok) await hear(deps, charge, { reference, told: read.value });
    const isOver = clock.nowMs() - charge.acceptedAt.getTime() >= chargeSilentMsMax;
    const isOpen = !read.ok || read.value.state === 'pending';
    if (isOver && isOpen) await giveUp(deps, charge, 'CHARGE_UNANSWERED');
  });
}
