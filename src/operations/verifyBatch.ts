import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Statement } from '../db/connect.ts';
import { findEdgeKeys } from '../db/edges.ts';
import type { EdgeKeyRow } from '../db/edges.ts';
import type { LogCandidate } from '../db/log.ts';
import { qualityVoid } from '../domain/series/quality.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Accepted, Outcome, Refused } from '../domain/outcome.ts';
import { streamNumberOf, verifyEnvelope } from '../wire/batch.ts';
import type { Batch, OpenCode } from '../wire/batch.ts';
import type { BatchCode } from '../wire/batchCode.ts';
import type { Envelope } from '../wire/envelope.ts';
import { decodeEnvelope } from '../wire/openBatch.ts';

export type EdgeKey = { readonly row: EdgeKeyRow; readonly publicKey: KeyObject };
/** By the hex of their key id. */
export type EdgeKeys = ReadonlyMap<string, EdgeKey>;

export type VerifiedBatch = { readonly candidate: LogCandidate; readonly edge: EdgeKeyRow };

/** What is known of a batch that was refused; the edge only where its signature holds. */
export type RefusedBatch = Refused<BatchCode> & {
  readonly edge: EdgeKeyRow | null;
  /** Where it names its own place in the chain of the edge that signed it. */
  readonly candidate: LogCandidate | null;
  /** What our own code threw on it. */
  readonly fault?: unknown;
};

/** DER prefix of an Ed25519 SubjectPublicKeyInfo (RFC 8410, 4): the 32 key bytes follow. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function publicKeyOf(row: EdgeKeyRow): KeyObject {
  return createPublicKey({
    key: Buffer.concat([spkiPrefix, row.publicKey]),
    format: 'der',
    type: 'spki',
  });
}

export async function readEdgeKeys(
  statement: Statement,
  envelopes: readonly Outcome<Envelope, OpenCode>[],
): Promise<EdgeKeys> {
  const wanted = new Map<string, Uint8Array>();
  for (const envelope of envelopes) {
    if (envelope.ok) wanted.set(hexOf(envelope.value.keyId), envelope.value.keyId);
  }
  const rows = wanted.size === 0 ? [] : await findEdgeKeys(statement, [...wanted.values()]);
  return new Map(rows.map((row) => [hexOf(row.keyId), { row, publicKey: publicKeyOf(row) }]));
}

function spanOf(batch: Batch): Pick<LogCandidate, 'readingCount' | 'readFromMs' | 'readToMs'> {
  let readingCount = 0;
  let readFromMs = Infinity;
  let readToMs = -Infinity;
  for (const { readAtMs } of batch.blocks) {
    readingCount += readAtMs.length;
    for (const atMs of readAtMs) {
      if (atMs < readFromMs) readFromMs = atMs;
      if (atMs > readToMs) readToMs = atMs;
    }
  }
  return readingCount === 0
    ? { readingCount, readFromMs: null, readToMs: null }
    : { readingCount, readFromMs, readToMs };
}

function holdsEdits({ blocks }: Batch): boolean {
  return blocks.some(
    ({ revision, quality }) =>
      revision?.some((each) => each > 0) === true || quality.includes(qualityVoid),
  );
}

function refused(
  refusal: Refused<BatchCode>,
  edge: EdgeKeyRow | null = null,
  candidate: LogCandidate | null = null,
): RefusedBatch {
  return { ...refusal, edge, candidate };
}

/** Key, then signature: nothing is unpacked for somebody who is not known. */
function authenticate(envelope: Envelope, keys: EdgeKeys): Accepted<EdgeKeyRow> | RefusedBatch {
  const key = keys.get(hexOf(envelope.keyId));
  if (key === undefined) {
    const keyId = hexOf(envelope.keyId);
    const message = `No edge signs with key ${keyId}. Register it, then send again.`;
    return refused(refuse('BATCH_KEY_UNKNOWN', message));
  }
  const isSigned = verifyEnvelope(envelope, key.publicKey);
  if (key.row.isRevoked) {
    const message =
      `Key ${hexOf(envelope.keyId)} was revoked. Give the gateway a new key and register it; ` +
      'an operator can correct what it signed: ems-cli quarantine correct.';
    return refused(refuse('BATCH_KEY_REVOKED', message), isSigned ? key.row : null);
  }
  if (!isSigned) {
    const message =
      'The signature does not fit: the bytes were changed on the way (curl: --data-binary, not ' +
      '-d), another key signed them, or the domain text of their form was not signed before them.';
    return refused(refuse('BATCH_SIGNATURE_WRONG', message));
  }
  return accept(key.row);
}

/** What a known edge has signed. */
function judgeContent(
  carried: Uint8Array,
  envelope: Envelope,
  edge: EdgeKeyRow,
): Accepted<VerifiedBatch> | RefusedBatch {
  const decoded = decodeEnvelope(envelope);
  if (!decoded.ok) return refused(decoded, edge);
  const { batch, hash } = decoded.value;
  if (batch.edgeId !== edge.edgeId) {
    const message =
      `Edge ${edge.edgeId} signed a batch in the name of edge ${batch.edgeId}. ` +
      'Set the edge id of the gateway to the one its key is registered for.';
    return refused(refuse('BATCH_EDGE_FOREIGN', message), edge);
  }
  const candidate: LogCandidate = {
    companyId: edge.companyId,
    edgeId: edge.edgeId,
    stream: streamNumberOf(batch.stream),
    epoch: batch.epoch,
    sequence: batch.sequence,
    hash,
    previousHash: batch.previousHash,
    shard: edge.logShard,
    ...spanOf(batch),
    carried,
  };
  if (!edge.isOffice && holdsEdits(batch)) {
    const message =
      'The batch edits or voids readings, which an office alone may do. Send readings as read ' +
      '(revision 0), and have an operator edit them.';
    return refused(refuse('BATCH_REVISION_FOREIGN', message), edge, candidate);
  }
  return accept({ candidate, edge });
}

function notJudged(fault: unknown, edge: EdgeKeyRow): RefusedBatch {
  const what = fault instanceof Error ? fault.name : 'error';
  const message =
    `Our own code broke on it (${what}); the log of the process says where. It is kept aside, ` +
    'to be replayed when the fault is mended.';
  return { ...refused(refuse('BATCH_NOT_JUDGED', message), edge), fault };
}

/**
 * Order of the checks: size and envelope (`opened`), key, signature, bounded inflate, decode, edge,
 * revision. Cheap ones first, and each only for who has passed the one before. A fault of ours in
 * judging one batch is that batch's answer: it stops no other.
 */
export function verifyBatch(
  carried: Uint8Array,
  opened: Outcome<Envelope, OpenCode>,
  keys: EdgeKeys,
): Accepted<VerifiedBatch> | RefusedBatch {
  if (!opened.ok) return refused(opened);
  const sender = authenticate(opened.value, keys);
  if (!sender.ok) return sender;
  try {
    return judgeContent(carried, opened.value, sender.value);
  } catch (fault) {
    return notJudged(fault, sender.value);
  }
}
