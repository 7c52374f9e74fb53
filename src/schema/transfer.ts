import { findTransfers } from '../db/accountReads.ts';
import type { TransferView } from '../db/accountReads.ts';
import { parseAccountId } from '../domain/ids.ts';
import { topUp as topUpOperation } from '../operations/topUp.ts';
import type { ToppedUp } from '../operations/topUp.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { Meter } from './meter.ts';
import { Money } from './money.ts';
import { integerKey, uuidKey } from './nodeKey.ts';
import { TariffVersion } from './tariff.ts';
import { resultUnion, userErrorOf } from './userError.ts';

export const Transfer = builder.loadableNodeRef<TransferView>('Transfer', {
  id: { resolve: (transfer) => transfer.id, parse: uuidKey },
  load: (ids, { read }) => read((tx) => findTransfers(tx, ids)),
  sort: (transfer) => transfer.id,
  loaderOptions: { cache: false },
});

const TransferCode = builder.enumType('TransferCode', {
  values: {
    ENERGY: { value: 'energy' },
    READING_CORRECTED: { value: 'reading_corrected' },
    TARIFF_CHANGED: { value: 'tariff_changed' },
    PRICE_CHANGED: { value: 'price_changed' },
    REGISTER_MARKED: { value: 'register_marked' },
    BILL_JUDGED: { value: 'bill_judged' },
    VEE_SET_PUBLISHED: {
      value: 'vee_set_published',
      description: 'Energy of gaps lies elsewhere by another set of rules.',
    },
    TIME_PASSED: { value: 'time_passed' },
    TOP_UP: { value: 'top_up' },
  } as const,
});

Transfer.implement({
  description: 'An entry of an account: never changed, a correction is another one.',
  fields: (t) => ({
    account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
    code: t.field({ type: TransferCode, resolve: ({ code }) => code }),
    amount: t.field({
      type: Money,
      description: 'As the account sees it: a charge is negative, a top-up positive.',
      resolve: ({ amountMicros, currency }) => ({ micros: amountMicros, currency }),
    }),
    postedAt: t.field({ type: 'DateTime', resolve: ({ postedAt }) => postedAt }),
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    periodStart: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ periodStart }) => periodStart,
    }),
    tariffVersion: t.field({
      type: TariffVersion,
      nullable: true,
      resolve: ({ tariffVersionId }) => tariffVersionId,
    }),
  }),
});

const TopUpPayload = builder.objectRef<ToppedUp>('TopUpPayload').implement({
  fields: (t) => ({
    account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
    transfer: t.field({ type: Transfer, resolve: ({ transferId }) => transferId }),
    balance: t.field({
      type: Money,
      description: 'After this payment; a replay tells the balance of that time.',
      resolve: ({ balanceMicros, currency }) => ({ micros: balanceMicros, currency }),
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const TopUpResult = resultUnion('TopUpResult', TopUpPayload);

const TopUpInput = builder.inputType('TopUpInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    amount: t.field({ type: 'Decimal', required: true }),
    // Checked by the operation, whose refusal is part of the result.
    currency: t.string({ required: true, description: 'ISO 4217.' }),
  }),
});

builder.mutationField('topUp', (t) =>
  t.field({
    type: TopUpResult,
    authScopes: { may: 'Mutation.topUp' },
    args: { input: t.arg({ type: TopUpInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const done = await topUpOperation(deps, viewer, { ...input, accountId: accountId.value });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
);
