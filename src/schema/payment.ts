import { listChannels } from '../db/payments.ts';
import type {
  PaymentChannel as PaymentChannelRow,
  PaymentStepRow,
  ReceiptRow,
} from '../db/payments.ts';
import { findPayments, pageUnallocated } from '../db/paymentReads.ts';
import type { PaymentView } from '../db/paymentReads.ts';
import { allocatePayment } from '../operations/payments/allocatePayment.ts';
import type { AllocatedPayment } from '../operations/payments/allocatePayment.ts';
import { netOf } from '../operations/payments/postSteps.ts';
import { refundPayment } from '../operations/payments/refundPayment.ts';
import type { RequestedRefund } from '../operations/payments/refundPayment.ts';
import { startPayment } from '../operations/payments/startPayment.ts';
import type { ProviderDeps, StartedPayment } from '../operations/payments/startPayment.ts';
import { Account } from './account.ts';
import { builder, pageCost } from './builder.ts';
import type { ApiDeps } from './context.ts';
import { Money } from './money.ts';
import { integerKey, uuidKey } from './nodeKey.ts';
import { pageByTime } from './page.ts';
import { Transfer } from './transfer.ts';
import { resultUnion, userErrorOf } from './userError.ts';
import type { UserErrorValue } from './userError.ts';

const PaymentChannelKind = builder.enumType('PaymentChannelKind', {
  values: {
    COUNTER: { value: 'counter' },
    STRIPE: { value: 'stripe', description: 'A card provider: startPayment.' },
    BANK: { value: 'bank' },
    CASH: { value: 'cash' },
    VOUCHER: { value: 'voucher' },
    OPENPAYGO: { value: 'openpaygo' },
  } as const,
});

export const PaymentChannel = builder.loadableNodeRef<PaymentChannelRow, number>('PaymentChannel', {
  id: { resolve: (channel) => channel.id, parse: integerKey },
  load: async (ids, { read, viewer }) => {
    const channels = await read((tx) => listChannels(tx, viewer.companyId));
    return channels.filter(({ id }) => ids.includes(id));
  },
  sort: (channel) => channel.id,
  loaderOptions: { cache: false },
});

PaymentChannel.implement({
  description: 'A way by which money comes in.',
  fields: (t) => ({
    name: t.exposeString('name'),
    kind: t.field({ type: PaymentChannelKind, resolve: ({ kind }) => kind }),
    currency: t.field({ type: 'CurrencyCode', resolve: ({ currency }) => currency }),
    isActive: t.exposeBoolean('isActive'),
  }),
});

const PaymentStepKind = builder.enumType('PaymentStepKind', {
  values: {
    CAPTURED: { value: 'captured', description: 'Money came in.' },
    REFUND_REQUESTED: { value: 'refund_requested', description: 'The provider was asked.' },
    REFUNDED: { value: 'refunded' },
    REFUND_FAILED: { value: 'refund_failed', description: 'It did not arrive, and is back.' },
    DISPUTED: { value: 'disputed', description: 'The payer’s bank took it back.' },
    DISPUTE_WON: { value: 'dispute_won', description: 'And gave it again.' },
    ALLOCATED: { value: 'allocated', description: 'A person said whose it is.' },
    FAILED: { value: 'failed', description: 'The payer’s bank did not pay.' },
  } as const,
});

type Step = PaymentStepRow & { readonly currency: string };

const PaymentStep = builder.objectRef<Step>('PaymentStep').implement({
  description: 'What became of a payment. Never changed.',
  fields: (t) => ({
    kind: t.field({ type: PaymentStepKind, resolve: ({ kind }) => kind }),
    amount: t.field({
      type: Money,
      resolve: ({ amountMicros, currency }) => ({ micros: amountMicros, currency }),
    }),
    transfer: t.field({
      type: Transfer,
      nullable: true,
      description: 'Null where no money moved, or none of an account that you may see.',
      resolve: ({ transferId, accountId }) => (accountId === null ? null : transferId),
    }),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    detail: t.exposeString('detail'),
  }),
});

export const PaymentReceipt = builder.objectRef<ReceiptRow>('PaymentReceipt').implement({
  description: 'What the customer was given for money. Numbers have no hole.',
  fields: (t) => ({
    number: t.string({ resolve: ({ number }) => number.toString() }),
    document: t.field({
      type: 'JSON',
      description: 'Paid, to debt, to energy, the balance after: amounts in millionths, as text.',
      resolve: ({ document }) => document,
    }),
    issuedAt: t.field({ type: 'DateTime', resolve: ({ issuedAt }) => issuedAt }),
  }),
});

export const Payment = builder.loadableNodeRef<PaymentView>('Payment', {
  id: { resolve: (payment) => payment.id, parse: uuidKey },
  load: (ids, { read }) => read((tx) => findPayments(tx, ids)),
  sort: (payment) => payment.id,
  loaderOptions: { cache: false },
});

Payment.implement({
  description: 'One payment by its provider’s reference, with all that became of it.',
  fields: (t) => ({
    reference: t.exposeString('reference'),
    channel: t.exposeString('channelName'),
    channelKind: t.field({ type: PaymentChannelKind, resolve: ({ channelKind }) => channelKind }),
    startedAt: t.field({ type: 'DateTime', resolve: ({ startedAt }) => startedAt }),
    standing: t.field({
      type: Money,
      description: 'What it brought in, without what went back.',
      resolve: ({ steps, currency }) => ({ micros: netOf(steps), currency }),
    }),
    steps: t.field({
      type: [PaymentStep],
      resolve: ({ steps, currency }) => steps.map((step) => ({ ...step, currency })),
    }),
    receipts: t.field({ type: [PaymentReceipt], resolve: ({ receipts }) => [...receipts] }),
  }),
});

export const paymentKeyOf = (payment: PaymentView) => ({
  atMs: payment.startedAt.getTime(),
  key: payment.id,
});

builder.queryFields((t) => ({
  paymentChannels: t.field({
    type: [PaymentChannel],
    authScopes: { may: 'Query.paymentChannels' },
    complexity: { field: 10, multiplier: 10 },
    resolve: async (_root, _args, { read, viewer }) => [
      ...(await read((tx) => listChannels(tx, viewer.companyId))),
    ],
  }),
  unallocatedPayments: t.connection({
    type: Payment,
    authScopes: { may: 'Query.unallocatedPayments' },
    complexity: pageCost,
    description: 'Money of which nobody knows whose it is. Newest first.',
    resolve: (_root, args, { read }) =>
      pageByTime(args, (page) => read((tx) => pageUnallocated(tx, page)), paymentKeyOf),
  }),
}));

function providerDepsOf(deps: ApiDeps): ProviderDeps | UserErrorValue {
  const { payments } = deps;
  if (payments !== undefined) return { ...deps, providerOf: payments.providerOf };
  const message = 'This server calls no payment providers.';
  return userErrorOf({ ok: false, code: 'CHANNEL_WITHOUT_PROVIDER', message });
}

const StartPaymentPayload = builder.objectRef<StartedPayment>('StartPaymentPayload').implement({
  fields: (t) => ({
    payment: t.field({ type: Payment, resolve: ({ paymentId }) => paymentId }),
    clientSecret: t.exposeString('clientSecret', {
      nullable: true,
      description: 'For the provider’s form in the payer’s browser. Do not keep or log it.',
    }),
    redirectUrl: t.exposeString('redirectUrl', { nullable: true }),
    isReplay: t.exposeBoolean('isReplay'),
  }),
});

const RefundPaymentPayload = builder.objectRef<RequestedRefund>('RefundPaymentPayload').implement({
  fields: (t) => ({
    payment: t.field({ type: Payment, resolve: ({ paymentId }) => paymentId }),
    isPosted: t.exposeBoolean('isPosted', {
      description: 'False: it is asked for, and posted when the provider tells it.',
    }),
    isReplay: t.exposeBoolean('isReplay'),
  }),
});

const AllocatePaymentPayload = builder
  .objectRef<AllocatedPayment>('AllocatePaymentPayload')
  .implement({
    fields: (t) => ({
      payment: t.field({ type: Payment, resolve: ({ paymentId }) => paymentId }),
      account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
      isReplay: t.exposeBoolean('isReplay'),
    }),
  });

const StartPaymentResult = resultUnion('StartPaymentResult', StartPaymentPayload);
const RefundPaymentResult = resultUnion('RefundPaymentResult', RefundPaymentPayload);
const AllocatePaymentResult = resultUnion('AllocatePaymentResult', AllocatePaymentPayload);

const StartPaymentInput = builder.inputType('StartPaymentInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    channelId: t.globalID({ for: PaymentChannel, required: true }),
    amount: t.field({ type: 'Decimal', required: true }),
    currency: t.string({ required: true, description: 'ISO 4217.' }),
  }),
});

const RefundPaymentInput = builder.inputType('RefundPaymentInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    paymentId: t.globalID({ for: Payment, required: true }),
    amount: t.field({ type: 'Decimal', description: 'Null: all that is left of it.' }),
    reason: t.string({ required: true }),
  }),
});

const AllocatePaymentInput = builder.inputType('AllocatePaymentInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    paymentId: t.globalID({ for: Payment, required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    reason: t.string({ required: true }),
  }),
});

builder.mutationFields((t) => ({
  startPayment: t.field({
    type: StartPaymentResult,
    authScopes: { may: 'Mutation.startPayment' },
    description: 'Begins a payment that the payer finishes at the provider.',
    args: { input: t.arg({ type: StartPaymentInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const providers = providerDepsOf(deps);
      if ('errorType' in providers) return providers;
      const started = await startPayment(providers, viewer, {
        ...input,
        accountId: integerKey(input.accountId.id),
        channelId: integerKey(input.channelId.id),
      });
      return started.ok ? started.value : userErrorOf(started);
    },
  }),
  refundPayment: t.field({
    type: RefundPaymentResult,
    authScopes: { may: 'Mutation.refundPayment' },
    args: { input: t.arg({ type: RefundPaymentInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const providers = providerDepsOf(deps);
      if ('errorType' in providers) return providers;
      const { paymentId, amount } = input;
      const of = { paymentId: uuidKey(paymentId.id), amount: amount ?? null };
      const refunded = await refundPayment(providers, viewer, { ...input, ...of });
      return refunded.ok ? refunded.value : userErrorOf(refunded);
    },
  }),
  allocatePayment: t.field({
    type: AllocatePaymentResult,
    authScopes: { may: 'Mutation.allocatePayment' },
    description: 'Gives money that stands in suspense to the account that it was meant for.',
    args: { input: t.arg({ type: AllocatePaymentInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const of = {
        paymentId: uuidKey(input.paymentId.id),
        accountId: integerKey(input.accountId.id),
      };
      const done = await allocatePayment(deps, viewer, { ...input, ...of });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
