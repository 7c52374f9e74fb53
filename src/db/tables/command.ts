import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { instant, meter, xact } from './registry.ts';

export const commandStates = [
  'requested',
  'queued',
  'sent',
  'acknowledged',
  'verified',
  'failed',
  'expired',
  'cancelled',
] as const;

/** Something a device must do. Exactly one end: verified, failed, expired or cancelled. */
export const command = pgTable(
  'command',
  {
    id: uuid('id').primaryKey(),
    companyId: integer('company_id').notNull(),
    meterId: integer('meter_id').notNull(),
    accountId: integer('account_id'),
    kind: text('kind', { enum: ['disconnect', 'reconnect', 'limit', 'unlimit'] }).notNull(),
    /** Of a limit: the most that may flow. */
    limitW: integer('limit_w'),
    cause: text('cause', { enum: ['automatic', 'manual'] }).notNull(),
    reason: text('reason').notNull(),
    state: text('state', { enum: commandStates }).notNull(),
    requestedBy: text('requested_by').notNull(),
    requestedAt: instant('requested_at').notNull(),
    /** Not sent after this instant. */
    notAfter: instant('not_after').notNull(),
    attempts: smallint('attempts').notNull(),
    nextAttemptAt: instant('next_attempt_at').notNull(),
    failureCode: text('failure_code'),
  },
  (t) => [
    check('command_limit', sql`(${t.kind} = 'limit') = (${t.limitW} is not null)`),
    /** One open command a meter: the lock against a second cut. */
    uniqueIndex('command_open')
      .on(t.meterId)
      .where(sql`${t.state} in ('requested', 'queued', 'sent', 'acknowledged')`),
    unique().on(t.companyId, t.id),
    index().on(t.meterId, t.requestedAt),
    index().on(t.accountId),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/** Each state a command went through, when and why. Insert only. */
export const commandStep = pgTable(
  'command_step',
  {
    commandId: uuid('command_id').notNull(),
    ordinal: smallint('ordinal').notNull(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id'),
    state: text('state', { enum: commandStates }).notNull(),
    at: instant('at').notNull(),
    detail: text('detail').notNull(),
    xact: xact(),
  },
  (t) => [
    index().on(t.xact),
    primaryKey({ columns: [t.commandId, t.ordinal] }),
    foreignKey({
      columns: [t.companyId, t.commandId],
      foreignColumns: [command.companyId, command.id],
    }),
  ],
);

/** What the last verified command left behind. A meter without a row is connected. */
export const supply = pgTable(
  'supply',
  {
    meterId: integer('meter_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    state: text('state', { enum: ['connected', 'disconnected', 'limited'] }).notNull(),
    /** A manual cut is not undone by a payment. */
    cause: text('cause', { enum: ['automatic', 'manual'] }).notNull(),
    since: instant('since').notNull(),
  },
  (t) => [
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/**
 * A cut that is due and that something prevents: when it is to be decided again. Derived: it is
 * written by each decision and dropped when nothing is due any more.
 */
export const supplyWait = pgTable(
  'supply_wait',
  {
    meterId: integer('meter_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    askAgainAt: instant('ask_again_at').notNull(),
  },
  (t) => [
    index().on(t.askAgainAt),
    index().on(t.accountId),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/** What is watched behind a verified cut or limit until it is undone. One row a meter. */
export const supplyWatch = pgTable(
  'supply_watch',
  {
    meterId: integer('meter_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    commandId: uuid('command_id').notNull(),
    since: instant('since').notNull(),
    /** Of a limit. */
    limitW: integer('limit_w'),
    tripAfterMs: integer('trip_after_ms'),
    /** Of a cut: the register at its first reading afterwards. */
    registerWh: bigint('register_wh', { mode: 'bigint' }),
    /** Of a limit: since when more flows than it allows. */
    overSince: instant('over_since'),
    /** A person was told: once a cut. */
    toldAt: instant('told_at'),
  },
  (t) => [
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);
