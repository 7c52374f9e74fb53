import { findAutoTopUp } from '../db/autoTopUps.ts';
import type { AutoTopUp as Order } from '../db/autoTopUps.ts';
import { parseAccountId } from '../domain/ids.ts';
import { setAutoTopUp, stopAutoTopUp } from '../operations/topUps/setAutoTopUp.ts';
import type { SetOrder } from '../operations/topUps/setAutoTopUp.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { Money } from './money.ts';
import { integerKey } from './nodeKey.ts';
import { PaymentChannel } from './payment.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const AutoTopUp = builder.objectRef<Order & { readonly currency: string }>('AutoTopUp').implement({
  description: 'A standing order: credit is bought by itself when little is left.',
  fields: (t) => ({
    channel: t.field({ type: PaymentChannel, resolve: ({ channelId }) => channelId }),
    below: t.field({
      type: Money,
      resolve: ({ belowMicros: micros, currency }) => ({ micros, currency }),
    }),
    amount: t.field({
      type: Money,
      resolve: ({ amountMicros: micros, currency }) => ({ micros, currency }),
    }),
    dailyMax: t.field({
      type: Money,
      description: 'In a local day.',
      resolve: ({ dailyMaxMicros: micros, currency }) => ({ micros, currency }),
    }),
    isActive: t.exposeBoolean('isActive'),
    pausedCode: t.exposeString('pausedCode', {
      nullable: true,
      description: 'Why it waits to be set again, such as PAYMENT_DECLINED.',
    }),
  }),
});

builder.objectField(Account, 'autoTopUp', (t) =>
  t.field({
    type: AutoTopUp,
    nullable: true,
    complexity: 10,
    resolve: async ({ id, currency }, _args, { read }) => {
      const order = await read((tx) => findAutoTopUp(tx, id));
      return order === null ? null : { ...order, currency };
    },
  }),
);

const AutoTopUpPayload = builder.objectRef<SetOrder>('AutoTopUpPayload').implement({
  fields: (t) => ({
    account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
    isReplay: t.exposeBoolean('isReplay', { description: 'It was so before: nothing is new.' }),
  }),
});

const SetAutoTopUpResult = resultUnion('SetAutoTopUpResult', AutoTopUpPayload);
const StopAutoTopUpResult = resultUnion('StopAutoTopUpResult', AutoTopUpPayload);

const SetAutoTopUpInput = builder.inputType('SetAutoTopUpInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    channelId: t.globalID({ for: PaymentChannel, required: true }),
    instrument: t.string({
      required: true,
      description: 'The provider’s ids of customer and card: cus_1/pm_2. Never a card’s number.',
    }),
    below: t.field({ type: 'Decimal', required: true, description: 'Charged when less is left.' }),
    amount: t.field({ type: 'Decimal', required: true }),
    dailyMax: t.field({ type: 'Decimal', required: true, description: 'In a local day.' }),
  }),
});

const StopAutoTopUpInput = builder.inputType('StopAutoTopUpInput', {
  fields: (t) => ({ accountId: t.globalID({ for: Account, required: true }) }),
});

builder.mutationFields((t) => ({
  setAutoTopUp: t.field({
    type: SetAutoTopUpResult,
    authScopes: { may: 'Mutation.setAutoTopUp' },
    description: 'Sets the standing order of an account, or takes a paused one up again.',
    args: { input: t.arg({ type: SetAutoTopUpInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const channelId = integerKey(input.channelId.id);
      const asked = { ...input, accountId: accountId.value, channelId };
      const done = await setAutoTopUp(deps, viewer, asked);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  stopAutoTopUp: t.field({
    type: StopAutoTopUpResult,
    authScopes: { may: 'Mutation.stopAutoTopUp' },
    args: { input: t.arg({ type: StopAutoTopUpInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const done = await stopAutoTopUp(deps, viewer, { accountId: accountId.value });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
