import type { Statement } from './connect.ts';

/**
 * One person's yes, once however often it is said. Returns everybody who has said it by now; the
 * caller holds a lock, so that two who say it at once are counted one after the other.
 */
export async function addApproval(
  tx: Statement,
  approval: {
    readonly companyId: number;
    readonly subject: string;
    readonly actor: string;
    readonly reason: string;
    readonly atMs: number;
  },
): Promise<{ readonly isNew: boolean; readonly actors: readonly string[] }> {
  const { companyId, subject, actor } = approval;
  const said = await tx`
    insert into approval (company_id, subject, actor, reason, at)
    values (${companyId}, ${subject}, ${actor}, ${approval.reason}, ${new Date(approval.atMs)})
    on conflict do nothing`;
  const rows = await tx<{ actor: string }[]>`
    select actor from approval where company_id = ${companyId} and subject = ${subject}
    order by at, actor`;
  return { isNew: said.count > 0, actors: rows.map((row) => row.actor) };
}

/** Of the first yes to it; null while nobody has said one. */
export async function findFirstApproval(
  tx: Statement,
  { companyId, subject }: { readonly companyId: number; readonly subject: string },
): Promise<Date | null> {
  const [row] = await tx<{ at: Date | null }[]>`
    select min(at) as at from approval where company_id = ${companyId} and subject = ${subject}`;
  return row?.at ?? null;
}

/**
 * The first yes to other content of the same name, which begins the subject and ends with a slash:
 * `0` is the byte behind it. Null where nobody has said one.
 */
export async function findOtherApproval(
  tx: Statement,
  query: { readonly companyId: number; readonly name: string; readonly subject: string },
): Promise<{ readonly subject: string; readonly actor: string } | null> {
  const [row] = await tx<{ subject: string; actor: string }[]>`
    select subject, actor from approval
    where company_id = ${query.companyId} and subject <> ${query.subject}
      and subject collate "C" >= ${`${query.name}/`} and subject collate "C" < ${`${query.name}0`}
    order by at, actor limit 1`;
  return row ?? null;
}

/** What a yes was about, as its audit row tells; null where it was about no amount. */
export async function findApprovedMicros(tx: Statement, auditId: string): Promise<bigint | null> {
  const [row] = await tx<{ micros: bigint | null }[]>`
    select (after->>'amountMicros')::int8 as micros from audit_entry where id = ${auditId}::uuid`;
  return row?.micros ?? null;
}

/** Who has said yes to it since an instant, in the order in which they did. */
export async function readApprovers(
  tx: Statement,
  query: { readonly companyId: number; readonly subject: string; readonly sinceMs: number },
): Promise<readonly string[]> {
  const rows = await tx<{ actor: string }[]>`
    select actor from approval
    where company_id = ${query.companyId} and subject = ${query.subject}
      and at >= ${new Date(query.sinceMs)}
    order by at, actor`;
  return rows.map(({ actor }) => actor);
}
