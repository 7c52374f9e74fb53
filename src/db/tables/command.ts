import { sql } from 'drizzle-orm';
import {
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
    state: text('state', { enum: ['connected', 'disconnected'] }).notNull(),
    /** A manual cut is not undone by a payment. */
    cause: text('cause', { enum: ['automatic', 'manual'] }).notNull(),
    since: instant('since').notNull(),
  },
  (t) => [
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);
