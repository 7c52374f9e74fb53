import { parseAccountId } from '../domain/ids.ts';
import { payOutAccount } from '../operations/payOutAccount.ts';
import type { PaidOut } from '../operations/payOutAccount.ts';
import { takeDeposit } from '../operations/takeDeposit.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { MovedPayload, MovedState, twoPeople } from './ledger.ts';
import { Money } from './money.ts';
import { integerKey } from './nodeKey.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const TakeDepositResult = resultUnion('TakeDepositResult', MovedPayload);

const TakeDepositInput = builder.inputType('TakeDepositInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    amount: t.field({ type: 'Decimal', required: true }),
    currency: t.string({ required: true, description: 'ISO 4217.' }),
    reason: t.string({ required: true, description: 'In your words, for the audit.' }),
  }),
});

const PayOutPayload = builder.objectRef<PaidOut>('PayOutAccountPayload').implement({
  fields: (t) => ({
    state: t.field({
      type: MovedState,
      description: 'While it waits, the amounts are what would be moved.',
      resolve: ({ state }) => state,
    }),
    account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
    deposit: t.field({
      type: Money,
      description: 'Given back into the balance.',
      resolve: ({ depositMicros: micros, currency }) => ({ micros, currency }),
    }),
    debt: t.field({
      type: Money,
      description: 'Paid off from the balance.',
      resolve: ({ debtMicros: micros, currency }) => ({ micros, currency }),
    }),
    paidOut: t.field({
      type: Money,
      description: 'What the customer gets.',
      resolve: ({ paidOutMicros: micros, currency }) => ({ micros, currency }),
    }),
    balance: t.field({
      type: Money,
      description: 'After it: less than the smallest unit, or owed by the customer.',
      resolve: ({ balanceMicros: micros, currency }) => ({ micros, currency }),
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const PayOutResult = resultUnion('PayOutAccountResult', PayOutPayload);

const PaidFrom = builder.enumType('PaidFrom', {
  values: {
    COUNTER: { value: 'counter', description: 'Cash of the company.' },
    BANK: { value: 'bank' },
  } as const,
});

const PayOutInput = builder.inputType('PayOutAccountInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    from: t.field({ type: PaidFrom, required: true }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

builder.mutationFields((t) => ({
  takeDeposit: t.field({
    type: TakeDepositResult,
    description: `Held for a customer as a security; it buys no energy. ${twoPeople}`,
    authScopes: { may: 'Mutation.takeDeposit' },
    args: { input: t.arg({ type: TakeDepositInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const done = await takeDeposit(deps, viewer, { ...input, accountId: accountId.value });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  payOutAccount: t.field({
    type: PayOutResult,
    description:
      'After the last bill of a customer who has left: the deposit goes into the balance, a debt ' +
      `is paid off, and the rest is paid out. ${twoPeople}`,
    authScopes: { may: 'Mutation.payOutAccount' },
    args: { input: t.arg({ type: PayOutInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const done = await payOutAccount(deps, viewer, { ...input, accountId: accountId.value });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
