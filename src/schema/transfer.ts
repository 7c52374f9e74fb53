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

export const LedgerCodeEnum = builder.enumType('LedgerCode', {
  description: 'What a ledger account holds. Balances are credits less debits.',
  values: {
    CUSTOMER: { value: 'customer', description: "A customer's money; below zero it is owed." },
    DEBT: { value: 'debt', description: 'Set aside to be paid in parts.' },
    DEPOSIT: {
      value: 'deposit',
      description: 'Held for a customer, until the account is paid out.',
    },
    ENERGY_REVENUE: { value: 'energy_revenue', description: 'What was charged.' },
    PAYMENTS_CLEARING: { value: 'payments_clearing', description: 'Taken at the counter.' },
    CARD_CLEARING: { value: 'card_clearing', description: 'Owed by a card provider.' },
    BANK: { value: 'bank' },
    AGENT_CASH: { value: 'agent_cash', description: 'Held by an agent.' },
    VOUCHERS_SOLD: { value: 'vouchers_sold', description: 'Sold and not used yet.' },
    SUSPENSE: { value: 'suspense', description: 'Of nobody known.' },
    ADJUSTMENTS: { value: 'adjustments', description: 'Given or taken by a decision.' },
    WRITE_OFFS: { value: 'write_offs', description: 'Given up.' },
    PAYMENT_FEES: { value: 'payment_fees', description: 'What payment providers kept.' },
  } as const,
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
    PAYMENT: { value: 'payment' },
    REFUND: { value: 'refund' },
    DISPUTE: { value: 'dispute' },
    DISPUTE_WON: { value: 'dispute_won' },
    VOUCHER_SOLD: { value: 'voucher_sold' },
    VOUCHER_USED: { value: 'voucher_used' },
    UNALLOCATED: { value: 'unallocated' },
    ALLOCATED: { value: 'allocated' },
    CASH_HANDED_OVER: { value: 'cash_handed_over' },
    SETTLED: { value: 'settled' },
    PAYMENT_FEE: { value: 'payment_fee' },
    DEBT_SET_ASIDE: { value: 'debt_set_aside' },
    DEBT_RECOVERED: { value: 'debt_recovered' },
    DEBT_WRITTEN_OFF: { value: 'debt_written_off' },
    DEBT_NETTED: { value: 'debt_netted', description: 'Paid off as the account was paid out.' },
    DEPOSIT_TAKEN: { value: 'deposit_taken' },
    DEPOSIT_NETTED: { value: 'deposit_netted', description: 'Given back into the balance.' },
    CREDIT_PAID_OUT: { value: 'credit_paid_out', description: 'To a customer who has left.' },
    CORRECTION: { value: 'correction' },
    ADJUSTMENT: { value: 'adjustment' },
  } as const,
});

Transfer.implement({
  description: 'An entry of an account: never changed, a correction is another one.',
  fields: (t) => ({
    account: t.field({
      type: Account,
      nullable: true,
      description: "Null: nobody's yet, or between the company's own ledger accounts.",
      resolve: ({ accountId }) => accountId,
    }),
    code: t.field({ type: TransferCode, resolve: ({ code }) => code }),
    debit: t.field({
      type: LedgerCodeEnum,
      description: 'Where it was taken: the two entries together are zero.',
      resolve: ({ debit }) => debit,
    }),
    credit: t.field({
      type: LedgerCodeEnum,
      description: 'Where it went.',
      resolve: ({ credit }) => credit,
    }),
    moved: t.field({
      type: Money,
      description: 'Above zero, from debit to credit.',
      resolve: ({ movedMicros, currency }) => ({ micros: movedMicros, currency }),
    }),
    amount: t.field({
      type: Money,
      description:
        "As the account's balance sees it: a charge is negative, a top-up positive; zero of what " +
        'moves beside it, such as a deposit.',
      resolve: ({ amountMicros, currency }) => ({ micros: amountMicros, currency }),
    }),
    debtChange: t.field({
      type: Money,
      description: 'Of the debt that was set aside: negative when it grew.',
      resolve: ({ debtMicros, currency }) => ({ micros: debtMicros, currency }),
    }),
    depositChange: t.field({
      type: Money,
      description: 'Of the deposit that is held: negative when some was given back.',
      resolve: ({ depositMicros, currency }) => ({ micros: depositMicros, currency }),
    }),
    corrects: t.field({
      type: Transfer,
      nullable: true,
      description: 'The transfer that this one takes back, wholly or in part.',
      resolve: ({ corrects }) => corrects,
    }),
    reasonCode: t.exposeString('reasonCode', { nullable: true, description: 'Of a person.' }),
    paymentReference: t.field({
      type: 'UUID',
      nullable: true,
      description: 'The payment that it belongs to.',
      resolve: ({ paymentId }) => paymentId,
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
