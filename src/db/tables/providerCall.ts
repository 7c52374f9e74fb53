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
import { payment, paymentChannel } from './payment.ts';
import { account, instant } from './registry.ts';

/**
 * What a provider is asked for beside a transaction: its id is the key of the request, so that it
 * is asked again after a crash and done once. Ends once, by the provider's answer.
 */
export const providerCall = pgTable(
  'provider_call',
  {
    id: uuid('id').primaryKey(),
    companyId: integer('company_id').notNull(),
    channelId: integer('channel_id').notNull(),
    kind: text('kind', { enum: ['refund', 'charge'] }).notNull(),
    accountId: integer('account_id'),
    /** Of a refund from the start, of a charge once the provider has made one. */
    paymentId: uuid('payment_id'),
    /** Of a refund: the step of its payment that asked for it. */
    ordinal: smallint('ordinal'),
    /** Of a charge: the how manieth of its standing order, the card, the local day it counts on. */
    breach: integer('breach'),
    instrument: text('instrument'),
    localDay: integer('local_day'),
    amountMicros: bigint('amount_micros', { mode: 'bigint' }).notNull(),
    currency: text('currency').notNull(),
    askedAt: instant('asked_at').notNull(),
    tries: integer('tries').notNull(),
    /** Nobody asks before: whoever asks moves it first. */
    nextTryAt: instant('next_try_at').notNull(),
    endedAt: instant('ended_at'),
    outcome: text('outcome', { enum: ['accepted', 'failed'] }),
    /** The provider's name of what it made, or why it failed. */
    detail: text('detail').notNull(),
  },
  (t) => [
    unique().on(t.paymentId, t.ordinal),
    index()
      .on(t.nextTryAt)
      .where(sql`${t.endedAt} is null`),
    index()
      .on(t.accountId, t.breach)
      .where(sql`${t.kind} = 'charge'`),
    check('provider_call_amount', sql`${t.amountMicros} > 0`),
    check('provider_call_end', sql`(${t.endedAt} is null) = (${t.outcome} is null)`),
    check(
      'provider_call_of',
      sql`case when ${t.kind} = 'refund' then num_nulls(${t.paymentId}, ${t.ordinal}) = 0
          else num_nulls(${t.accountId}, ${t.breach}, ${t.instrument}, ${t.localDay}) = 0 end`,
    ),
    foreignKey({
      columns: [t.companyId, t.channelId],
      foreignColumns: [paymentChannel.companyId, paymentChannel.id],
    }),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
    foreignKey({
      columns: [t.companyId, t.paymentId],
      foreignColumns: [payment.companyId, payment.id],
    }),
  ],
);
