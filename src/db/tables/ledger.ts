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
import { account, company, instant } from './registry.ts';

export const ledgerAccount = pgTable(
  'ledger_account',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    code: text('code', { enum: ['customer', 'energy_revenue', 'payments_clearing'] }).notNull(),
    currency: text('currency').notNull(),
    /** Set exactly for code 'customer'. */
    accountId: integer('account_id'),
  },
  (t) => [
    unique().on(t.companyId, t.code, t.currency, t.accountId).nullsNotDistinct(),
    unique().on(t.companyId, t.id, t.currency),
    index().on(t.accountId),
    check('ledger_account_customer', sql`(${t.code} = 'customer') = (${t.accountId} is not null)`),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
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
    code: text('code', {
      enum: [
        'energy',
        'reading_corrected',
        'tariff_changed',
        'price_changed',
        'register_marked',
        'bill_judged',
        'vee_set_published',
        'time_passed',
        'top_up',
      ],
    }).notNull(),
    /** The customer's account, for its statement and its row-level security. */
    accountId: integer('account_id').notNull(),
    agreementId: integer('agreement_id'),
    meterId: integer('meter_id'),
    periodStart: instant('period_start'),
    tariffVersionId: integer('tariff_version_id'),
    /** The log position up to which the readings behind it were rated. */
    logShard: smallint('log_shard'),
    logPosition: bigint('log_position', { mode: 'bigint' }),
    postedAt: instant('posted_at').notNull(),
  },
  (t) => [
    index().on(t.accountId, t.postedAt),
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
  },
  (t) => [
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);
