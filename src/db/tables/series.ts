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
} from 'drizzle-orm/pg-core';
import { bytea, instant, meter } from './registry.ts';
import { agreement } from './tariff.ts';

/**
 * The series: one row a meter, channel and UTC day, quarter hours as columns in bytes
 * (domain/series/dayCodec). Changed only by merging, which is commutative and idempotent.
 */
export const seriesDay = pgTable(
  'series_day',
  {
    meterId: integer('meter_id').notNull(),
    channel: smallint('channel').notNull(),
    /** Days since 1970-01-01 UTC. */
    day: integer('day').notNull(),
    companyId: integer('company_id').notNull(),
    bytes: bytea('bytes').notNull(),
    /** The walk's state at the day's beginning (domain/series/walk); null: no reading before. */
    carryIn: bytea('carry_in'),
    revision: integer('revision').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.meterId, t.channel, t.day] }),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/** Where the walk over a meter's series stands: the live register and the state to go on from. */
export const seriesHead = pgTable(
  'series_head',
  {
    meterId: integer('meter_id').notNull(),
    channel: smallint('channel').notNull(),
    companyId: integer('company_id').notNull(),
    carry: bytea('carry').notNull(),
    lastReadAt: instant('last_read_at').notNull(),
    /** As billed, unwrapped and by its factor: the meter's face may show another number. */
    lastValueWh: bigint('last_value_wh', { mode: 'bigint' }).notNull(),
    lastPowerW: integer('last_power_w'),
    /** Its own instant: powers come in any order, and with or without the register. */
    lastPowerAt: instant('last_power_at'),
    /**
     * The newest reading of the day in which the head stands (domain/series/newestReading). The
     * day's row has it only where it is the first of its slot: a further reading of the open slot
     * writes no day.
     */
    newest: bytea('newest'),
  },
  (t) => [
    primaryKey({ columns: [t.meterId, t.channel] }),
    foreignKey({ columns: [t.companyId, t.meterId], foreignColumns: [meter.companyId, meter.id] }),
  ],
);

/**
 * A rated amount with its reason: agreement, meter, billing period and tariff version, with the
 * kernel's accumulator from which its lines follow. What was posted for it stands beside it, so
 * the next posting is `round(exact so far) - posted`.
 */
export const charge = pgTable(
  'charge',
  {
    agreementId: integer('agreement_id').notNull(),
    meterId: integer('meter_id').notNull(),
    /** Begin of the billing period, a local month of the agreement's zone. */
    periodStart: instant('period_start').notNull(),
    tariffVersionId: integer('tariff_version_id').notNull(),
    companyId: integer('company_id').notNull(),
    accountId: integer('account_id').notNull(),
    /**
     * Of a meter's own sums, closed slots only: the open one is in amountMicros and comes again
     * with the next reading. Of a bill that is rated as a whole, all of its slots.
     */
    accumulator: bytea('accumulator').notNull(),
    /** Energy rated so far, the open slot included. */
    energyWh: bigint('energy_wh', { mode: 'bigint' }).notNull(),
    /** Charged so far = the sum of its postings. */
    amountMicros: bigint('amount_micros', { mode: 'bigint' }).notNull(),
    revision: integer('revision').notNull(),
    /** Up to when the bill has run; null once it is closed. */
    openUntil: instant('open_until'),
    /** What the bill before left and what this one leaves (domain/rating/carryCodec); null where
     * the tariff carries nothing. */
    carryIn: jsonb('carry_in'),
    carryOut: jsonb('carry_out'),
  },
  (t) => [
    primaryKey({ columns: [t.agreementId, t.meterId, t.periodStart, t.tariffVersionId] }),
    index().on(t.meterId, t.periodStart),
    index().on(t.accountId, t.periodStart),
    foreignKey({
      columns: [t.companyId, t.agreementId],
      foreignColumns: [agreement.companyId, agreement.id],
    }),
  ],
);

/** Energy that was metered and has no price yet: visible, and rated when the cause is gone. */
export const unratedEnergy = pgTable(
  'unrated_energy',
  {
    meterId: integer('meter_id').notNull(),
    /** Begin of the local month of the service point's zone. */
    periodStart: instant('period_start').notNull(),
    /** Why it has none: no agreement, no tariff, or what the rating refused. */
    code: text('code').notNull(),
    companyId: integer('company_id').notNull(),
    energyWh: bigint('energy_wh', { mode: 'bigint' }).notNull(),
    slotCount: integer('slot_count').notNull(),
  },
  (t) => [primaryKey({ columns: [t.meterId, t.periodStart, t.code] })],
);

/**
 * A closed bill that is not posted until somebody looks: of a key zone, the two engines differ on
 * it; or validation doubts the readings behind it.
 */
export const chargeHold = pgTable(
  'charge_hold',
  {
    agreementId: integer('agreement_id').notNull(),
    meterId: integer('meter_id').notNull(),
    periodStart: instant('period_start').notNull(),
    tariffVersionId: integer('tariff_version_id').notNull(),
    companyId: integer('company_id').notNull(),
    code: text('code', { enum: ['CHARGE_HELD', 'VEE_HELD'] }).notNull(),
    message: text('message').notNull(),
    heldAt: instant('held_at').notNull(),
    /** What the second engine bills more; null where it refused the bill. */
    differenceMicros: bigint('difference_micros', { mode: 'bigint' }),
  },
  (t) => [
    primaryKey({ columns: [t.agreementId, t.meterId, t.periodStart, t.tariffVersionId] }),
    // Those of a company by time, for who looks into them.
    index().on(t.companyId, t.heldAt),
    foreignKey({
      columns: [t.companyId, t.agreementId],
      foreignColumns: [agreement.companyId, agreement.id],
    }),
  ],
);

/**
 * Meters to be rated again from a day on, because prices, an agreement or time moved. One that
 * our own code cannot work off is set aside: it stays, with what went wrong, until it is asked for
 * anew.
 */
export const rerateDuty = pgTable(
  'rerate_duty',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    meterId: integer('meter_id').notNull(),
    /** Of the meter's edge, filled in by a trigger: whose rater it waits for. */
    logShard: smallint('log_shard').notNull(),
    fromDay: integer('from_day').notNull(),
    reason: text('reason').notNull(),
    /** A look at held-back rows goes on behind this edge, stream, epoch, sequence. */
    after: bigint('after', { mode: 'bigint' }).array(),
    /** When it was set aside, and why; null while it waits its turn. */
    failedAt: instant('failed_at'),
    failure: text('failure'),
  },
  (t) => [
    index().on(t.meterId),
    index()
      .on(t.logShard, t.id)
      .where(sql`${t.failedAt} is null`),
    check('rerate_duty_failure', sql`(${t.failedAt} is null) = (${t.failure} is null)`),
  ],
);
