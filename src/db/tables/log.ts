import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
} from 'drizzle-orm/pg-core';
import { bytea, edge, instant } from './registry.ts';

/**
 * The log: every accepted batch once, as its carried bytes. Insert only, by grant and by trigger.
 * Partitioned by the day of receipt (the migration says so; drizzle cannot).
 */
export const batchLog = pgTable(
  'batch_log',
  {
    shard: smallint('shard').notNull(),
    /** Gapless in its shard: taken from log_head in the transaction, so a cursor misses none. */
    position: bigint('position', { mode: 'bigint' }).notNull(),
    receivedAt: instant('received_at').notNull(),
    companyId: integer('company_id').notNull(),
    edgeId: integer('edge_id').notNull(),
    /** 1 billing, 2 telemetry. */
    stream: smallint('stream').notNull().default(1),
    epoch: integer('epoch').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    readingCount: integer('reading_count').notNull(),
    /** Span of the device times inside, for finding the raw readings of a window again. */
    readFrom: instant('read_from'),
    readTo: instant('read_to'),
    /** The SignedBatch, byte for byte as it came. */
    carried: bytea('carried').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.shard, t.position, t.receivedAt] }),
    index().on(t.edgeId, t.readTo),
    // Of back-fills: the window of any other batch is found within a day behind its readings.
    index('batch_log_long_index')
      .on(t.edgeId, t.readTo)
      .where(sql`read_to - read_from > interval '1 day'`),
  ],
);

/**
 * The guard of exactly once: it spans all partitions of the log, which a unique index on a
 * partitioned table cannot.
 */
export const batchGuard = pgTable(
  'batch_guard',
  {
    edgeId: integer('edge_id').notNull(),
    /** 1 billing, 2 telemetry: each stream has sequences of its own. */
    stream: smallint('stream').notNull(),
    epoch: integer('epoch').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    companyId: integer('company_id').notNull(),
    hash: bytea('hash').notNull(),
    /** What it says of the batch before; null in batches of a time when it was not kept. */
    previousHash: bytea('previous_hash'),
    shard: smallint('shard').notNull(),
    position: bigint('position', { mode: 'bigint' }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.edgeId, t.stream, t.epoch, t.sequence] }),
    foreignKey({ columns: [t.companyId, t.edgeId], foreignColumns: [edge.companyId, edge.id] }),
  ],
);

/** The last position of each shard; its row lock orders the commits of the shard. */
export const logHead = pgTable('log_head', {
  shard: smallint('shard').primaryKey(),
  position: bigint('position', { mode: 'bigint' }).notNull(),
});

/** How far each shard is rated and posted; apart from the head, so that appending never waits. */
export const ratingCursor = pgTable('rating_cursor', {
  shard: smallint('shard').primaryKey(),
  position: bigint('position', { mode: 'bigint' }).notNull(),
});

/**
 * How far each edge has come, a row a stream and epoch: what it has sent without a hole, and the
 * furthest that arrived. Between the two lie the gaps that are asked for again.
 */
export const edgeProgress = pgTable(
  'edge_progress',
  {
    edgeId: integer('edge_id').notNull(),
    stream: smallint('stream').notNull(),
    epoch: integer('epoch').notNull(),
    companyId: integer('company_id').notNull(),
    /** All sequences up to here are committed. */
    contiguous: bigint('contiguous', { mode: 'bigint' }).notNull(),
    /** The highest sequence that is committed. */
    highest: bigint('highest', { mode: 'bigint' }).notNull(),
    batchCount: bigint('batch_count', { mode: 'bigint' }).notNull(),
    readingCount: bigint('reading_count', { mode: 'bigint' }).notNull(),
    lastReceivedAt: instant('last_received_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.edgeId, t.stream, t.epoch] }),
    foreignKey({ columns: [t.companyId, t.edgeId], foreignColumns: [edge.companyId, edge.id] }),
  ],
);

/**
 * Why a batch of an office is in the log: who entered its readings, for what reason, and which
 * batch in quarantine they correct. Insert only.
 */
export const officeBatch = pgTable(
  'office_batch',
  {
    edgeId: integer('edge_id').notNull(),
    epoch: integer('epoch').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    companyId: integer('company_id').notNull(),
    kind: text('kind', { enum: ['manual', 'edit', 'correction'] }).notNull(),
    author: text('author').notNull(),
    reason: text('reason').notNull(),
    enteredAt: instant('entered_at').notNull(),
    /** Of the batch in quarantine whose readings it brings. */
    quarantineHash: bytea('quarantine_hash'),
  },
  (t) => [
    primaryKey({ columns: [t.edgeId, t.epoch, t.sequence] }),
    index().on(t.companyId, t.enteredAt),
    foreignKey({ columns: [t.companyId, t.edgeId], foreignColumns: [edge.companyId, edge.id] }),
  ],
);

/** Batches that were not accepted, with their bytes: nothing that arrives is lost unseen. */
export const batchQuarantine = pgTable(
  'batch_quarantine',
  {
    /** SHA-256 of the carried bytes: the same refusal again is the same row. */
    hash: bytea('hash').notNull(),
    code: text('code').notNull(),
    message: text('message').notNull(),
    /** Null while the sender is not known. */
    companyId: integer('company_id'),
    edgeId: integer('edge_id'),
    receivedAt: instant('received_at').notNull(),
    carried: bytea('carried').notNull(),
  },
  (t) => [primaryKey({ columns: [t.hash, t.code] }), index().on(t.companyId, t.receivedAt)],
);

/**
 * How much of what was refused is kept, a row a sender: edge id, 0 for all that are not known. A
 * flood of garbage is counted beyond its bounds and fills no disk.
 */
export const quarantineQuota = pgTable('quarantine_quota', {
  sender: integer('sender').primaryKey(),
  /** Minutes since 1970 of the last refusal. */
  minute: integer('minute').notNull(),
  keptInMinute: integer('kept_in_minute').notNull(),
  kept: bigint('kept', { mode: 'bigint' }).notNull(),
  /** Less what was freed since, as time passed: how full the room of the sender is. */
  keptBytes: bigint('kept_bytes', { mode: 'bigint' }).notNull(),
  /** Refused, counted here and not kept. */
  onlyCounted: bigint('only_counted', { mode: 'bigint' }).notNull(),
});

/** What became of a batch in quarantine. Insert only: a further refusal is a row of its own. */
export const quarantineResolution = pgTable(
  'quarantine_resolution',
  {
    hash: bytea('hash').notNull(),
    code: text('code').notNull(),
    /** Null where the sender stayed unknown. */
    companyId: integer('company_id'),
    /** Taken in as it was, taken in as an office's batch, or not taken in. */
    kind: text('kind', { enum: ['replayed', 'corrected', 'dismissed'] }).notNull(),
    actor: text('actor').notNull(),
    reason: text('reason').notNull(),
    resolvedAt: instant('resolved_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.hash, t.code] })],
);

/**
 * Single readings of an accepted batch that may not be billed, and lines of meters' logs in it that
 * wait, by their place in the log.
 */
export const readingException = pgTable(
  'reading_exception',
  {
    edgeId: integer('edge_id').notNull(),
    stream: smallint('stream').notNull().default(1),
    epoch: integer('epoch').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    /** A line of a meter's own log and no reading: its rows are counted apart. */
    isEvent: boolean('is_event').notNull().default(false),
    /** Row in the batch, counted over its blocks; of a line, over its events. */
    row: integer('row').notNull(),
    companyId: integer('company_id').notNull(),
    meterId: integer('meter_id').notNull(),
    /** 0 of a line: it is of the meter, not of one of its registers. */
    channel: smallint('channel').notNull(),
    /** Of a line, when what it tells of began. */
    readAt: instant('read_at').notNull(),
    /** Of a line, its code. */
    value: bigint('value', { mode: 'bigint' }).notNull(),
    code: text('code').notNull(),
    message: text('message').notNull(),
    /** DLMS unit code as sent; null where it is beyond doubt. */
    unit: smallint('unit'),
  },
  (t) => [
    // One place may be refused for one reason, and for another when somebody looks again.
    primaryKey({
      columns: [t.edgeId, t.stream, t.epoch, t.sequence, t.isEvent, t.channel, t.row, t.code],
    }),
    index().on(t.meterId, t.readAt),
  ],
);
