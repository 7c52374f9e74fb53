import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
} from 'drizzle-orm/pg-core';
import { account, company, instant, servicePoint } from './registry.ts';

export const tariff = pgTable(
  'tariff',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    name: text('name').notNull(),
    currency: text('currency').notNull(),
  },
  (t) => [unique().on(t.companyId, t.name), unique().on(t.companyId, t.id)],
);

/** Published once and never changed: a correction is another version. */
export const tariffVersion = pgTable(
  'tariff_version',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    tariffId: integer('tariff_id').notNull(),
    /** Valid until the next version's validFrom. */
    validFrom: instant('valid_from').notNull(),
    document: jsonb('document').notNull(),
    publishedAt: instant('published_at').notNull(),
    publishedBy: text('published_by').notNull(),
  },
  (t) => [
    unique().on(t.tariffId, t.validFrom),
    foreignKey({
      columns: [t.companyId, t.tariffId],
      foreignColumns: [tariff.companyId, tariff.id],
    }),
  ],
);

/** Customer, service point, tariff, prepaid or postpaid, validity: what makes a reading money. */
export const agreement = pgTable(
  'agreement',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    servicePointId: integer('service_point_id').notNull(),
    tariffId: integer('tariff_id').notNull(),
    mode: text('mode', { enum: ['prepaid', 'postpaid'] }).notNull(),
    validFrom: instant('valid_from').notNull(),
    validTo: instant('valid_to'),
    /** Prepaid: at or below it the supply is cut. */
    balanceLimitMicros: bigint('balance_limit_micros', { mode: 'bigint' }).notNull(),
    /** Prepaid: at or above it an automatic cut is undone; above the limit, for hysteresis. */
    reconnectMicros: bigint('reconnect_micros', { mode: 'bigint' }).notNull(),
    /** What tariffs may ask for, by domain/tariff/shape's attributesShape; only added to. */
    attributes: jsonb('attributes').notNull().default({}),
  },
  (t) => [
    index().on(t.servicePointId),
    index().on(t.accountId),
    index().on(t.tariffId),
    unique().on(t.companyId, t.id),
    check('agreement_hysteresis', sql`${t.reconnectMicros} > ${t.balanceLimitMicros}`),
    check('agreement_validity', sql`${t.validTo} is null or ${t.validTo} > ${t.validFrom}`),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
    foreignKey({
      columns: [t.companyId, t.servicePointId],
      foreignColumns: [servicePoint.companyId, servicePoint.id],
    }),
    foreignKey({
      columns: [t.companyId, t.tariffId],
      foreignColumns: [tariff.companyId, tariff.id],
    }),
  ],
);

/**
 * An agreement that ended where another one of the same place and tariff goes on: of the same
 * account in the other mode, or of another account. Balances are the accounts' and stay with them.
 */
export const modeChange = pgTable(
  'mode_change',
  {
    endedId: integer('ended_id').primaryKey(),
    nextId: integer('next_id').notNull().unique(),
    companyId: integer('company_id').notNull(),
    /** Of the agreement that ended. */
    accountId: integer('account_id').notNull(),
    mode: text('mode', { enum: ['prepaid', 'postpaid'] }).notNull(),
    /** The end of the one and the begin of the other. */
    at: instant('at').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    recordedBy: text('recorded_by').notNull(),
    /** What the old mode left open was closed; null: not yet. */
    settledAt: instant('settled_at'),
  },
  (t) => [
    index()
      .on(t.at)
      .where(sql`${t.settledAt} is null`),
    foreignKey({
      columns: [t.companyId, t.endedId],
      foreignColumns: [agreement.companyId, agreement.id],
    }),
    foreignKey({
      columns: [t.companyId, t.nextId],
      foreignColumns: [agreement.companyId, agreement.id],
    }),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);

/**
 * Local days on which a supply was off from begin to end, under a policy by which such days carry
 * no standing charge. A fact of its own, like the accrual: the log does not say it. Insert only.
 */
export const idleDay = pgTable(
  'idle_day',
  {
    agreementId: integer('agreement_id').notNull(),
    startsAt: instant('starts_at').notNull(),
    endsAt: instant('ends_at').notNull(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    recordedAt: instant('recorded_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.agreementId, t.startsAt] }),
    foreignKey({
      columns: [t.companyId, t.agreementId],
      foreignColumns: [agreement.companyId, agreement.id],
    }),
  ],
);

/**
 * Up to when time alone is charged: standing charges of days without a reading. A fact of its own,
 * because it comes from the clock and not from the log. Moves forward only.
 */
export const accrual = pgTable(
  'accrual',
  {
    agreementId: integer('agreement_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    accruedUntil: instant('accrued_until').notNull(),
  },
  (t) => [
    foreignKey({
      columns: [t.companyId, t.agreementId],
      foreignColumns: [agreement.companyId, agreement.id],
    }),
  ],
);

/** Prices that change by the quarter hour or hour: what dynamic components name. */
export const priceSeries = pgTable(
  'price_series',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    name: text('name').notNull(),
    currency: text('currency').notNull(),
    /** In which the prices are quoted; stored they are a kWh's. */
    unit: text('unit', { enum: ['kWh', 'MWh'] }).notNull(),
    stepMinutes: integer('step_minutes').notNull(),
  },
  (t) => [
    unique().on(t.companyId, t.name),
    unique().on(t.companyId, t.id),
    check('price_series_step', sql`${t.stepMinutes} in (15, 30, 60)`),
  ],
);

/** One price of a series. Append only: a correction is a later row, and the latest one counts. */
export const pricePoint = pgTable(
  'price_point',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    seriesId: integer('series_id').notNull(),
    startsAt: instant('starts_at').notNull(),
    /** At 10^-8 currency a kWh; null where there is no price. */
    priceE8: bigint('price_e8', { mode: 'bigint' }),
    knownAt: instant('known_at').notNull(),
  },
  (t) => [
    index().on(t.seriesId, t.startsAt, t.id),
    foreignKey({
      columns: [t.companyId, t.seriesId],
      foreignColumns: [priceSeries.companyId, priceSeries.id],
    }),
  ],
);

/** A row for each change of what prices a reading that no other table counts: raters look at it. */
export const pricingChange = pgTable(
  'pricing_change',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    what: text('what', { enum: ['prices', 'attributes', 'key_zone'] }).notNull(),
    at: instant('at').notNull(),
  },
  (t) => [foreignKey({ columns: [t.companyId], foreignColumns: [company.id] })],
);
