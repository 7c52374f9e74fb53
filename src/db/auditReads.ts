import type { Statement } from './connect.ts';
import type { AuditRow } from './seals.ts';

/** The newest audit rows of a company; null where any will do. */
export function readAudit(
  tx: Statement,
  of: {
    readonly companyId: number;
    readonly subject: string | null;
    readonly actor: string | null;
    readonly limit: number;
  },
): Promise<readonly AuditRow[]> {
  return tx<AuditRow[]>`
    select id, company_id as "companyId", at, actor, action, subject, before, after
    from audit_entry
    where company_id = ${of.companyId}
      and (${of.subject}::text is null or subject = ${of.subject}::text)
      and (${of.actor}::text is null or actor = ${of.actor}::text)
    order by at desc, id limit ${of.limit}`;
}
