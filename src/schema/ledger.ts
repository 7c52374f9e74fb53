import { asViewerInSnapshot } from '../db/viewer.ts';
import { correctionMicrosMax } from '../domain/limits.ts';
import { parseAccountId } from '../domain/ids.ts';
import { adjustBalance } from '../operations/adjustBalance.ts';
import { correctTransfer } from '../operations/correctTransfer.ts';
import type { MovedByHand } from '../operations/postByHand.ts';
import { trialBalance } from '../operations/trialBalance.ts';
import type { TrialBalance, TrialLine } from '../operations/trialBalance.ts';
import { writeOffDebt } from '../operations/writeOffDebt.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { Money } from './money.ts';
import { integerKey, uuidKey } from './nodeKey.ts';
import { LedgerCodeEnum, Transfer } from './transfer.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const TrialLineRef = builder.objectRef<TrialLine>('TrialBalanceLine').implement({
  description: 'All ledger accounts of one code and currency together.',
  fields: (t) => ({
    code: t.field({ type: LedgerCodeEnum, resolve: ({ code }) => code }),
    currency: t.field({ type: 'CurrencyCode', resolve: ({ currency }) => currency }),
    accounts: t.exposeInt('accounts'),
    debits: t.field({
      type: Money,
      resolve: ({ debitMicros: micros, currency }) => ({ micros, currency }),
    }),
    credits: t.field({
      type: Money,
      resolve: ({ creditMicros: micros, currency }) => ({ micros, currency }),
    }),
    balance: t.field({
      type: Money,
      description: 'Credits less debits.',
      resolve: ({ balanceMicros: micros, currency }) => ({ micros, currency }),
    }),
  }),
});

const TrialBalanceRef = builder.objectRef<TrialBalance>('TrialBalance').implement({
  description: 'The ledger added up from its transfers, at one moment.',
  fields: (t) => ({
    lines: t.field({ type: [TrialLineRef], resolve: ({ lines }) => [...lines] }),
    sums: t.field({
      type: [Money],
      description: 'Of all balances, a currency each: zero, or the ledger is broken.',
      resolve: ({ sums }) => [...sums],
    }),
  }),
});

builder.queryField('trialBalance', (t) =>
  t.field({
    type: TrialBalanceRef,
    authScopes: { may: 'Query.trialBalance' },
    complexity: 1_000,
    resolve: (_root, _args, { deps, viewer }) =>
      asViewerInSnapshot(deps.sql, viewer, (tx) => trialBalance(tx, viewer)),
  }),
);

export const MovedState = builder.enumType('MovedState', {
  values: {
    POSTED: { value: 'posted' },
    WAITING: {
      value: 'waiting',
      description: 'Nothing has moved: somebody else sends the same under the same key.',
    },
  } as const,
});

export const MovedPayload = builder.objectRef<MovedByHand>('MovedByHandPayload').implement({
  description: 'Money that a person moved.',
  fields: (t) => ({
    state: t.field({ type: MovedState, resolve: ({ state }) => state }),
    transfer: t.field({
      type: Transfer,
      nullable: true,
      description: 'Null while it waits for the second person.',
      resolve: ({ state, transferId }) => (state === 'posted' ? transferId : null),
    }),
    account: t.field({ type: Account, nullable: true, resolve: ({ accountId }) => accountId }),
    moved: t.field({
      type: Money,
      resolve: ({ amountMicros: micros, currency }) => ({ micros, currency }),
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'It was done before: nothing new.' }),
  }),
});

export const twoPeople =
  `Above ${correctionMicrosMax / 1_000_000n} units of the currency it takes two people: ` +
  'the second one sends the same request under the same key.';

const CorrectionReason = builder.enumType('CorrectionReason', {
  values: {
    ENTERED_TWICE: { value: 'entered_twice' },
    WRONG_AMOUNT: { value: 'wrong_amount' },
    WRONG_ACCOUNT: { value: 'wrong_account' },
    NOT_OWED: { value: 'not_owed' },
    CORRECTION_WRONG: { value: 'correction_wrong' },
  } as const,
});

const AdjustmentReason = builder.enumType('AdjustmentReason', {
  values: {
    GOODWILL: { value: 'goodwill' },
    COMPENSATION: { value: 'compensation' },
    FEE: { value: 'fee' },
    CARRIED_OVER: { value: 'carried_over', description: 'From the books that were before.' },
  } as const,
});

const WriteOffReason = builder.enumType('WriteOffReason', {
  values: {
    UNCOLLECTABLE: { value: 'uncollectable' },
    TIME_BARRED: { value: 'time_barred' },
    SMALL_AMOUNT: { value: 'small_amount' },
    HARDSHIP: { value: 'hardship' },
  } as const,
});

const CorrectTransferResult = resultUnion('CorrectTransferResult', MovedPayload);
const AdjustBalanceResult = resultUnion('AdjustBalanceResult', MovedPayload);
const WriteOffDebtResult = resultUnion('WriteOffDebtResult', MovedPayload);

const CorrectTransferInput = builder.inputType('CorrectTransferInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    transferId: t.globalID({ for: Transfer, required: true }),
    amount: t.field({ type: 'Decimal', description: 'Without it all that is left of it.' }),
    reasonCode: t.field({ type: CorrectionReason, required: true }),
    reason: t.string({ required: true, description: 'In your words, for the audit.' }),
  }),
});

const AdjustBalanceInput = builder.inputType('AdjustBalanceInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    amount: t.field({
      type: 'Decimal',
      required: true,
      description: 'Above zero it is given to the customer, below zero taken.',
    }),
    currency: t.string({ required: true, description: 'ISO 4217.' }),
    reasonCode: t.field({ type: AdjustmentReason, required: true }),
    reason: t.string({ required: true, description: 'In your words, for the audit.' }),
  }),
});

const WriteOffDebtInput = builder.inputType('WriteOffDebtInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    amount: t.field({ type: 'Decimal', description: 'Without it all of the debt.' }),
    reasonCode: t.field({ type: WriteOffReason, required: true }),
    reason: t.string({ required: true, description: 'In your words, for the audit.' }),
  }),
});

function amountOf(amount: string | null | undefined): { readonly amount?: string } {
  return amount === null || amount === undefined ? {} : { amount };
}

builder.mutationFields((t) => ({
  correctTransfer: t.field({
    type: CorrectTransferResult,
    description: `Takes a transfer back by another one, wholly or in part. ${twoPeople}`,
    authScopes: { may: 'Mutation.correctTransfer' },
    args: { input: t.arg({ type: CorrectTransferInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const { amount, transferId, ...rest } = input;
      const asked = { ...rest, ...amountOf(amount), transferId: uuidKey(transferId.id) };
      const done = await correctTransfer(deps, viewer, asked);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  adjustBalance: t.field({
    type: AdjustBalanceResult,
    description: `Gives to a customer or takes from one by decision. ${twoPeople}`,
    authScopes: { may: 'Mutation.adjustBalance' },
    args: { input: t.arg({ type: AdjustBalanceInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const done = await adjustBalance(deps, viewer, { ...input, accountId: accountId.value });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  writeOffDebt: t.field({
    type: WriteOffDebtResult,
    description: `Gives up a debt that was set aside. ${twoPeople}`,
    authScopes: { may: 'Mutation.writeOffDebt' },
    args: { input: t.arg({ type: WriteOffDebtInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const { amount, ...rest } = input;
      const asked = { ...rest, ...amountOf(amount), accountId: accountId.value };
      const done = await writeOffDebt(deps, viewer, asked);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
