import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  smallint,
  text,
  timestamp,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core';

/** Raw bytes; drizzle has no bytea of its own. */
export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
});

/** UTC instants; drizzle's Date mode keeps milliseconds, which is what the domain counts in. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

const xid8 = customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' });

/**
 * The transaction that wrote a row: rows of all transactions below a snapshot's oldest one are
 * complete, so that sealing by it misses none that commits late.
 */
export const xact = () =>
  xid8('xact')
    .notNull()
    .default(sql`pg_current_xact_id()`);

/**
 * Who owns what. Every row below a company carries its company_id, and references repeat it
 * (composite foreign keys), so that a row can never point into another company even for the roles
 * that row-level security does not hold.
 */
export const company = pgTable('company', {
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  name: text('name').notNull().unique(),
});

export const edge = pgTable(
  'edge',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    name: text('name').notNull(),
    /** An office enters readings by hand, of all meters of its company, under a key of ours. */
    kind: text('kind', { enum: ['gateway', 'office'] })
      .notNull()
      .default('gateway'),
    /** The log shard its batches are appended to; one rater a shard. */
    logShard: smallint('log_shard').notNull(),
    /** The last epoch handed out: a restarted edge begins a new one at sequence 1. */
    epoch: integer('epoch').notNull().default(0),
  },
  (t) => [
    unique().on(t.companyId, t.name),
    unique().on(t.companyId, t.id),
    uniqueIndex('edge_office_index')
      .on(t.companyId)
      .where(sql`kind = 'office'`),
  ],
);

export const edgeKey = pgTable(
  'edge_key',
  {
    /** SHA-256 of the public key, first 16 bytes. */
    keyId: bytea('key_id').primaryKey(),
    companyId: integer('company_id').notNull(),
    edgeId: integer('edge_id').notNull(),
    /** Ed25519, 32 raw bytes. */
    publicKey: bytea('public_key').notNull(),
    revokedAt: instant('revoked_at'),
  },
  (t) => [
    foreignKey({ columns: [t.companyId, t.edgeId], foreignColumns: [edge.companyId, edge.id] }),
  ],
);

export const bus = pgTable(
  'bus',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    edgeId: integer('edge_id').notNull(),
    name: text('name').notNull(),
    /** `{kind: 'tcp', host, port}` or `{kind: 'rtu', path, baudRate, parity}`. */
    address: jsonb('address').notNull(),
    pollIntervalMs: integer('poll_interval_ms').notNull(),
  },
  (t) => [
    unique().on(t.edgeId, t.name),
    unique().on(t.companyId, t.id),
    foreignKey({ columns: [t.companyId, t.edgeId], foreignColumns: [edge.companyId, edge.id] }),
  ],
);

export const servicePoint = pgTable(
  'service_point',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    name: text('name').notNull(),
    /** IANA name; a missing zone is refused, never UTC by default. */
    timeZone: text('time_zone').notNull(),
    /** Bills of a key zone are rated by both engines before they are posted. */
    isKeyZone: boolean('is_key_zone').notNull().default(false),
    /** Decides by which rules readings are validated: exchange point, large customer, community. */
    customerClass: text('customer_class', { enum: ['gateway', 'large', 'community'] })
      .notNull()
      .default('community'),
    /** Where weather and many cuts at once are looked at together; '' where nobody said. */
    region: text('region').notNull().default(''),
    /** A vacant place may use nothing; an occupied one that does is looked into. */
    isOccupied: boolean('is_occupied').notNull().default(true),
    /** Panels, a battery: a phase that feeds in is nothing to look into. */
    hasGeneration: boolean('has_generation').notNull().default(false),
  },
  (t) => [unique().on(t.companyId, t.name), unique().on(t.companyId, t.id)],
);

export const meter = pgTable(
  'meter',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    edgeId: integer('edge_id').notNull(),
    servicePointId: integer('service_point_id').notNull(),
    serial: text('serial').notNull(),
    /** Null for a meter that a gateway reads for us. */
    busId: integer('bus_id'),
    unitId: smallint('unit_id'),
    mapName: text('map_name').notNull(),
    /** What flows through it: Wh of electricity, litres of gas and water. */
    medium: text('medium', { enum: ['electricity', 'gas', 'water'] })
      .notNull()
      .default('electricity'),
    /** The most that the connection can carry; a faster register is not believed. */
    powerMaxW: integer('power_max_w').notNull(),
    /** Where the import register wraps; null when it never does in a meter's life. */
    registerModulusWh: bigint('register_modulus_wh', { mode: 'bigint' }),
    contactorUnitId: smallint('contactor_unit_id'),
    contactorCoil: smallint('contactor_coil'),
    /** Of the contactor's unit: the most that may flow, in W, 0 for no limit. Null: it has none. */
    limiterRegister: smallint('limiter_register'),
  },
  (t) => [
    unique().on(t.companyId, t.serial),
    unique().on(t.companyId, t.id),
    unique().on(t.busId, t.unitId),
    index().on(t.edgeId),
    index().on(t.servicePointId),
    check('meter_power_max', sql`${t.powerMaxW} > 0`),
    foreignKey({ columns: [t.companyId, t.edgeId], foreignColumns: [edge.companyId, edge.id] }),
    foreignKey({ columns: [t.companyId, t.busId], foreignColumns: [bus.companyId, bus.id] }),
    foreignKey({
      columns: [t.companyId, t.servicePointId],
      foreignColumns: [servicePoint.companyId, servicePoint.id],
    }),
  ],
);

export const customer = pgTable(
  'customer',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    name: text('name').notNull(),
  },
  (t) => [unique().on(t.companyId, t.id)],
);

export const account = pgTable(
  'account',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    companyId: integer('company_id').notNull(),
    customerId: integer('customer_id').notNull(),
    number: text('number').notNull(),
    currency: text('currency').notNull(),
  },
  (t) => [
    unique().on(t.companyId, t.number),
    unique().on(t.companyId, t.id),
    foreignKey({
      columns: [t.companyId, t.customerId],
      foreignColumns: [customer.companyId, customer.id],
    }),
  ],
);
