import { findChannel } from '../../db/payments.ts';
import { claimCalls } from '../../db/providerCalls.ts';
import type { ClaimedCall } from '../../db/providerCalls.ts';
import { assert } from '../../domain/assert.ts';
import { providerCallsAtOnceMax, providerLeaseMs } from '../../domain/payment/limits.ts';
import { channelViewer } from '../payments/channelViewer.ts';
import { eachApart } from '../eachApart.ts';
import { sendRefund } from '../payments/refundCall.ts';
import { pauseBroken, sendCharge } from './chargeCall.ts';
import type { ChargeDeps } from './chargeCall.ts';
import { openTopUps } from './openTopUps.ts';
import { askSilent } from './silentCharges.ts';

async function ask(deps: ChargeDeps, claimed: ClaimedCall): Promise<boolean> {
  const channel = await findChannel(deps.sql, claimed.channelId);
  assert(channel !== null, 'a call is of a channel');
  const { askedAt, ...call } = claimed;
  const asked = { ...call, askedAtMs: askedAt.getTime() };
  if (asked.kind === 'charge') return sendCharge(deps, channel, asked);
  const sent = await sendRefund(deps, { viewer: channelViewer(channel), channel }, asked);
  return sent.ok && sent.value.isSent;
}

type Asked = { readonly asked: number; readonly accepted: number };

/** Calls that are due, each taken for a while first, so that of several processes one asks. */
async function askDue(deps: ChargeDeps): Promise<Asked> {
  const { sql, clock } = deps;
  let [asked, accepted] = [0, 0];
  for (;;) {
    const claimed = await claimCalls(sql, {
      nowMs: clock.nowMs(),
      leaseMs: providerLeaseMs,
      limit: providerCallsAtOnceMax,
    });
    if (claimed.length === 0) return { asked, accepted };
    const ended = await Promise.allSettled(claimed.map((call) => ask(deps, call)));
    asked += claimed.length;
    for (const each of ended) {
      // A fault of ours: the others were asked, and this one is when its lease is over.
      if (each.status === 'rejected') throw each.reason;
      if (each.value) accepted += 1;
    }
  }
}

/**
 * Asks payment providers for all that is due: standing orders, and refunds whose asker died. An
 * order that cannot be worked on holds up nothing else.
 * @throws what went wrong, when all else was asked.
 */
export async function askProviders(deps: ChargeDeps): Promise<Asked> {
  let done: Asked = { asked: 0, accepted: 0 };
  const askAll = async () => {
    done = await askDue(deps);
  };
  const stages = [askSilent, pauseBroken, openTopUps, askAll];
  await eachApart(stages, (stage) => stage(deps));
  return done;
}
