import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
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
import { account, company, instant, xact } from './registry.ts';
import { paymentChannel } from './payment.ts';

/** What a company promises its prepaid customers, as a document with a name. Insert only. */
export const prepaidPolicy = pgTable(
  'prepaid_policy',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    name: text('name').notNull(),
    validFrom: instant('valid_from').notNull(),
    document: jsonb('document').notNull(),
    publishedAt: instant('published_at').notNull(),
    publishedBy: text('published_by').notNull(),
  },
  (t) => [unique().on(t.companyId, t.name, t.validFrom), unique().on(t.companyId, t.id)],
);

/** Which policy an account is under from an instant on; 'standard' where no row says so. */
export const accountPolicy = pgTable(
  'account_policy',
  {
    accountId: integer('account_id').notNull(),
    validFrom: instant('valid_from').notNull(),
    companyId: integer('company_id').notNull(),
    policyName: text('policy_name').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    recordedBy: text('recorded_by').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.validFrom] }),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);

export const noticeKinds = [
  'low_days',
  'low_balance',
  'cut_notice',
  'emergency_offered',
  'cut',
  'reconnected',
  'top_up_failed',
] as const;

/** Whether a threshold is armed, and how often it was breached: a warning is told once a breach. */
export const noticeArm = pgTable(
  'notice_arm',
  {
    accountId: integer('account_id').notNull(),
    kind: text('kind', { enum: noticeKinds }).notNull(),
    /** As the policy writes it, such as '3' days. */
    threshold: text('threshold').notNull(),
    companyId: integer('company_id').notNull(),
    isArmed: boolean('is_armed').notNull(),
    breach: integer('breach').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.kind, t.threshold] }),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);

/** Something a customer is told. Insert only. */
export const notice = pgTable(
  'notice',
  {
    id: uuid('id').primaryKey(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    kind: text('kind', { enum: noticeKinds }).notNull(),
    /** As the policy writes it; of a cut or reconnection its command. */
    threshold: text('threshold').notNull(),
    breach: integer('breach').notNull(),
    /** Amounts, days and instants as text; no name, no address. */
    detail: jsonb('detail').notNull(),
    at: instant('at').notNull(),
  },
  (t) => [
    unique().on(t.accountId, t.kind, t.threshold, t.breach),
    unique().on(t.companyId, t.id),
    index().on(t.accountId, t.at),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);

/** How a notice got on: an outbox whose open ones are swept. Insert only. */
export const noticeStep = pgTable(
  'notice_step',
  {
    noticeId: uuid('notice_id').notNull(),
    ordinal: smallint('ordinal').notNull(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    state: text('state', { enum: ['queued', 'sent', 'delivered', 'failed'] }).notNull(),
    at: instant('at').notNull(),
    /** The sender's own id of it, or why it failed. */
    detail: text('detail').notNull(),
    xact: xact(),
  },
  (t) => [
    primaryKey({ columns: [t.noticeId, t.ordinal] }),
    index().on(t.xact),
    foreignKey({
      columns: [t.companyId, t.noticeId],
      foreignColumns: [notice.companyId, notice.id],
    }),
  ],
);

/** Credit lent below zero, once taken, until it is paid back. Insert only. */
export const emergencyCredit = pgTable(
  'emergency_credit',
  {
    id: uuid('id').primaryKey(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    amountMicros: bigint('amount_micros', { mode: 'bigint' }).notNull(),
    takenAt: instant('taken_at').notNull(),
    takenBy: text('taken_by').notNull(),
  },
  (t) => [
    index().on(t.accountId),
    unique().on(t.companyId, t.id),
    check('emergency_credit_amount', sql`${t.amountMicros} > 0`),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);

/** Insert only. */
export const emergencyCreditEnd = pgTable(
  'emergency_credit_end',
  {
    creditId: uuid('credit_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    endedAt: instant('ended_at').notNull(),
    reason: text('reason', { enum: ['repaid', 'mode_changed', 'place_left'] }).notNull(),
  },
  (t) => [
    foreignKey({
      columns: [t.companyId, t.creditId],
      foreignColumns: [emergencyCredit.companyId, emergencyCredit.id],
    }),
  ],
);

/** How a debt is paid off: a share of each top-up, or an amount a week. Insert only. */
export const debtPlan = pgTable(
  'debt_plan',
  {
    id: uuid('id').primaryKey(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    /** Of a top-up, in millionths. */
    sharePpm: integer('share_ppm').notNull(),
    weeklyMicros: bigint('weekly_micros', { mode: 'bigint' }).notNull(),
    /** The most that is taken in a local week by both together; null: no cap. */
    weeklyCapMicros: bigint('weekly_cap_micros', { mode: 'bigint' }),
    validFrom: instant('valid_from').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    recordedBy: text('recorded_by').notNull(),
    reason: text('reason').notNull(),
  },
  (t) => [
    unique().on(t.accountId, t.validFrom),
    check('debt_plan_share', sql`${t.sharePpm} between 0 and 1000000 and ${t.weeklyMicros} >= 0`),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);

/** Local days that a debt was recovered for: one transfer a day at most. Insert only. */
export const debtDay = pgTable(
  'debt_day',
  {
    accountId: integer('account_id').notNull(),
    /** Days since 1970-01-01 in the service point's zone. */
    localDay: integer('local_day').notNull(),
    companyId: integer('company_id').notNull(),
    transferId: uuid('transfer_id'),
    /** Why nothing was taken. */
    skipped: text('skipped'),
  },
  (t) => [
    primaryKey({ columns: [t.accountId, t.localDay] }),
    check('debt_day_one', sql`(${t.transferId} is null) = (${t.skipped} is not null)`),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);

/** The customer's standing order. */
export const autoTopUp = pgTable(
  'auto_top_up',
  {
    accountId: integer('account_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    channelId: integer('channel_id').notNull(),
    /** The provider's name of the card or mandate; no card data. */
    instrument: text('instrument').notNull(),
    belowMicros: bigint('below_micros', { mode: 'bigint' }).notNull(),
    amountMicros: bigint('amount_micros', { mode: 'bigint' }).notNull(),
    /** The most in a local day, so that a fault elsewhere cannot empty a card. */
    dailyMaxMicros: bigint('daily_max_micros', { mode: 'bigint' }).notNull(),
    isActive: boolean('is_active').notNull(),
    /** Charges so far: the number of one is part of its key at the provider. */
    breaches: integer('breaches').notNull().default(0),
    /** Why it waits for its customer; null: it does not, or the customer stopped it. */
    pausedCode: text('paused_code'),
  },
  (t) => [
    check('auto_top_up_amounts', sql`${t.amountMicros} > 0 and ${t.dailyMaxMicros} > 0`),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
    foreignKey({
      columns: [t.companyId, t.channelId],
      foreignColumns: [paymentChannel.companyId, paymentChannel.id],
    }),
  ],
);

/** What an account's ordinary day costs, as it was worked out last; made again when it is old. */
export const prepaidForecast = pgTable(
  'prepaid_forecast',
  {
    accountId: integer('account_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    /** Null: nothing could be said, see `reason`. */
    dailyMicros: bigint('daily_micros', { mode: 'bigint' }),
    runsOutAt: instant('runs_out_at'),
    reason: text('reason'),
    /** What it was worked out from. */
    balanceMicros: bigint('balance_micros', { mode: 'bigint' }).notNull(),
    computedAt: instant('computed_at').notNull(),
    /** Null: its thresholds are not known. */
    lookedAt: instant('looked_at'),
    /** What is available reaches the next threshold here; null: there is none. */
    nextMicros: bigint('next_micros', { mode: 'bigint' }),
    /** Here the notice of a cut is due, should it be armed anew; null: none is asked for. */
    cutMicros: bigint('cut_micros', { mode: 'bigint' }),
  },
  (t) => [
    index().on(t.computedAt),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);
