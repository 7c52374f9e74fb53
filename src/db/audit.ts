import { assert } from '../domain/assert.ts';
import type { Statement } from './connect.ts';
import type { Json } from './events.ts';

export type AuditEntry = {
  readonly id: string;
  /** Null where nobody knows whose it is; only the writer may say so. */
  readonly companyId: number | null;
  readonly atMs: number;
  readonly actor: string;
  /** Verb and noun, such as `command.request`. */
  readonly action: string;
  /** What it was done to, such as `meter/12`. */
  readonly subject: string;
  readonly before: Json;
  readonly after: Json;
};

/** In the transaction of the change itself: there is no change without its row. */
export async function insertAudit(tx: Statement, entry: AuditEntry): Promise<void> {
  const count = await insert(tx, entry, false);
  assert(count === 1, 'an audit row is written');
}

/** The same of what may be tried again: a refusal that repeats is one row. */
export async function insertAuditOnce(tx: Statement, entry: AuditEntry): Promise<void> {
  await insert(tx, entry, true);
}

async function insert(tx: Statement, entry: AuditEntry, isOnce: boolean): Promise<number> {
  const [before, after] = [entry.before, entry.after].map((value) =>
    value === null ? null : JSON.stringify(value),
  );
  const inserted = await tx`
    insert into audit_entry (id, company_id, at, actor, action, subject, before, after)
    values (${entry.id}::uuid, ${entry.companyId}, ${new Date(entry.atMs)}, ${entry.actor},
            ${entry.action}, ${entry.subject}, ${before ?? null}::text::jsonb,
            ${after ?? null}::text::jsonb)
    ${isOnce ? tx`on conflict do nothing` : tx``}`;
  return inserted.count;
}
