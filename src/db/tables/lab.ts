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
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import { company, instant } from './registry.ts';
import { agreement } from './tariff.ts';

export const simulationStates = ['waiting', 'running', 'done', 'cancelled'] as const;

/**
 * A draft tariff rated over the history of some agreements. Nothing of it is ever posted: no row
 * here is read by rating, and none refers to the ledger.
 */
export const simulation = pgTable(
  'simulation',
  {
    id: uuid('id').primaryKey(),
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    requestedBy: text('requested_by').notNull(),
    requestedAt: instant('requested_at').notNull(),
    /** The draft as it came. */
    document: jsonb('document').notNull(),
    /** Of the draft, when it is a published version. */
    tariffVersionId: integer('tariff_version_id'),
    currency: text('currency').notNull(),
    /** Local months, `2026-03`, both of them rated. */
    fromMonth: text('from_month').notNull(),
    throughMonth: text('through_month').notNull(),
    state: text('state', { enum: simulationStates }).notNull(),
    agreementCount: integer('agreement_count').notNull(),
    doneCount: integer('done_count').notNull(),
    finishedAt: instant('finished_at'),
  },
  (t) => [
    unique().on(t.companyId, t.id),
    index().on(t.companyId, t.requestedAt),
    index().on(t.state),
    check('simulation_progress', sql`${t.doneCount} between 0 and ${t.agreementCount}`),
  ],
);

/** One agreement of a simulation: waiting, and then its two totals or why it has none. */
export const simulationAgreement = pgTable(
  'simulation_agreement',
  {
    simulationId: uuid('simulation_id').notNull(),
    agreementId: integer('agreement_id').notNull(),
    companyId: integer('company_id').notNull(),
    state: text('state', { enum: ['waiting', 'rated', 'refused'] }).notNull(),
    /** As the agreement said it when it was rated. */
    customerClass: text('customer_class'),
    energyWh: bigint('energy_wh', { mode: 'bigint' }),
    /** Sums of bills, each as the ledger would post it: to the micro. */
    beforeMicros: bigint('before_micros', { mode: 'bigint' }),
    afterMicros: bigint('after_micros', { mode: 'bigint' }),
    /** The same by local month, in parallel columns. */
    months: text('months').array(),
    monthBeforeMicros: bigint('month_before_micros', { mode: 'bigint' }).array(),
    monthAfterMicros: bigint('month_after_micros', { mode: 'bigint' }).array(),
    /** Codes of what the bills were warned of, such as SLOTS_MISSING. */
    warnings: text('warnings').array(),
    code: text('code'),
    message: text('message'),
  },
  (t) => [
    primaryKey({ columns: [t.simulationId, t.agreementId] }),
    index().on(t.simulationId, t.state, t.agreementId),
    check(
      'simulation_agreement_result',
      sql`(${t.state} = 'rated') = (${t.beforeMicros} is not null and ${t.afterMicros} is not null)
        and (${t.state} = 'refused') = (${t.code} is not null)`,
    ),
    foreignKey({
      columns: [t.companyId, t.simulationId],
      foreignColumns: [simulation.companyId, simulation.id],
    }),
    foreignKey({
      columns: [t.companyId, t.agreementId],
      foreignColumns: [agreement.companyId, agreement.id],
    }),
  ],
);
