import { z } from 'zod';
import type { Sql } from '../db/connect.ts';
import { findPersistedOperation } from '../db/persistedOperations.ts';
import { asViewer } from '../db/viewer.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { persistedOperationsCachedMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { persistedOperationId } from '../operations/registerPersistedOperation.ts';

/**
 * A request as it comes over any transport. The id is `documentId` (GraphQL over HTTP, appendix A)
 * or the older `extensions.persistedQuery`.
 */
const requestShape = z.looseObject({
  query: z.string().nullish(),
  documentId: z.string().max(80).nullish(),
  extensions: z
    .looseObject({
      persistedQuery: z.looseObject({ sha256Hash: z.string().max(80) }).optional(),
    })
    .nullish(),
});

const idPattern = /^sha256:[0-9a-f]{64}$/;

export type DocumentCode =
  | 'PERSISTED_OPERATION_UNKNOWN'
  | 'PERSISTED_OPERATION_MISMATCH'
  | 'PERSISTED_OPERATION_REQUIRED'
  | 'REQUEST_INVALID';

export type PersistedDocuments = {
  /** The document to run for a request, which a partner may only name and never bring. */
  documentFor(viewer: Viewer, request: unknown): Promise<Outcome<string, DocumentCode>>;
};

const unknown = refuse(
  'PERSISTED_OPERATION_UNKNOWN',
  'No operation is registered under this id. Register the document first, and send the id ' +
    'that registering it answered.',
);

/** What is registered never changes, so what was found once is kept. */
export function createPersistedDocuments(sql: Sql): PersistedDocuments {
  const known = new Map<string, string>();
  const find = async (viewer: Viewer, id: string): Promise<string | null> => {
    if (!idPattern.test(id)) return null;
    const { companyId } = viewer;
    const key = `${companyId}/${id}`;
    const kept = known.get(key);
    if (kept !== undefined) return kept;
    const row = await asViewer(sql, viewer, (tx) => findPersistedOperation(tx, { companyId, id }));
    if (row === null) return null;
    if (known.size >= persistedOperationsCachedMax) known.clear();
    known.set(key, row.document);
    return row.document;
  };
  return {
    async documentFor(viewer, raw) {
      const parsed = requestShape.safeParse(raw);
      if (!parsed.success) {
        const message = 'Send one object with "query" or "documentId", and "variables".';
        return refuse('REQUEST_INVALID', message);
      }
      const { query, documentId, extensions } = parsed.data;
      const hash = extensions?.persistedQuery?.sha256Hash;
      const id = documentId ?? (hash === undefined ? null : `sha256:${hash}`);
      if (id === null) {
        if (viewer.persistedOnly) {
          return refuse(
            'PERSISTED_OPERATION_REQUIRED',
            'This token may run registered operations only. Send "documentId" without a query; ' +
              'over WebSocket with query: "" beside it, which the protocol asks for.',
          );
        }
        return typeof query === 'string'
          ? accept(query)
          : refuse('REQUEST_INVALID', 'Send a "query" or a "documentId".');
      }
      if (typeof query === 'string' && query !== '' && persistedOperationId(query) !== id) {
        const message = 'The query is not the document of this id. Send the id alone.';
        return refuse('PERSISTED_OPERATION_MISMATCH', message);
      }
      const document = await find(viewer, id);
      return document === null ? unknown : accept(document);
    },
  };
}
