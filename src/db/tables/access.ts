import { index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, company, instant, xact } from './registry.ts';

/** A client's key, written in the transaction that did the work: a repeat gets the same answer. */
export const idempotencyKey = pgTable(
  'idempotency_key',
  {
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    key: uuid('key').notNull(),
    operation: text('operation').notNull(),
    /** Keys belong to who made them: a stranger's key is a fresh one. */
    actor: text('actor').notNull(),
    inputHash: bytea('input_hash').notNull(),
    result: jsonb('result').notNull(),
    at: instant('at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.companyId, t.actor, t.key] })],
);

/** GraphQL documents that a company's partners may send, by `sha256:` id. */
export const persistedOperation = pgTable(
  'persisted_operation',
  {
    companyId: integer('company_id')
      .notNull()
      .references(() => company.id),
    id: text('id').notNull(),
    name: text('name').notNull(),
    document: text('document').notNull(),
    registeredAt: instant('registered_at').notNull(),
    registeredBy: text('registered_by').notNull(),
  },
  (t) => [primaryKey({ columns: [t.companyId, t.id] })],
);

/** Who changed what, when: one row in the transaction of each change. Insert only. */
export const auditEntry = pgTable(
  'audit_entry',
  {
    id: uuid('id').primaryKey(),
    /** Null where nobody knows whose it was, such as a batch under an unknown key. */
    companyId: integer('company_id'),
    at: instant('at').notNull(),
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    subject: text('subject').notNull(),
    before: jsonb('before'),
    after: jsonb('after'),
    xact: xact(),
  },
  (t) => [
    index().on(t.companyId, t.at),
    index().on(t.companyId, t.subject, t.at),
    index().on(t.xact),
  ],
);
