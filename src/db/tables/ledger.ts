import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  smallint,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import { paymentAgent } from './payment.ts';
import { account, company, instant, xact } from './registry.ts';

/** The chart of accounts; what each holds and which way it stands is in docs/prepaid.md. */
export const ledgerCodes = [
  'customer',
  'debt',
  'deposit',
  'energy_revenue',
  'payments_clearing',
  'card_clearing',
  'bank',
  'agent_cash',
  'vouchers_sold',
  'suspense',
  'adjustments',
  'write_offs',
  'payment_fees',
] as const;

export type LedgerCode = (typeof ledgerCodes)[number];

/**
 * Of the rater, by readings and prices: a price of a series changed, a register counts otherwise,
 * a bill is held by validation or no longer, or time passed.
 */
export const ratedTransferCodes = [
  'energy',
  'reading_corrected',
  'tariff_changed',
  'price_changed',
  'register_marked',
  'bill_judged',
  'vee_set_published',
  'time_passed',
] as const;

/** Why money moved. */
export const transferCodes = [
  ...ratedTransferCodes,
  'top_up',
  'payment',
  'refund',
  'dispute',
  'dispute_won',
  'voucher_sold',
  'voucher_used',
  'unallocated',
  'allocated',
  'cash_handed_over',
  'settled',
  'payment_fee',
  'debt_set_aside',
  'debt_recovered',
  'debt_written_off',
  'debt_netted',
  'deposit_taken',
  'deposit_netted',
  'credit_paid_out',
  'correction',
  'adjustment',
] as const;

export type TransferCode = (typeof transferCodes)[number];

export const ledgerAccount = pgTable(
  'ledger_account',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    code: text('code', { enum: ledgerCodes }).notNull(),
    currency: text('currency').notNull(),
    /** Set exactly for the codes of one customer's account. */
    accountId: integer('account_id'),
    /** Set exactly for code 'agent_cash'. */
    agentId: integer('agent_id'),
  },
  (t) => [
    unique().on(t.companyId, t.code, t.currency, t.accountId, t.agentId).nullsNotDistinct(),
    unique().on(t.companyId, t.id, t.currency),
    index().on(t.accountId),
    check(
      'ledger_account_customer',
      sql`(${t.code} in ('customer', 'debt', 'deposit')) = (${t.accountId} is not null)`,
    ),
    check('ledger_account_agent', sql`(${t.code} = 'agent_cash') = (${t.agentId} is not null)`),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
    foreignKey({
      columns: [t.companyId, t.agentId],
      foreignColumns: [paymentAgent.companyId, paymentAgent.id],
    }),
  ],
);

/**
 * Double entry in one row: the amount is the debit of one ledger account and the credit of
 * another, so a transfer that does not sum to zero cannot be written down. That both accounts are
 * of the company and currency is checked once a statement by a trigger: foreign keys check row by
 * row, which costs more than all the rest of a posting, and ledger accounts are never deleted. The
 * view ledger_entry shows the two entries. Insert only, by grant and by trigger; a correction is
 * another transfer.
 */
export const transfer = pgTable(
  'transfer',
  {
    /** Made by the client, or from the log position that caused it: a repeat finds itself. */
    id: uuid('id').primaryKey(),
    companyId: integer('company_id').notNull(),
    currency: text('currency').notNull(),
    debitId: integer('debit_id').notNull(),
    creditId: integer('credit_id').notNull(),
    amountMicros: bigint('amount_micros', { mode: 'bigint' }).notNull(),
    code: text('code', { enum: transferCodes }).notNull(),
    /** The customer's, for its statement and its row-level security; null: of nobody yet. */
    accountId: integer('account_id'),
    agreementId: integer('agreement_id'),
    meterId: integer('meter_id'),
    periodStart: instant('period_start'),
    tariffVersionId: integer('tariff_version_id'),
    /** The log position up to which the readings behind it were rated. */
    logShard: smallint('log_shard'),
    logPosition: bigint('log_position', { mode: 'bigint' }),
    postedAt: instant('posted_at').notNull(),
    paymentId: uuid('payment_id'),
    /** The transfer that this one corrects, wholly or in part, and why. */
    corrects: uuid('corrects'),
    reasonCode: text('reason_code'),
    /** The transaction that wrote it: sealing goes by it, see `seal`. */
    xact: xact(),
  },
  (t) => [
    index().on(t.accountId, t.postedAt),
    index().on(t.xact),
    index()
      .on(t.corrects)
      .where(sql`${t.corrects} is not null`),
    // Of no customer: payouts, cash handed over, vouchers sold. Few, and added up an agent.
    index('transfer_house_debit')
      .on(t.debitId)
      .where(sql`${t.accountId} is null`),
    index('transfer_house_credit')
      .on(t.creditId)
      .where(sql`${t.accountId} is null`),
    check(
      'transfer_correction',
      sql`${t.code} <> 'correction' or num_nulls(${t.corrects}, ${t.reasonCode}) = 0`,
    ),
    check('transfer_amount', sql`${t.amountMicros} > 0`),
    check('transfer_two_accounts', sql`${t.debitId} <> ${t.creditId}`),
  ],
);

/** The projection of an account's entries; its row lock is the account's lock. */
export const accountBalance = pgTable(
  'account_balance',
  {
    accountId: integer('account_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    balanceMicros: bigint('balance_micros', { mode: 'bigint' }).notNull(),
    /** Pending debits: what is spoken for and not yet taken. */
    reservedMicros: bigint('reserved_micros', { mode: 'bigint' }).notNull().default(0n),
    /** Of the account's last transfer: the next one stands behind it. */
    postedAt: instant('posted_at'),
  },
  (t) => [
    check('account_balance_reserved', sql`${t.reservedMicros} >= 0`),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);

/** Money that is spoken for: it moves when it is posted, else it expires. Insert only. */
export const pendingTransfer = pgTable(
  'pending_transfer',
  {
    /** Made by the client, or derived from what caused it: a repeat finds itself. */
    id: uuid('id').primaryKey(),
    companyId: integer('company_id').notNull(),
    currency: text('currency').notNull(),
    debitId: integer('debit_id').notNull(),
    creditId: integer('credit_id').notNull(),
    amountMicros: bigint('amount_micros', { mode: 'bigint' }).notNull(),
    code: text('code', { enum: transferCodes }).notNull(),
    accountId: integer('account_id'),
    paymentId: uuid('payment_id'),
    pendedAt: instant('pended_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (t) => [
    index().on(t.accountId),
    index().on(t.expiresAt),
    unique().on(t.companyId, t.id),
    check('pending_transfer_amount', sql`${t.amountMicros} > 0`),
    check('pending_transfer_two_accounts', sql`${t.debitId} <> ${t.creditId}`),
    check('pending_transfer_expiry', sql`${t.expiresAt} > ${t.pendedAt}`),
  ],
);

/** The one end of a pending transfer: its key is what makes it one. Insert only. */
export const pendingEnd = pgTable(
  'pending_end',
  {
    pendingId: uuid('pending_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id'),
    end: text('end', { enum: ['posted', 'voided', 'expired'] }).notNull(),
    /** Posted: the transfer, of at most the pending amount. */
    transferId: uuid('transfer_id'),
    endedAt: instant('ended_at').notNull(),
    xact: xact(),
  },
  (t) => [
    index().on(t.xact),
    check('pending_end_transfer', sql`(${t.end} = 'posted') = (${t.transferId} is not null)`),
    foreignKey({
      columns: [t.companyId, t.pendingId],
      foreignColumns: [pendingTransfer.companyId, pendingTransfer.id],
    }),
  ],
);
