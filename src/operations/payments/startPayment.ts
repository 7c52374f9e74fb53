import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import type { KeyedAnswer } from '../../db/idempotency.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { findChannel, insertPayment } from '../../db/payments.ts';
import type { PaymentChannel } from '../../db/payments.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { ChannelClosedCode, ProviderCode } from '../../domain/payment/providerNews.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, sameAmount, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { paymentIdOf } from './applyPaymentEvent.ts';
import { parsePaid } from './paidAmount.ts';
import type { AmountCode } from './paidAmount.ts';
import type { ProviderOf } from './provider.ts';

export type StartPaymentInput = {
  readonly idempotencyKey: string;
  readonly accountId: number;
  readonly channelId: number;
  /** Plain decimal text in the account's currency. */
  readonly amount: string;
  readonly currency: string;
};

export type StartPaymentCode =
  | KeyCode
  | AmountCode
  | ProviderCode
  | ChannelClosedCode
  | 'NOT_PERMITTED'
  | 'ACCOUNT_NOT_FOUND'
  | 'CURRENCY_MISMATCH'
  | 'PAYMENT_CHANNEL_UNKNOWN'
  | 'PAYMENT_CHANNEL_INACTIVE';

export type StartedPayment = {
  readonly paymentId: string;
  readonly accountId: number;
  /** For the payer's browser, which finishes at the provider; it is not kept here. */
  readonly clientSecret: string | null;
  readonly redirectUrl: string | null;
  readonly isReplay: boolean;
};

export type ProviderDeps = RequestDeps & { readonly providerOf: ProviderOf };

async function findPayable(
  tx: Transaction,
  viewer: Viewer,
  { accountId, channelId, currency }: StartPaymentInput,
): Promise<Outcome<PaymentChannel, StartPaymentCode>> {
  const { companyId } = viewer;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  if (account === undefined) {
    return refuse('ACCOUNT_NOT_FOUND', 'You have no such account. Check its id.', ['accountId']);
  }
  const channel = await findChannel(tx, channelId);
  if (channel === null) {
    const message = 'The company has no such payment channel.';
    return refuse('PAYMENT_CHANNEL_UNKNOWN', message, ['channelId']);
  }
  if (!channel.isActive) {
    const message = 'This way of paying is closed. Choose another.';
    return refuse('PAYMENT_CHANNEL_INACTIVE', message, ['channelId']);
  }
  if (account.currency !== currency || channel.currency !== currency) {
    const message = `Account: ${account.currency}; channel: ${channel.currency}. Pay in that.`;
    return refuse('CURRENCY_MISMATCH', message, ['currency']);
  }
  return accept(channel);
}

/**
 * Begins a payment at a channel's provider, for the customer to finish there. The provider is
 * asked between two transactions, under a key that follows from the client's: whatever is cut
 * off in between, the same request goes on with the same payment. No money moves before the
 * provider says so.
 */
export async function startPayment(
  { sql, clock, providerOf }: ProviderDeps,
  viewer: Viewer,
  input: StartPaymentInput,
): Promise<Outcome<StartedPayment, StartPaymentCode>> {
  if (!isAllowed(viewer.role, 'Mutation.startPayment')) {
    return refuse('NOT_PERMITTED', 'Your role may not start payments. Ask an operator.');
  }
  const amount = parsePaid(input);
  if (!amount.ok) return amount;
  const nowMs = clock.nowMs();
  const { accountId, channelId, currency } = input;
  const channel = await asViewer(sql, viewer, (tx) => findPayable(tx, viewer, input));
  if (!channel.ok) return channel;
  const provider = providerOf(channel.value);
  if (!provider.ok) return provider;
  const { companyId, actor } = viewer;
  const key = input.idempotencyKey.toLowerCase();
  const asked = [String(accountId), String(channelId), sameAmount(input.amount), currency];
  const request = {
    viewer,
    key,
    operation: 'startPayment',
    input: asked,
    nowMs,
  };
  const started = await provider.value.startPayment({
    // With the input: the key with another input must reach our refusal, not another payment.
    idempotencyKey: derivedId('start_payment', String(companyId), actor, key, ...asked),
    accountId,
    amountMicros: amount.value,
    currency,
  });
  if (!started.ok) return started;
  const paymentId = paymentIdOf({ channelId, reference: started.value.reference });
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(tx, request, async (): Promise<Outcome<KeyedAnswer, StartPaymentCode>> => {
      const { reference } = started.value;
      const row = { id: paymentId, companyId, channelId, reference, currency, accountId };
      await insertPayment(tx, { ...row, agentId: null, startedAtMs: nowMs });
      await insertAudit(tx, {
        id: derivedId('payment_started', paymentId, actor, key),
        companyId,
        atMs: nowMs,
        actor,
        action: 'payment.started',
        subject: `account/${accountId}`,
        before: null,
        after: { paymentId, amountMicros: amount.value.toString(), currency },
      });
      return accept({ paymentId, reference });
    }),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  const kept = textOf(answer, 'reference');
  // A provider forgets keys after a day: then it began another payment, which nobody will pay.
  const told =
    kept === started.value.reference ? started : await provider.value.resumePayment(kept);
  if (!told.ok) return told;
  const { clientSecret, redirectUrl } = told.value;
  return accept({
    paymentId: textOf(answer, 'paymentId'),
    accountId,
    clientSecret,
    redirectUrl,
    isReplay,
  });
}
