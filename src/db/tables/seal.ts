import { bigint, index, integer, pgTable, primaryKey, smallint, text } from 'drizzle-orm/pg-core';
import { bytea, instant } from './registry.ts';

/** Keys that seals were signed with; the private ones are with the signer. Insert only. */
export const signingKey = pgTable('signing_key', {
  /** SHA-256 of the public key, first 16 bytes. */
  keyId: bytea('key_id').primaryKey(),
  /** Ed25519, 32 raw bytes. */
  publicKey: bytea('public_key').notNull(),
  knownSince: instant('known_since').notNull(),
});

/**
 * A block of a hash chain over what was written: the ids and hashes of rows of one table, in the
 * order of their transactions, with the hash of the block before and a signature. Insert only.
 */
export const seal = pgTable(
  'seal',
  {
    shard: smallint('shard').notNull(),
    ordinal: bigint('ordinal', { mode: 'bigint' }).notNull(),
    relation: text('relation').notNull(),
    rows: integer('rows').notNull(),
    /** Keys of the rows as the table's canonical form writes them, and their SHA-256. */
    keys: bytea('keys').notNull(),
    hashes: bytea('hashes').notNull(),
    /** Rows of this and later transactions are not sealed yet, as text of xid8. */
    xactBelow: text('xact_below').notNull(),
    previous: bytea('previous').notNull(),
    head: bytea('head').notNull(),
    sealedAt: instant('sealed_at').notNull(),
    keyId: bytea('key_id')
      .notNull()
      .references(() => signingKey.keyId),
    signature: bytea('signature').notNull(),
  },
  (t) => [primaryKey({ columns: [t.shard, t.ordinal] }), index().on(t.relation)],
);

/** A database that came back from a backup: nobody is cut until somebody has reconciled it. */
export const restoreMark = pgTable('restore_mark', {
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  /** Of the server and its timeline, as it was seen last. */
  systemId: text('system_id').notNull(),
  timeline: integer('timeline').notNull(),
  /** The newest transaction that was seen. */
  xactSeen: text('xact_seen').notNull(),
  kind: text('kind', { enum: ['seen', 'restored', 'reconciled'] }).notNull(),
  at: instant('at').notNull(),
  byWhom: text('by_whom').notNull(),
});
