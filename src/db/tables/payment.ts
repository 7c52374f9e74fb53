import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import { account, bytea, company, instant, xact } from './registry.ts';

export const paymentStepKinds = [
  'captured',
  'refund_requested',
  'refunded',
  'refund_failed',
  'disputed',
  'dispute_won',
  'allocated',
  'failed',
] as const;

/** A way by which money comes in. Secrets are not here: they are files or variables of its name. */
export const paymentChannel = pgTable(
  'payment_channel',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    name: text('name').notNull(),
    kind: text('kind', {
      enum: ['counter', 'stripe', 'bank', 'cash', 'voucher', 'openpaygo'],
    }).notNull(),
    currency: text('currency').notNull(),
    /** Where the provider is, whose account there, by kind; never a secret. */
    settings: jsonb('settings').notNull().default({}),
    isActive: boolean('is_active').notNull().default(true),
  },
  (t) => [unique().on(t.companyId, t.name), unique().on(t.companyId, t.id)],
);

/** Somebody who takes cash for the company and owes it until it is handed over. */
export const paymentAgent = pgTable(
  'payment_agent',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    channelId: integer('channel_id').notNull(),
    name: text('name').notNull(),
    /** The most cash that the agent may hold before handing some over. */
    floatLimitMicros: bigint('float_limit_micros', { mode: 'bigint' }).notNull(),
    isActive: boolean('is_active').notNull().default(true),
  },
  (t) => [
    unique().on(t.companyId, t.name),
    unique().on(t.companyId, t.id),
    check('payment_agent_float', sql`${t.floatLimitMicros} > 0`),
    foreignKey({
      columns: [t.companyId, t.channelId],
      foreignColumns: [paymentChannel.companyId, paymentChannel.id],
    }),
  ],
);

/** What a provider told, once by its own id, and what was made of it. Insert only. */
export const providerEvent = pgTable(
  'provider_event',
  {
    channelId: integer('channel_id').notNull(),
    eventId: text('event_id').notNull(),
    companyId: integer('company_id').notNull(),
    kind: text('kind').notNull(),
    paymentId: uuid('payment_id'),
    /** The refund or dispute that it is about, where a payment may have several. */
    part: text('part'),
    /** In total, see PaymentWord; null for an event that is about no payment. */
    totalMicros: bigint('total_micros', { mode: 'bigint' }),
    /** SHA-256 of the body as it came: the same id with another body is an alarm. */
    bodyHash: bytea('body_hash').notNull(),
    outcome: text('outcome', { enum: ['applied', 'ignored'] }).notNull(),
    occurredAt: instant('occurred_at').notNull(),
    receivedAt: instant('received_at').notNull(),
    xact: xact(),
  },
  (t) => [
    primaryKey({ columns: [t.channelId, t.eventId] }),
    index().on(t.paymentId),
    index().on(t.xact),
    foreignKey({
      columns: [t.companyId, t.channelId],
      foreignColumns: [paymentChannel.companyId, paymentChannel.id],
    }),
  ],
);

/** One payment by the provider's reference. Its row lock is the lock of its steps. Insert only. */
export const payment = pgTable(
  'payment',
  {
    /** Derived from channel and reference. */
    id: uuid('id').primaryKey(),
    companyId: integer('company_id').notNull(),
    channelId: integer('channel_id').notNull(),
    reference: text('reference').notNull(),
    currency: text('currency').notNull(),
    /** Null: nobody knows yet whose it is; then it stands in suspense until it is allocated. */
    accountId: integer('account_id'),
    agentId: integer('agent_id'),
    startedAt: instant('started_at').notNull(),
  },
  (t) => [
    unique().on(t.channelId, t.reference),
    unique().on(t.companyId, t.id),
    index().on(t.accountId, t.startedAt),
    index()
      .on(t.agentId)
      .where(sql`${t.agentId} is not null`),
    foreignKey({
      columns: [t.companyId, t.channelId],
      foreignColumns: [paymentChannel.companyId, paymentChannel.id],
    }),
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

/** What became of a payment, step by step. Insert only. */
export const paymentStep = pgTable(
  'payment_step',
  {
    paymentId: uuid('payment_id').notNull(),
    ordinal: smallint('ordinal').notNull(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id'),
    kind: text('kind', { enum: paymentStepKinds }).notNull(),
    /** Of this step alone. */
    amountMicros: bigint('amount_micros', { mode: 'bigint' }).notNull(),
    /** Null where nothing moved, such as a refund told before its payment. */
    transferId: uuid('transfer_id'),
    eventId: text('event_id'),
    at: instant('at').notNull(),
    detail: text('detail').notNull(),
    xact: xact(),
  },
  (t) => [
    primaryKey({ columns: [t.paymentId, t.ordinal] }),
    index().on(t.xact),
    index()
      .on(t.accountId)
      .where(sql`${t.kind} = 'refund_requested'`),
    foreignKey({
      columns: [t.companyId, t.paymentId],
      foreignColumns: [payment.companyId, payment.id],
    }),
  ],
);

/** Receipts are numbered without a hole, a company: the number is taken under this row's lock. */
export const receiptHead = pgTable('receipt_head', {
  companyId: integer('company_id')
    .primaryKey()
    .references(() => company.id),
  number: bigint('number', { mode: 'bigint' }).notNull(),
});

/** What the customer was given for money. Insert only. */
export const paymentReceipt = pgTable(
  'payment_receipt',
  {
    companyId: integer('company_id').notNull(),
    number: bigint('number', { mode: 'bigint' }).notNull(),
    paymentId: uuid('payment_id').notNull(),
    /** Of the step that it is for. */
    ordinal: smallint('ordinal').notNull(),
    accountId: integer('account_id').notNull(),
    /** The meter whose keypad device counted this money, with or without a token for it. */
    keypadMeterId: integer('keypad_meter_id'),
    document: jsonb('document').notNull(),
    issuedAt: instant('issued_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.companyId, t.number] }),
    unique().on(t.paymentId, t.ordinal),
    index().on(t.accountId),
    foreignKey({
      columns: [t.companyId, t.paymentId],
      foreignColumns: [payment.companyId, payment.id],
    }),
  ],
);

/** A file of a bank, once by its bytes. Insert only. */
export const bankStatement = pgTable(
  'bank_statement',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    channelId: integer('channel_id').notNull(),
    fileHash: bytea('file_hash').notNull(),
    format: text('format', { enum: ['camt.053', 'csv'] }).notNull(),
    statementRef: text('statement_ref').notNull(),
    importedAt: instant('imported_at').notNull(),
    importedBy: text('imported_by').notNull(),
  },
  (t) => [
    unique().on(t.channelId, t.fileHash),
    unique().on(t.companyId, t.id),
    foreignKey({
      columns: [t.companyId, t.channelId],
      foreignColumns: [paymentChannel.companyId, paymentChannel.id],
    }),
  ],
);

/** An entry of a statement, once by the bank's own reference: statements overlap. Insert only. */
export const bankEntry = pgTable(
  'bank_entry',
  {
    channelId: integer('channel_id').notNull(),
    entryRef: text('entry_ref').notNull(),
    companyId: integer('company_id').notNull(),
    statementId: integer('statement_id').notNull(),
    /** Above zero: into the company's account. */
    amountMicros: bigint('amount_micros', { mode: 'bigint' }).notNull(),
    currency: text('currency').notNull(),
    bookedOn: date('booked_on', { mode: 'string' }).notNull(),
    /** What the payer wrote: personal data, for the staff that matches it. */
    remittance: text('remittance').notNull(),
    /** It says that it takes an earlier entry back. */
    isReversal: boolean('is_reversal').notNull().default(false),
    paymentId: uuid('payment_id'),
  },
  (t) => [
    primaryKey({ columns: [t.channelId, t.entryRef] }),
    index()
      .on(t.channelId, t.amountMicros)
      .where(sql`${t.isReversal}`),
    foreignKey({
      columns: [t.companyId, t.statementId],
      foreignColumns: [bankStatement.companyId, bankStatement.id],
    }),
  ],
);

/** Vouchers of one making: value and life are signed into each. Insert only. */
export const voucherBatch = pgTable(
  'voucher_batch',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    channelId: integer('channel_id').notNull(),
    /** Serials are `firstSerial` and those that follow. */
    firstSerial: bigint('first_serial', { mode: 'bigint' }).notNull(),
    count: integer('count').notNull(),
    amountMicros: bigint('amount_micros', { mode: 'bigint' }).notNull(),
    currency: text('currency').notNull(),
    expiresAt: instant('expires_at').notNull(),
    issuedAt: instant('issued_at').notNull(),
    issuedBy: text('issued_by').notNull(),
  },
  (t) => [
    unique().on(t.companyId, t.firstSerial),
    unique().on(t.companyId, t.id),
    check('voucher_batch_amounts', sql`${t.count} > 0 and ${t.amountMicros} > 0`),
    foreignKey({
      columns: [t.companyId, t.channelId],
      foreignColumns: [paymentChannel.companyId, paymentChannel.id],
    }),
  ],
);

/** The one end of a voucher: used, or taken back because it was lost or stolen. Insert only. */
export const voucherEnd = pgTable(
  'voucher_end',
  {
    companyId: integer('company_id').notNull(),
    serial: bigint('serial', { mode: 'bigint' }).notNull(),
    batchId: integer('batch_id').notNull(),
    end: text('end', { enum: ['used', 'revoked'] }).notNull(),
    paymentId: uuid('payment_id'),
    endedAt: instant('ended_at').notNull(),
    endedBy: text('ended_by').notNull(),
    reason: text('reason').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.companyId, t.serial] }),
    check('voucher_end_payment', sql`(${t.end} = 'used') = (${t.paymentId} is not null)`),
    foreignKey({
      columns: [t.companyId, t.batchId],
      foreignColumns: [voucherBatch.companyId, voucherBatch.id],
    }),
  ],
);
