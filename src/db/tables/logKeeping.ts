import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
} from 'drizzle-orm/pg-core';
import { edge, instant } from './registry.ts';

/**
 * What became of rows of the log that were held back: taken in later, because their cause is gone,
 * or left out for good by a person. Insert only, once for a row: what is open is an exception
 * without a row here.
 */
export const exceptionResolution = pgTable(
  'exception_resolution',
  {
    edgeId: integer('edge_id').notNull(),
    stream: smallint('stream').notNull(),
    epoch: integer('epoch').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    /** A line of a meter's own log, as in reading_exception. */
    isEvent: boolean('is_event').notNull().default(false),
    channel: smallint('channel').notNull(),
    /** Row in the batch, counted over its blocks; of a line, over its events. */
    row: integer('row').notNull(),
    companyId: integer('company_id').notNull(),
    meterId: integer('meter_id').notNull(),
    resolvedAt: instant('resolved_at').notNull(),
    kind: text('kind', { enum: ['taken', 'dismissed'] })
      .notNull()
      .default('taken'),
    /** Who left it out, and why; null of what was taken in. */
    actor: text('actor'),
    reason: text('reason'),
  },
  (t) => [
    primaryKey({
      columns: [t.edgeId, t.stream, t.epoch, t.sequence, t.isEvent, t.channel, t.row],
    }),
    index().on(t.meterId),
    check(
      'exception_resolution_word',
      sql`case ${t.kind} when 'taken' then ${t.actor} is null and ${t.reason} is null
          when 'dismissed' then ${t.actor} is not null and ${t.reason} is not null
          else false end`,
    ),
    foreignKey({ columns: [t.companyId, t.edgeId], foreignColumns: [edge.companyId, edge.id] }),
  ],
);

/**
 * What retention took from the log, a row a day of receipt, shard and run of positions: the guard
 * still names these batches, and whoever counts the log knows where they went. Between two runs of
 * a day stand batches of another day, since processes' clocks differ. Insert only.
 */
export const logDropped = pgTable(
  'log_dropped',
  {
    day: date('day').notNull(),
    shard: smallint('shard').notNull(),
    positionMin: bigint('position_min', { mode: 'bigint' }).notNull(),
    positionMax: bigint('position_max', { mode: 'bigint' }).notNull(),
    batchCount: bigint('batch_count', { mode: 'bigint' }).notNull(),
    readingCount: bigint('reading_count', { mode: 'bigint' }).notNull(),
    droppedBy: text('dropped_by').notNull(),
    droppedAt: instant('dropped_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.day, t.shard, t.positionMin] })],
);
