import {
  bigint,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
} from 'drizzle-orm/pg-core';
import { instant } from './registry.ts';

/**
 * The sequenced log of what clients are told. One row a commit, company and kind, its subjects as
 * columns: a batch of 10,000 meters is one row. Clients read it through the view subject_event,
 * which shows each of them only its own subjects.
 */
export const event = pgTable(
  'event',
  {
    shard: smallint('shard').notNull(),
    /** Gapless in its shard: taken from event_head inside the transaction. */
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    companyId: integer('company_id').notNull(),
    kind: text('kind', {
      enum: [
        'rated',
        'top_up',
        'payment',
        'adjustment',
        'command',
        'tariff',
        'simulation',
        'decision',
      ],
    }).notNull(),
    at: instant('at').notNull(),
    /** Parallel columns; 0 where a subject is absent. */
    meterIds: integer('meter_ids').array().notNull(),
    accountIds: integer('account_ids').array().notNull(),
    /** Kind 'rated': instant of the reading (ms), register (Wh), power (W), cost, new balance. */
    readAtMs: bigint('read_at_ms', { mode: 'bigint' }).array().notNull(),
    registerWh: bigint('register_wh', { mode: 'bigint' }).array().notNull(),
    powerW: integer('power_w').array().notNull(),
    energyWh: bigint('energy_wh', { mode: 'bigint' }).array().notNull(),
    chargedMicros: bigint('charged_micros', { mode: 'bigint' }).array().notNull(),
    balanceMicros: bigint('balance_micros', { mode: 'bigint' }).array().notNull(),
    /** The other kinds: ids and states, never personal data. */
    detail: jsonb('detail'),
  },
  (t) => [primaryKey({ columns: [t.shard, t.sequence] }), index().on(t.companyId, t.at)],
);

export const eventHead = pgTable('event_head', {
  shard: smallint('shard').primaryKey(),
  sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
});

/** How far a relay (the broker publisher) has told the outside. */
export const relayCursor = pgTable(
  'relay_cursor',
  {
    relay: text('relay').notNull(),
    shard: smallint('shard').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.relay, t.shard] })],
);
