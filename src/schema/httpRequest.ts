import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Viewer } from '../domain/access/viewer.ts';
import { requestBytesMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { PersistedDocuments } from './persistedDocuments.ts';

/** A refusal before GraphQL has a say, in the form that its clients read. */
export function answerError(
  response: ServerResponse,
  status: number,
  { code, message }: { readonly code: string; readonly message: string },
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}

/**
 * The body up to the limit. What is larger is not read to its end, and its connection is left open
 * for as long as it takes to say so.
 */
export function readBody(request: IncomingMessage): Promise<Outcome<Buffer, 'REQUEST_TOO_LARGE'>> {
  const tooLarge = refuse(
    'REQUEST_TOO_LARGE',
    `A request has at most ${requestBytesMax} bytes. Send less, or in parts.`,
  );
  if (Number(request.headers['content-length'] ?? 0) > requestBytesMax) {
    return Promise.resolve(tooLarge);
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let byteCount = 0;
    request.on('data', (chunk: Buffer) => {
      byteCount += chunk.length;
      if (byteCount <= requestBytesMax) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      resolve(tooLarge);
    });
    request.on('end', () => resolve(accept(Buffer.concat(chunks))));
    request.on('error', reject);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // JSON.parse has no other way to say no, and undefined is no JSON
  }
}

type Rewritten = { readonly url: string; readonly body: Buffer | null };
type RewriteRefusal = { readonly status: number; readonly code: string; readonly message: string };

function statusOf(code: string): number {
  switch (code) {
    case 'PERSISTED_OPERATION_REQUIRED':
      return 403;
    case 'PERSISTED_OPERATION_UNKNOWN':
      return 404;
    default:
      return 400;
  }
}

function withoutIds(raw: object, query: string): object {
  const entries = Object.entries(raw).filter(([name]) => name !== 'documentId');
  const request: Record<string, unknown> = Object.fromEntries(entries);
  const { extensions } = request;
  if (typeof extensions === 'object' && extensions !== null) {
    const kept = Object.entries(extensions).filter(([name]) => name !== 'persistedQuery');
    request['extensions'] = Object.fromEntries(kept);
  }
  return { ...request, query };
}

/**
 * Puts the document in the place of its id, so that everything behind sees a plain request, and
 * nothing behind can be given another document than the one that was looked up here.
 */
export async function rewriteRequest(
  documents: PersistedDocuments,
  viewer: Viewer,
  incoming: { readonly method: string; readonly url: string; readonly contentType: string },
  body: Buffer,
): Promise<{ ok: true; value: Rewritten } | ({ ok: false } & RewriteRefusal)> {
  if (incoming.method === 'GET') {
    const url = new URL(incoming.url, 'http://localhost');
    const { searchParams } = url;
    const extensions = searchParams.get('extensions');
    const raw = {
      query: searchParams.get('query'),
      documentId: searchParams.get('documentId'),
      extensions: extensions === null ? null : parseJson(extensions),
    };
    const document = await documents.documentFor(viewer, raw);
    if (!document.ok) return { ...document, status: statusOf(document.code) };
    searchParams.set('query', document.value);
    searchParams.delete('documentId');
    searchParams.delete('extensions');
    return { ok: true, value: { url: `${url.pathname}?${searchParams}`, body: null } };
  }
  // Only what browsers do not send to strangers without asking first.
  if (!/^application\/(?:graphql\+)?json\b/.test(incoming.contentType)) {
    const message = 'Send the request as application/json.';
    return { ok: false, status: 415, code: 'MEDIA_TYPE_UNSUPPORTED', message };
  }
  const raw = parseJson(body.toString('utf8'));
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    const message = 'The body is not one JSON object. Send {"query": ..., "variables": ...}.';
    return { ok: false, status: 400, code: 'REQUEST_INVALID', message };
  }
  const document = await documents.documentFor(viewer, raw);
  if (!document.ok) return { ...document, status: statusOf(document.code) };
  const rewritten = Buffer.from(JSON.stringify(withoutIds(raw, document.value)));
  return { ok: true, value: { url: incoming.url, body: rewritten } };
}
