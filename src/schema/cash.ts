import { pageBankEntries } from '../db/bank.ts';
import type { BankEntryView } from '../db/bank.ts';
import { listAgents } from '../db/cash.ts';
import type { ListedAgent } from '../db/cash.ts';
import { changeAgentLimit } from '../operations/cash/changeAgentLimit.ts';
import type { ChangedLimit } from '../operations/cash/changeAgentLimit.ts';
import { handOverCash } from '../operations/cash/handOverCash.ts';
import type { HandedOver } from '../operations/cash/handOverCash.ts';
import { takeCash } from '../operations/cash/takeCash.ts';
import type { TakenCash } from '../operations/cash/takeCash.ts';
import { useVoucher } from '../operations/vouchers/useVoucher.ts';
import type { UsedVoucher } from '../operations/vouchers/useVoucher.ts';
import { Account } from './account.ts';
import { builder, pageCost } from './builder.ts';
import { Money } from './money.ts';
import { integerKey } from './nodeKey.ts';
import { pageByTime } from './page.ts';
import { Payment } from './payment.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const BankEntry = builder.objectRef<BankEntryView>('BankEntry').implement({
  description: 'An entry of a bank’s statement. Never changed.',
  fields: (t) => ({
    reference: t.string({ description: 'The bank’s own.', resolve: ({ entryRef }) => entryRef }),
    channel: t.exposeString('channelName'),
    amount: t.field({
      type: Money,
      description: 'Above zero: into the company’s account.',
      resolve: ({ amountMicros: micros, currency }) => ({ micros, currency }),
    }),
    bookedAt: t.field({
      type: 'DateTime',
      description: 'The beginning of the day on which the bank booked it, in UTC.',
      resolve: ({ bookedAt }) => bookedAt,
    }),
    remittance: t.exposeString('remittance', { description: 'What the payer wrote.' }),
    isReversal: t.exposeBoolean('isReversal', {
      description: 'The bank says that it takes an earlier entry back.',
    }),
    payment: t.field({
      type: Payment,
      nullable: true,
      description: 'What it was made into; null where nothing moved by it.',
      resolve: ({ paymentId }) => paymentId,
    }),
  }),
});

const PaymentAgent = builder.objectRef<ListedAgent>('PaymentAgent').implement({
  description: 'Somebody who takes cash for the company.',
  fields: (t) => ({
    name: t.exposeString('name'),
    isActive: t.exposeBoolean('isActive'),
    floatLimit: t.field({
      type: Money,
      description: 'The most that may be held before some is handed over.',
      resolve: ({ floatLimitMicros: micros, currency }) => ({ micros, currency }),
    }),
  }),
});

builder.queryFields((t) => ({
  bankEntries: t.connection({
    type: BankEntry,
    authScopes: { may: 'Query.bankEntries' },
    complexity: pageCost,
    description: 'Entries of all statements, newest booking first.',
    resolve: (_root, args, { read }) =>
      pageByTime(
        args,
        (page) => read((tx) => pageBankEntries(tx, page)),
        ({ bookedAt, key }) => ({ atMs: bookedAt.getTime(), key }),
      ),
  }),
  paymentAgents: t.field({
    type: [PaymentAgent],
    authScopes: { may: 'Query.paymentAgents' },
    complexity: { field: 10, multiplier: 10 },
    resolve: async (_root, _args, { read, viewer }) => [
      ...(await read((tx) => listAgents(tx, viewer.companyId))),
    ],
  }),
}));

const TakeCashPayload = builder.objectRef<TakenCash>('TakeCashPayload').implement({
  fields: (t) => ({
    payment: t.field({ type: Payment, resolve: ({ paymentId }) => paymentId }),
    held: t.field({
      type: Money,
      description: 'What the agent held after it.',
      resolve: ({ heldMicros: micros, currency }) => ({ micros, currency }),
    }),
    isReplay: t.exposeBoolean('isReplay'),
  }),
});

const HandOverCashPayload = builder.objectRef<HandedOver>('HandOverCashPayload').implement({
  fields: (t) => ({
    amount: t.field({
      type: Money,
      resolve: ({ amountMicros: micros, currency }) => ({ micros, currency }),
    }),
    held: t.field({
      type: Money,
      description: 'What the agent held after it.',
      resolve: ({ heldMicros: micros, currency }) => ({ micros, currency }),
    }),
    isReplay: t.exposeBoolean('isReplay'),
  }),
});

const ChangeAgentLimitPayload = builder
  .objectRef<ChangedLimit>('ChangeAgentLimitPayload')
  .implement({
    fields: (t) => ({
      agent: t.field({
        type: PaymentAgent,
        nullable: true,
        complexity: 10,
        resolve: async ({ agentId }, _args, { read, viewer }) => {
          const agents = await read((tx) => listAgents(tx, viewer.companyId));
          return agents.find(({ id }) => id === agentId) ?? null;
        },
      }),
      isReplay: t.exposeBoolean('isReplay'),
    }),
  });

const UseVoucherPayload = builder.objectRef<UsedVoucher>('UseVoucherPayload').implement({
  fields: (t) => ({
    payment: t.field({ type: Payment, resolve: ({ paymentId }) => paymentId }),
    account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
    isReplay: t.exposeBoolean('isReplay'),
  }),
});

const TakeCashResult = resultUnion('TakeCashResult', TakeCashPayload);
const HandOverCashResult = resultUnion('HandOverCashResult', HandOverCashPayload);
const ChangeAgentLimitResult = resultUnion('ChangeAgentLimitResult', ChangeAgentLimitPayload);
const UseVoucherResult = resultUnion('UseVoucherResult', UseVoucherPayload);

const TakeCashInput = builder.inputType('TakeCashInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    agent: t.string({ required: true, description: 'By name.' }),
    accountId: t.globalID({ for: Account, required: true }),
    amount: t.field({ type: 'Decimal', required: true }),
  }),
});

const HandOverCashInput = builder.inputType('HandOverCashInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    agent: t.string({ required: true, description: 'By name.' }),
    amount: t.field({ type: 'Decimal', required: true }),
  }),
});

const ChangeAgentLimitInput = builder.inputType('ChangeAgentLimitInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    agent: t.string({ required: true, description: 'By name.' }),
    floatLimit: t.field({ type: 'Decimal', required: true, description: 'No less than is held.' }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

const UseVoucherInput = builder.inputType('UseVoucherInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    code: t.string({ required: true, description: 'As it was typed or scanned.' }),
  }),
});

builder.mutationFields((t) => ({
  takeCash: t.field({
    type: TakeCashResult,
    authScopes: { may: 'Mutation.takeCash' },
    description: 'A customer’s cash in an agent’s hands.',
    args: { input: t.arg({ type: TakeCashInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = integerKey(input.accountId.id);
      const taken = await takeCash(deps, viewer, { ...input, accountId });
      return taken.ok ? taken.value : userErrorOf(taken);
    },
  }),
  handOverCash: t.field({
    type: HandOverCashResult,
    authScopes: { may: 'Mutation.handOverCash' },
    description: 'Cash that an agent brought to the bank.',
    args: { input: t.arg({ type: HandOverCashInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const done = await handOverCash(deps, viewer, input);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  changeAgentLimit: t.field({
    type: ChangeAgentLimitResult,
    authScopes: { may: 'Mutation.changeAgentLimit' },
    description: 'The most cash that an agent may hold from now on.',
    args: { input: t.arg({ type: ChangeAgentLimitInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const done = await changeAgentLimit(deps, viewer, input);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  useVoucher: t.field({
    type: UseVoucherResult,
    authScopes: { may: 'Mutation.useVoucher' },
    description: 'Credits a voucher to an account, once.',
    args: { input: t.arg({ type: UseVoucherInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = integerKey(input.accountId.id);
      const used = await useVoucher(deps, viewer, { ...input, accountId });
      return used.ok ? used.value : userErrorOf(used);
    },
  }),
}));
