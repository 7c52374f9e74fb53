import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
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
