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
  smallint,
  text,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { bytea, company, instant, meter } from './registry.ts';

/**
 * From an instant on a register counts otherwise: it was installed, taken away, set back, or one of
 * its counts stands for another amount (domain/series/mark). Insert only: the latest word on a
 * meter, channel and instant counts, and `withdrawn` takes the word back.
 */
export const registerMark = pgTable(
  'register_mark',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    meterId: integer('meter_id').notNull(),
    channel: smallint('channel').notNull(),
    at: instant('at').notNull(),
    kind: text('kind', {
      enum: ['installed', 'removed', 'reset', 'factor', 'withdrawn'],
    }).notNull(),
    /** As the register shows it, in the channel's unit before the factor; null: not read. */
    finalValue: bigint('final_value', { mode: 'bigint' }),
    startValue: bigint('start_value', { mode: 'bigint' }),
    /** One count is so much of the channel's unit from then on; null: not said, as before. */
    numerator: bigint('numerator', { mode: 'bigint' }),
    denominator: bigint('denominator', { mode: 'bigint' }),
    author: text('author').notNull(),
    reason: text('reason').notNull(),
    recordedAt: instant('recorded_at').notNull(),
  },
  (t) => [
    index().on(t.meterId, t.channel, t.at),
    check('register_mark_factor', sql`(${t.numerator} is null) = (${t.denominator} is null)`),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/** What a meter's own event log says: power outages, clock settings, opened covers. */
export const meterEvent = pgTable(
  'meter_event',
  {
    meterId: integer('meter_id').notNull(),
    /** domain/series/meterEvent. */
    code: smallint('code').notNull(),
    fromAt: instant('from_at').notNull(),
    toAt: instant('to_at').notNull(),
    companyId: integer('company_id').notNull(),
    /** The batch that brought it first. */
    edgeId: integer('edge_id').notNull(),
    epoch: integer('epoch').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.meterId, t.code, t.fromAt, t.toAt] }),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/** By which rules and limits the readings of a customer class are validated. Insert only. */
export const veeSet = pgTable(
  'vee_set',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    customerClass: text('customer_class', { enum: ['gateway', 'large', 'community'] }).notNull(),
    /** Readings of this instant on; the latest published of those that have begun counts. */
    validFrom: instant('valid_from').notNull(),
    /** domain/vee/set reads it. */
    document: jsonb('document').notNull(),
    author: text('author').notNull(),
    recordedAt: instant('recorded_at').notNull(),
  },
  (t) => [unique().on(t.companyId, t.id), index().on(t.companyId, t.customerClass, t.validFrom)],
);

/**
 * What a rule of validation, estimation or editing decided about a window of a register. The same
 * decision again is the same row; one that no longer holds is withdrawn, never deleted.
 */
export const veeDecision = pgTable(
  'vee_decision',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    meterId: integer('meter_id').notNull(),
    channel: smallint('channel').notNull(),
    fromAt: instant('from_at').notNull(),
    toAt: instant('to_at').notNull(),
    /** The rule's industry name, as domain/vee/ruleName spells it. */
    rule: text('rule').notNull(),
    /** What follows: told, a bill held, readings left out, energy estimated. */
    outcome: text('outcome', { enum: ['alert', 'hold', 'reject', 'estimate'] }).notNull(),
    message: text('message').notNull(),
    /** Figures behind the decision, whole numbers as texts. */
    detail: jsonb('detail').notNull(),
    /** Of rule, window and detail. */
    digest: bytea('digest').notNull(),
    decidedAt: instant('decided_at').notNull(),
    withdrawnAt: instant('withdrawn_at'),
  },
  (t) => [
    unique().on(t.meterId, t.channel, t.digest),
    unique().on(t.companyId, t.id),
    index().on(t.companyId, t.decidedAt),
    index().on(t.meterId, t.channel, t.fromAt),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/**
 * A person's word on a decision: it is right, or what it holds may go. Insert only, and each word
 * once: a release is the last one, also of what was confirmed before.
 */
export const veeResolution = pgTable(
  'vee_resolution',
  {
    decisionId: bigint('decision_id', { mode: 'bigint' }).notNull(),
    companyId: integer('company_id').notNull(),
    kind: text('kind', { enum: ['confirmed', 'released'] }).notNull(),
    actor: text('actor').notNull(),
    reason: text('reason').notNull(),
    resolvedAt: instant('resolved_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.decisionId, t.kind] }),
    foreignKey({
      columns: [t.companyId, t.decisionId],
      foreignColumns: [veeDecision.companyId, veeDecision.id],
    }),
  ],
);

/**
 * Meters whose readings are to be validated again from an instant on; apart from rating, so that
 * validation never makes a live reading wait.
 */
export const veeDuty = pgTable(
  'vee_duty',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    meterId: integer('meter_id').notNull(),
    companyId: integer('company_id').notNull(),
    /** Of the meter's edge, filled in by a trigger: whose rater it waits for. */
    logShard: smallint('log_shard').notNull(),
    fromAt: instant('from_at').notNull(),
    /** When it was set aside, and why; null while it waits its turn, as one of a meter does. */
    failedAt: instant('failed_at'),
    failure: text('failure'),
  },
  (t) => [
    // The longest stretch of time first, some at a time.
    index()
      .on(t.logShard, t.fromAt, t.meterId)
      .where(sql`${t.failedAt} is null`),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
    uniqueIndex('vee_duty_waiting')
      .on(t.meterId)
      .where(sql`${t.failedAt} is null`),
    check('vee_duty_failure', sql`(${t.failedAt} is null) = (${t.failure} is null)`),
  ],
);

/**
 * What was told of an instant of a register more than once and not the same: each value that met
 * another one, in the unit of the channel. Which of them stands is for the series to say. Insert
 * only.
 */
export const readingVersion = pgTable(
  'reading_version',
  {
    meterId: integer('meter_id').notNull(),
    channel: smallint('channel').notNull(),
    readAt: instant('read_at').notNull(),
    /** 0 as read; edits of one revision may differ, too. */
    revision: integer('revision').notNull(),
    value: bigint('value', { mode: 'bigint' }).notNull(),
    companyId: integer('company_id').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.meterId, t.channel, t.readAt, t.revision, t.value] }),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/**
 * Which transformer ratios came with a register's readings, by UTC day: the first and the last
 * instant of each. They are only compared with the ratio of the register's marks.
 */
export const sentMultiplier = pgTable(
  'sent_multiplier',
  {
    meterId: integer('meter_id').notNull(),
    channel: smallint('channel').notNull(),
    /** Days since 1970-01-01 UTC. */
    day: integer('day').notNull(),
    thousandths: integer('thousandths').notNull(),
    companyId: integer('company_id').notNull(),
    firstAt: instant('first_at').notNull(),
    lastAt: instant('last_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.meterId, t.channel, t.day, t.thousandths] }),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);
