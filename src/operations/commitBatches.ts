import { createHash, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Sql } from '../db/connect.ts';
import { findEdgeKeys } from '../db/edges.ts';
import type { EdgeKeyRow } from '../db/edges.ts';
import { appendBatches, findGuards, lockLogHead, quarantineBatches } from '../db/log.ts';
import type { LogCandidate, Quarantined } from '../db/log.ts';
import { assert } from '../domain/assert.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { openEnvelope, verifyEnvelope } from '../wire/batch.ts';
import type { Batch, OpenCode } from '../wire/batch.ts';
import type { DecodeCode } from '../wire/decodeBatch.ts';
import type { Envelope } from '../wire/envelope.ts';
import { decodeEnvelope } from '../wire/openBatch.ts';

export type CommitCode =
  | OpenCode
  | DecodeCode
  | 'BATCH_KEY_UNKNOWN'
  | 'BATCH_SIGNATURE_WRONG'
  | 'BATCH_EDGE_FOREIGN'
  | 'BATCH_SEQUENCE_REUSED';

export type Committed = {
  readonly state: 'committed' | 'duplicate';
  readonly edgeId: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly hash: Uint8Array;
  /** Position in the log of the edge's shard. */
  readonly position: bigint;
};

export type CommitDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
};

type Verified = LogCandidate & { readonly index: number };

/** DER prefix of an Ed25519 SubjectPublicKeyInfo (RFC 8410, 4): the 32 key bytes follow. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

function publicKeyOf(row: EdgeKeyRow): KeyObject {
  return createPublicKey({
    key: Buffer.concat([spkiPrefix, row.publicKey]),
    format: 'der',
    type: 'spki',
  });
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function keyOf({ edgeId, stream, epoch, sequence }: LogCandidate): string {
  return `${edgeId}/${stream}/${epoch}/${sequence}`;
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

/** Order of the checks: size, envelope, key, signature, decode, edge. Cheap ones first. */
function verifyOne(
  carried: Uint8Array,
  keys: ReadonlyMap<string, { row: EdgeKeyRow; publicKey: KeyObject }>,
  opened: Outcome<Envelope, OpenCode>,
): Outcome<LogCandidate, CommitCode> & { edge?: EdgeKeyRow } {
  if (!opened.ok) return opened;
  const envelope = opened.value;
  const key = keys.get(hexOf(envelope.keyId));
  if (key === undefined) {
    return refuse(
      'BATCH_KEY_UNKNOWN',
      `No edge signs with key ${hexOf(envelope.keyId)}. Register the edge's key, then send again.`,
    );
  }
  if (!verifyEnvelope(envelope, key.publicKey)) {
    return refuse(
      'BATCH_SIGNATURE_WRONG',
      'The signature does not fit: the bytes were changed on the way, or another key signed them.',
    );
  }
  const decoded = decodeEnvelope(envelope);
  if (!decoded.ok) return { ...decoded, edge: key.row };
  const { batch, hash } = decoded.value;
  if (batch.edgeId !== key.row.edgeId) {
    const refused = refuse(
      'BATCH_EDGE_FOREIGN',
      `Edge ${key.row.edgeId} signed a batch in the name of edge ${batch.edgeId}.`,
    );
    return { ...refused, edge: key.row };
  }
  return accept({
    companyId: key.row.companyId,
    edgeId: batch.edgeId,
    stream: batch.stream === 'billing' ? 1 : 2,
    epoch: batch.epoch,
    sequence: batch.sequence,
    hash,
    shard: key.row.logShard,
    ...spanOf(batch),
    carried,
  });
}

async function readKeys(
  sql: Sql,
  envelopes: readonly Outcome<Envelope, OpenCode>[],
): Promise<Map<string, { row: EdgeKeyRow; publicKey: KeyObject }>> {
  const wanted = new Map<string, Uint8Array>();
  for (const envelope of envelopes) {
    if (envelope.ok) wanted.set(hexOf(envelope.value.keyId), envelope.value.keyId);
  }
  const rows = wanted.size === 0 ? [] : await findEdgeKeys(sql, [...wanted.values()]);
  return new Map(rows.map((row) => [hexOf(row.keyId), { row, publicKey: publicKeyOf(row) }]));
}

function committed(
  state: Committed['state'],
  { edgeId, epoch, sequence, hash }: LogCandidate,
  position: bigint,
): Outcome<Committed, CommitCode> {
  return accept({ state, edgeId, epoch, sequence, hash, position });
}

/** One shard's batches in one transaction; its head's lock makes look-up and append one. */
async function commitShard(
  { sql, clock }: CommitDeps,
  shard: number,
  batches: readonly Verified[],
): Promise<ReadonlyMap<number, Outcome<Committed, CommitCode>>> {
  return sql.begin(async (tx) => {
    // Sent together, answered in this order: the look-up runs under the head's lock.
    const [head, known] = await Promise.all([lockLogHead(tx, shard), findGuards(tx, batches)]);
    const answers = new Map<number, Outcome<Committed, CommitCode>>();
    const fresh: Verified[] = [];
    for (const batch of batches) {
      const guarded = known.get(keyOf(batch));
      if (guarded === undefined) {
        fresh.push(batch);
        const position = head + BigInt(fresh.length);
        known.set(keyOf(batch), { hash: batch.hash, position });
        answers.set(batch.index, committed('committed', batch, position));
      } else if (hexOf(guarded.hash) === hexOf(batch.hash)) {
        answers.set(batch.index, committed('duplicate', batch, guarded.position));
      } else {
        const message =
          `Edge ${batch.edgeId} sent sequence ${batch.sequence} of epoch ${batch.epoch} twice ` +
          'with different content. The first one stays; this one is kept aside. Check the edge.';
        answers.set(batch.index, refuse('BATCH_SEQUENCE_REUSED', message));
      }
    }
    if (fresh.length > 0) {
      await appendBatches(tx, fresh, { shard, head, receivedAtMs: clock.nowMs() });
    }
    return answers;
  });
}

function quarantined(
  carried: Uint8Array,
  refused: Refused<CommitCode>,
  {
    edge,
    receivedAtMs,
  }: { edge: Pick<EdgeKeyRow, 'companyId' | 'edgeId'> | null; receivedAtMs: number },
): Quarantined {
  return {
    hash: createHash('sha256').update(carried).digest(),
    code: refused.code,
    message: refused.message,
    companyId: edge?.companyId ?? null,
    edgeId: edge?.edgeId ?? null,
    receivedAtMs,
    // A batch over the limit is kept by its hash alone: storing it would lift the limit.
    carried: refused.code === 'BATCH_TOO_LARGE' ? new Uint8Array(0) : carried,
  };
}

/**
 * Appends signed batches to the log, each once, and answers in their order after the commit: an
 * accepted answer is the word that the edge may forget the batch. Nothing about tariffs or series
 * can delay or refuse it. A batch that is not accepted goes to quarantine with its reason.
 */
export async function commitBatches(
  deps: CommitDeps,
  carried: readonly Uint8Array[],
): Promise<readonly Outcome<Committed, CommitCode>[]> {
  const envelopes = carried.map(openEnvelope);
  const keys = await readKeys(deps.sql, envelopes);
  const answers = new Map<number, Outcome<Committed, CommitCode>>();
  const edges = new Map<number, EdgeKeyRow>();
  const shards = new Map<number, Verified[]>();
  for (const [index, opened] of envelopes.entries()) {
    const verified = verifyOne(carried[index], keys, opened);
    if (verified.ok) {
      const batch = { ...verified.value, index };
      shards.set(batch.shard, [...(shards.get(batch.shard) ?? []), batch]);
    } else {
      answers.set(index, verified);
      if (verified.edge !== undefined) edges.set(index, verified.edge);
    }
  }
  for (const [shard, batches] of [...shards].toSorted(([a], [b]) => a - b)) {
    for (const [index, answer] of await commitShard(deps, shard, batches))
      answers.set(index, answer);
    for (const batch of batches) {
      const key = [...keys.values()].find(({ row }) => row.edgeId === batch.edgeId);
      if (key !== undefined) edges.set(batch.index, key.row);
    }
  }
  const receivedAtMs = deps.clock.nowMs();
  const refused: Quarantined[] = [];
  const ordered = carried.map((bytes, index) => {
    const answer = answers.get(index);
    assert(answer !== undefined, 'every batch is answered');
    if (!answer.ok) {
      refused.push(quarantined(bytes, answer, { edge: edges.get(index) ?? null, receivedAtMs }));
    }
    return answer;
  });
  await quarantineBatches(deps.sql, refused);
  return ordered;
}
