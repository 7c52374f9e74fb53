import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';
import type { AuditRow } from './seals.ts';

export type AuditFilter = {
  readonly companyId: number;
  /** Null where any will do. */
  readonly subject: string | null;
  readonly actor: string | null;
  /** Not before the one and before the other. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
};

/** A page of a company's audit, newest first. */
export async function pageAudit(
  tx: Statement,
  of: AuditFilter,
  page: TimePage,
): Promise<AuditRow[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  const from = of.fromMs === null ? '-infinity' : new Date(of.fromMs).toISOString();
  const to = of.toMs === null ? 'infinity' : new Date(of.toMs).toISOString();
  return tx<AuditRow[]>`
    select id, company_id as "companyId", at, actor, action, subject, before, after
    from audit_entry
    where company_id = ${of.companyId}
      and (${of.subject}::text is null or subject = ${of.subject}::text)
      and (${of.actor}::text is null or actor = ${of.actor}::text)
      and at >= ${from}::text::timestamptz and at < ${to}::text::timestamptz
      and (at, id::text) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (at, id::text) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by at ${page.inverted ? tx`` : tx`desc`}, id::text ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}
