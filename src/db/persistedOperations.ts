import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';

export type PersistedOperationRow = {
  /** `sha256:` and the digest of the document in hex. */
  readonly id: string;
  readonly name: string;
  readonly document: string;
  readonly registeredAt: Date;
};

export async function findPersistedOperation(
  statement: Statement,
  { companyId, id }: { readonly companyId: number; readonly id: string },
): Promise<PersistedOperationRow | null> {
  const [row] = await statement<PersistedOperationRow[]>`
    select id, name, document, registered_at as "registeredAt"
    from persisted_operation where company_id = ${companyId} and id = ${id}`;
  return row ?? null;
}

/** True when it was not registered before. The same document again changes nothing. */
export async function insertPersistedOperation(
  tx: Statement,
  operation: {
    readonly companyId: number;
    readonly id: string;
    readonly name: string;
    readonly document: string;
    readonly registeredAtMs: number;
    readonly registeredBy: string;
  },
): Promise<boolean> {
  const inserted = await tx`
    insert into persisted_operation
      (company_id, id, name, document, registered_at, registered_by)
    values (${operation.companyId}, ${operation.id}, ${operation.name}, ${operation.document},
            ${new Date(operation.registeredAtMs)}, ${operation.registeredBy})
    on conflict (company_id, id) do nothing`;
  return inserted.count === 1;
}

/** Newest first. */
export async function pagePersistedOperations(
  tx: Statement,
  page: TimePage,
): Promise<PersistedOperationRow[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  return tx<PersistedOperationRow[]>`
    select id, name, document, registered_at as "registeredAt" from persisted_operation
    where (registered_at, id) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (registered_at, id) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by registered_at ${page.inverted ? tx`` : tx`desc`},
             id ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}
