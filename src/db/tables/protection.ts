import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { command } from './command.ts';
import { account, bytea, company, instant, meter, xact } from './registry.ts';

/** Why a supply may not be cut by itself. Insert only. */
export const protection = pgTable(
  'protection',
  {
    id: uuid('id').primaryKey(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    kind: text('kind', { enum: ['life_support', 'medical', 'vulnerable', 'dispute'] }).notNull(),
    fromAt: instant('from_at').notNull(),
    /** Null: until somebody ends it. What protects life is ended by a person alone. */
    toAt: instant('to_at'),
    reason: text('reason').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    recordedBy: text('recorded_by').notNull(),
  },
  (t) => [
    index().on(t.accountId),
    unique().on(t.companyId, t.id),
    check('protection_life', sql`${t.kind} <> 'life_support' or ${t.toAt} is null`),
    foreignKey({
      columns: [t.companyId, t.accountId],
      foreignColumns: [account.companyId, account.id],
    }),
  ],
);

/** Insert only. */
export const protectionEnd = pgTable(
  'protection_end',
  {
    protectionId: uuid('protection_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    endedAt: instant('ended_at').notNull(),
    endedBy: text('ended_by').notNull(),
    /** How the customer was reached before the protection fell. */
    contactProof: text('contact_proof').notNull(),
  },
  (t) => [
    foreignKey({
      columns: [t.companyId, t.protectionId],
      foreignColumns: [protection.companyId, protection.id],
    }),
  ],
);

/** Weather in which nobody is cut. Insert only; a wrong one is ended by a shorter one. */
export const weatherAdvisory = pgTable(
  'weather_advisory',
  {
    id: uuid('id').primaryKey(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    region: text('region').notNull(),
    kind: text('kind', { enum: ['heat', 'cold', 'storm'] }).notNull(),
    fromAt: instant('from_at').notNull(),
    toAt: instant('to_at').notNull(),
    source: text('source').notNull(),
    recordedAt: instant('recorded_at').notNull(),
    recordedBy: text('recorded_by').notNull(),
  },
  (t) => [
    index().on(t.companyId, t.region, t.toAt),
    check('weather_advisory_span', sql`${t.toAt} > ${t.fromAt}`),
  ],
);

/** Why a command was given, with every fact and rule that was looked at. Insert only. */
export const commandCertificate = pgTable(
  'command_certificate',
  {
    commandId: uuid('command_id').notNull(),
    /** It is decided when it is requested, and again when it is sent. */
    stage: text('stage', { enum: ['requested', 'sent'] }).notNull(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id'),
    document: jsonb('document').notNull(),
    /** SHA-256 of the document's canonical bytes. */
    hash: bytea('hash').notNull(),
    at: instant('at').notNull(),
    xact: xact(),
  },
  (t) => [
    primaryKey({ columns: [t.commandId, t.stage] }),
    index().on(t.xact),
    foreignKey({
      columns: [t.companyId, t.commandId],
      foreignColumns: [command.companyId, command.id],
    }),
  ],
);

/** Too many cuts at once: none in the region until two people have looked. Insert only. */
export const breakerTrip = pgTable(
  'breaker_trip',
  {
    id: uuid('id').primaryKey(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    region: text('region').notNull(),
    /** Cuts in the window, with the one that was stopped. */
    cuts: integer('cuts').notNull(),
    trippedAt: instant('tripped_at').notNull(),
  },
  (t) => [index().on(t.companyId, t.region), unique().on(t.companyId, t.id)],
);

/** One person's yes to something that takes two; nobody says it twice. Insert only. */
export const approval = pgTable(
  'approval',
  {
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    /** What it is a yes to, such as `breaker/UUID` or `command/UUID`. */
    subject: text('subject').notNull(),
    actor: text('actor').notNull(),
    reason: text('reason').notNull(),
    at: instant('at').notNull(),
    xact: xact(),
  },
  (t) => [
    primaryKey({ columns: [t.companyId, t.subject, t.actor] }),
    /** Byte by byte, so that what begins with the same is one range, whatever the locale. */
    index('approval_prefix').on(t.companyId, sql`${t.subject} collate "C"`),
    index().on(t.xact),
  ],
);

/** Something for people to do on site or at a desk. Insert only. */
export const workOrder = pgTable(
  'work_order',
  {
    id: uuid('id').primaryKey(),
    companyId: integer('company_id').notNull(),
    meterId: integer('meter_id').notNull(),
    kind: text('kind', {
      enum: ['command_failed', 'bypass', 'load_limit_tripped', 'notice_given_up'],
    }).notNull(),
    detail: jsonb('detail').notNull(),
    openedAt: instant('opened_at').notNull(),
    /** How many the meter has had for this before. */
    ordinal: integer('ordinal').notNull().default(0),
  },
  (t) => [
    index().on(t.companyId, t.openedAt),
    /** Of two that are opened at once, one is there. */
    uniqueIndex('work_order_once').on(
      t.meterId,
      t.kind,
      sql`coalesce(${t.detail}->>'command', '')`,
      t.ordinal,
    ),
    unique().on(t.companyId, t.id),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/** Insert only. */
export const workOrderEnd = pgTable(
  'work_order_end',
  {
    workOrderId: uuid('work_order_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    endedAt: instant('ended_at').notNull(),
    endedBy: text('ended_by').notNull(),
    outcome: text('outcome').notNull(),
  },
  (t) => [
    foreignKey({
      columns: [t.companyId, t.workOrderId],
      foreignColumns: [workOrder.companyId, workOrder.id],
    }),
  ],
);

/** Each verified change of a supply; `supply` is its newest. Insert only. */
export const supplyChange = pgTable(
  'supply_change',
  {
    meterId: integer('meter_id').notNull(),
    at: instant('at').notNull(),
    companyId: integer('company_id').notNull(),
    state: text('state', { enum: ['connected', 'disconnected', 'limited'] }).notNull(),
    commandId: uuid('command_id').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.meterId, t.at] }),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);
