import { createHash } from 'node:crypto';
import { insertAudit } from '../db/audit.ts';
import { insertPersistedOperation } from '../db/persistedOperations.ts';
import { asViewer } from '../db/viewer.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import { operationNameLengthMax, requestBytesMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { derivedId } from './derivedId.ts';
import type { RequestDeps } from './onceByKey.ts';

export type RegisterCode = 'NOT_PERMITTED' | 'OPERATION_NAME_MALFORMED' | 'OPERATION_TOO_LARGE';

/** GraphQL over HTTP, appendix A: the id of a document is its digest. */
export function persistedOperationId(document: string): string {
  return `sha256:${createHash('sha256').update(document).digest('hex')}`;
}

/**
 * Lets a partner send this document. Whether it fits the schema is for the caller to have checked.
 * The id is the document's own digest, so a repeat finds itself and changes nothing.
 */
export async function registerPersistedOperation(
  { sql, clock }: RequestDeps,
  viewer: Viewer,
  { name, document }: { readonly name: string; readonly document: string },
): Promise<Outcome<{ readonly id: string; readonly isReplay: boolean }, RegisterCode>> {
  if (!isAllowed(viewer.role, 'Mutation.registerPersistedOperation')) {
    return refuse('NOT_PERMITTED', 'Ask an administrator or a developer to register it.');
  }
  if (name.trim() === '' || name.length > operationNameLengthMax) {
    const message = `Give the operation a name of 1 to ${operationNameLengthMax} characters.`;
    return refuse('OPERATION_NAME_MALFORMED', message, ['name']);
  }
  if (Buffer.byteLength(document) > requestBytesMax) {
    const message = `A document has at most ${requestBytesMax} bytes. Split it.`;
    return refuse('OPERATION_TOO_LARGE', message, ['document']);
  }
  const id = persistedOperationId(document);
  const nowMs = clock.nowMs();
  const isNew = await asViewer(sql, viewer, async (tx) => {
    const { companyId } = viewer;
    const inserted = await insertPersistedOperation(tx, {
      companyId,
      id,
      name,
      document,
      registeredAtMs: nowMs,
      registeredBy: viewer.actor,
    });
    if (!inserted) return false;
    await insertAudit(tx, {
      id: derivedId('audit', 'persisted_operation', String(companyId), id),
      companyId,
      atMs: nowMs,
      actor: viewer.actor,
      action: 'persistedOperation.register',
      subject: id,
      before: null,
      after: { name },
    });
    return true;
  });
  return accept({ id, isReplay: !isNew });
}
