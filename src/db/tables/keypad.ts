import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  foreignKey,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import { payment } from './payment.ts';
import { bytea, instant, meter } from './registry.ts';

/** A device that takes tokens by keypad: its key sealed under the server's, never in clear. */
export const tokenDevice = pgTable(
  'token_device',
  {
    meterId: integer('meter_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    startingCode: integer('starting_code').notNull(),
    sealedKey: bytea('sealed_key').notNull(),
    /** Of the last token made; the next one is above it. */
    tokenCount: integer('token_count').notNull(),
    digits: smallint('digits').notNull(),
    currency: text('currency').notNull(),
    /** What one day or unit of the device costs. */
    unitMicros: bigint('unit_micros', { mode: 'bigint' }).notNull(),
    /** Paid and not yet in a token; below zero after money went back whose token was given. */
    carriedMicros: bigint('carried_micros', { mode: 'bigint' }).notNull(),
  },
  (t) => [
    unique().on(t.companyId, t.meterId),
    check('token_device_form', sql`${t.digits} in (9, 12) and ${t.unitMicros} > 0`),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/** Each token that was made, without its digits. Insert only. */
export const tokenIssue = pgTable(
  'token_issue',
  {
    meterId: integer('meter_id').notNull(),
    tokenCount: integer('token_count').notNull(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    /** What it does to the device: payments add, people set and disable. */
    kind: text('kind', { enum: ['add', 'set', 'disable'] })
      .notNull()
      .default('add'),
    /** Null: a person gave it. */
    paymentId: uuid('payment_id'),
    /** Days or units that it sets or adds, as the device counts. */
    value: integer('value').notNull(),
    issuedAt: instant('issued_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.meterId, t.tokenCount] }),
    unique().on(t.paymentId),
    check('token_issue_payment', sql`(${t.kind} = 'add') = (${t.paymentId} is not null)`),
    foreignKey({
      columns: [t.companyId, t.meterId],
      foreignColumns: [tokenDevice.companyId, tokenDevice.meterId],
    }),
  ],
);

/**
 * What an account with several devices paid, or lost again, that none of them counted: somebody
 * says for which it is. Insert only.
 */
export const keypadClaim = pgTable(
  'keypad_claim',
  {
    paymentId: uuid('payment_id').notNull(),
    part: smallint('part').notNull(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    /** For energy; below zero it went back. */
    amountMicros: bigint('amount_micros', { mode: 'bigint' }).notNull(),
    claimedAt: instant('claimed_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.paymentId, t.part] }),
    foreignKey({
      columns: [t.companyId, t.paymentId],
      foreignColumns: [payment.companyId, payment.id],
    }),
  ],
);

/** Which device counts what a payment claims. Insert only. */
export const keypadChoice = pgTable(
  'keypad_choice',
  {
    paymentId: uuid('payment_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    meterId: integer('meter_id').notNull(),
    chosenAt: instant('chosen_at').notNull(),
    chosenBy: text('chosen_by').notNull(),
  },
  (t) => [
    foreignKey({
      columns: [t.companyId, t.paymentId],
      foreignColumns: [payment.companyId, payment.id],
    }),
    foreignKey({
      columns: [t.companyId, t.meterId],
      foreignColumns: [tokenDevice.companyId, tokenDevice.meterId],
    }),
  ],
);
