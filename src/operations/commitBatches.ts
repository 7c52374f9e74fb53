import { createHash } from 'node:crypto';
import type { Sql, Transaction } from '../db/connect.ts';
import { contentFaultOf, contentFaultText } from '../db/faults.ts';
import { chainKey, noProgress, readProgress } from '../db/edgeProgress.ts';
import type { EdgeProgress } from '../db/edgeProgress.ts';
import { appendBatches, findGuards, guardKey, lockLogHead } from '../db/log.ts';
import type { Guarded, LogCandidate } from '../db/log.ts';
import { keepRefusals } from '../db/refusals.ts';
import type { Refusal } from '../db/refusals.ts';
import { assert } from '../domain/assert.ts';
import { parseEdgeId } from '../domain/ids.ts';
import type { EdgeId } from '../domain/ids.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Accepted, Refused } from '../domain/outcome.ts';
import { batchHashBytes, openEnvelope } from '../wire/batch.ts';
import type { Stream } from '../wire/batch.ts';
import { emsCodeOf } from '../wire/batchCode.ts';
import type { BatchCode } from '../wire/batchCode.ts';
import { derivedId } from './derivedId.ts';
import { hexOf, readEdgeKeys, verifyBatch } from './verifyBatch.ts';

/** Why a batch was not accepted. */
export type CommitCode = BatchCode;

/** A batch's own place, and how far its chain has come: what a receipt says besides its state. */
export type ChainPlace = {
  readonly edgeId: EdgeId;
  readonly stream: Stream;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly hash: Uint8Array;
  /** All sequences of the stream and epoch up to here are committed. */
  readonly contiguous: bigint;
  /** The first holes beyond it. */
  readonly missing: readonly { readonly from: bigint; readonly to: bigint }[];
};

export type Committed = ChainPlace & {
  readonly state: 'committed' | 'duplicate';
  /** Position in the log of the edge's shard. */
  readonly position: bigint;
};

/**
 * `place` where the edge that signed the batch is known, and its place in the edge's chain; `fault`
 * where our own code broke on it.
 */
export type CommitAnswer =
  | Accepted<Committed>
  | (Refused<CommitCode> & { readonly place?: ChainPlace; readonly fault?: unknown });

export type CommitDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
};

type Verdict =
  | { readonly state: Committed['state']; readonly position: bigint }
  | Refused<'BATCH_SEQUENCE_REUSED' | 'BATCH_CHAIN_BROKEN'>;

type Placed = { readonly candidate: LogCandidate; readonly index: number };

const noHash = hexOf(new Uint8Array(batchHashBytes));

function placeOf(candidate: LogCandidate, progress: EdgeProgress | undefined): ChainPlace {
  const edgeId = parseEdgeId(candidate.edgeId);
  assert(edgeId.ok, 'a registered edge has an id');
  const { contiguous, missing } = progress ?? noProgress;
  return {
    edgeId: edgeId.value,
    stream: candidate.stream === 1 ? 'billing' : 'telemetry',
    epoch: candidate.epoch,
    sequence: candidate.sequence,
    hash: candidate.hash,
    contiguous,
    missing,
  };
}

/** What the edge is to name. A hash that was refused is no link: only what is in the log is. */
function nameAgain(hash: Uint8Array, sequence: bigint): string {
  return (
    `${hexOf(hash)}: copy the hash of the last receipt that says committed or duplicate, never ` +
    `of a refused one, and send sequence ${sequence} again. An edge that lost its place begins ` +
    'a new epoch.'
  );
}

/**
 * Each batch names the one before, so a chain that was cut or forged does not fit; null where it
 * fits.
 */
function chainFault(batch: LogCandidate, known: ReadonlyMap<string, Guarded>): string | null {
  const { sequence } = batch;
  const previous = hexOf(batch.previousHash);
  if (sequence === 1n && previous !== noHash) return `the first of its epoch names ${noHash}.`;
  const before = known.get(guardKey(batch, sequence - 1n));
  if (before !== undefined && hexOf(before.hash) !== previous) {
    return `the batch before it in the log is ${nameAgain(before.hash, sequence)}`;
  }
  const said = known.get(guardKey(batch, sequence + 1n))?.previousHash;
  if (said === undefined || said === null || hexOf(said) === hexOf(batch.hash)) return null;
  return (
    `sequence ${sequence + 1n}, which is in the log, names ${hexOf(said)} as the one before. ` +
    'Send that batch, or begin a new epoch.'
  );
}

function judge(
  batch: LogCandidate,
  known: ReadonlyMap<string, Guarded>,
  nextPosition: bigint,
): Verdict {
  const { edgeId, sequence, epoch } = batch;
  const guarded = known.get(guardKey(batch, sequence));
  if (guarded !== undefined && hexOf(guarded.hash) === hexOf(batch.hash)) {
    return { state: 'duplicate', position: guarded.position };
  }
  if (guarded !== undefined) {
    const message =
      `Edge ${edgeId} sent sequence ${sequence} of epoch ${epoch} twice with different ` +
      'content. The first one stays; this one is kept aside. An edge that lost its ' +
      'place goes on in a higher epoch.';
    return refuse('BATCH_SEQUENCE_REUSED', message);
  }
  const fault = chainFault(batch, known);
  if (fault !== null) {
    const message =
      `Sequence ${sequence} of epoch ${epoch} of edge ${edgeId} is kept aside; its previous hash ` +
      `does not fit: ${fault}`;
    return refuse('BATCH_CHAIN_BROKEN', message);
  }
  return { state: 'committed', position: nextPosition };
}

function answerOf(
  verdict: Verdict,
  candidate: LogCandidate,
  progress: ReadonlyMap<string, EdgeProgress>,
): CommitAnswer {
  const place = placeOf(candidate, progress.get(chainKey(candidate)));
  return 'code' in verdict ? { ...verdict, place } : accept({ ...place, ...verdict });
}

/** One shard's batches; its head's lock makes look-up and append one. */
async function commitShard(
  tx: Transaction,
  clock: CommitDeps['clock'],
  { shard, batches }: { shard: number; batches: readonly Placed[] },
): Promise<ReadonlyMap<number, CommitAnswer>> {
  const candidates = batches.map(({ candidate }) => candidate);
  // Sent together, answered in this order: the look-ups run under the head's lock.
  const [head, known, before] = await Promise.all([
    lockLogHead(tx, shard),
    findGuards(tx, candidates),
    readProgress(tx, candidates),
  ]);
  const fresh: LogCandidate[] = [];
  const verdicts = batches.map(({ candidate, index }) => {
    const verdict = judge(candidate, known, head + BigInt(fresh.length + 1));
    if ('state' in verdict && verdict.state === 'committed') {
      fresh.push(candidate);
      const { hash, previousHash } = candidate;
      const { position } = verdict;
      known.set(guardKey(candidate, candidate.sequence), { hash, previousHash, position });
    }
    return { index, candidate, verdict };
  });
  const moved =
    fresh.length === 0
      ? new Map<string, EdgeProgress>()
      : await appendBatches(tx, fresh, { shard, head, receivedAtMs: clock.nowMs() });
  const progress = new Map([...before, ...moved]);
  return new Map(
    verdicts.map(({ index, candidate, verdict }) => [
      index,
      answerOf(verdict, candidate, progress),
    ]),
  );
}

/** What the sender and whoever looks into quarantine is told of a batch that broke its commit. */
function notStorable(fault: string): Refused<'BATCH_NOT_STORABLE'> {
  const message =
    `The database refuses to store it: ${contentFaultText(fault)}. It is kept aside, to be ` +
    'replayed when the fault is mended.';
  return refuse('BATCH_NOT_STORABLE', message);
}

/**
 * A shard's batches in one transaction. Where one of them cannot be stored, each by itself: the
 * culprit is refused and the others are in.
 */
async function commitGroup(
  { sql, clock }: CommitDeps,
  group: { readonly shard: number; readonly batches: readonly Placed[] },
): Promise<{ answered: ReadonlyMap<number, CommitAnswer>; refused: readonly Placed[] }> {
  const { shard, batches } = group;
  try {
    const answered = await sql.begin((tx) => commitShard(tx, clock, group));
    return { answered, refused: [] };
  } catch (error) {
    const fault = contentFaultOf(error);
    if (fault === null) throw error;
    const [only] = batches;
    if (batches.length === 1) {
      return { answered: new Map([[only.index, notStorable(fault)]]), refused: batches };
    }
  }
  const answered = new Map<number, CommitAnswer>();
  const refused: Placed[] = [];
  for (const each of batches) {
    const alone = await commitGroup({ sql, clock }, { shard, batches: [each] });
    for (const [index, answer] of alone.answered) answered.set(index, answer);
    refused.push(...alone.refused);
  }
  return { answered, refused };
}

function refusalOf(
  carried: Uint8Array,
  { code, message }: Refused<CommitCode>,
  {
    edge,
    receivedAtMs,
  }: {
    edge: { readonly companyId: number; readonly edgeId: number } | null;
    receivedAtMs: number;
  },
): Refusal {
  const hash = createHash('sha256').update(carried).digest();
  return {
    hash,
    code,
    message,
    companyId: edge?.companyId ?? null,
    edgeId: edge?.edgeId ?? null,
    receivedAtMs,
    // A batch over the limit is kept by its hash alone: storing it would lift the limit.
    carried: code === 'BATCH_TOO_LARGE' ? new Uint8Array(0) : carried,
    auditId: derivedId('batch.refuse', hexOf(hash), code),
    emsCode: emsCodeOf(code),
  };
}

/** One batch in the caller's transaction: it is in the log if what was decided with it is. */
export async function commitWithin(
  tx: Transaction,
  clock: CommitDeps['clock'],
  carried: Uint8Array,
): Promise<CommitAnswer> {
  const opened = openEnvelope(carried);
  const verified = verifyBatch(carried, opened, await readEdgeKeys(tx, [opened]));
  if (!verified.ok) return refuse(verified.code, verified.message);
  const { candidate } = verified.value;
  const batches = [{ candidate, index: 0 }];
  const answer = (await commitShard(tx, clock, { shard: candidate.shard, batches })).get(0);
  assert(answer !== undefined, 'the batch is answered');
  return answer;
}

/** A refused batch of a known edge hears how far its chain has come, too. */
async function placeRefused(
  sql: Sql,
  refused: readonly Placed[],
  answers: Map<number, CommitAnswer>,
): Promise<void> {
  if (refused.length === 0) return;
  const candidates = refused.map(({ candidate }) => candidate);
  const progress = await readProgress(sql, candidates);
  for (const { candidate, index } of refused) {
    const answer = answers.get(index);
    assert(answer?.ok === false, 'it was refused');
    const place = placeOf(candidate, progress.get(chainKey(candidate)));
    answers.set(index, { ...answer, place });
  }
}

/**
 * Appends signed batches to the log, each once, and answers in their order after the commit: an
 * accepted answer is the word that the edge may forget the batch. Nothing about tariffs or series
 * can delay or refuse it. What is not accepted is kept aside with its reason and one row of the
 * audit; so is one that the database cannot store. It throws only when the database is away or
 * wrong itself; sent again, nothing counts twice.
 */
export async function commitBatches(
  { sql, clock }: CommitDeps,
  carried: readonly Uint8Array[],
): Promise<readonly CommitAnswer[]> {
  const opened = carried.map(openEnvelope);
  const keys = await readEdgeKeys(sql, opened);
  const answers = new Map<number, CommitAnswer>();
  const edges = new Map<number, { readonly companyId: number; readonly edgeId: number }>();
  const shards = new Map<number, Placed[]>();
  const refused: Placed[] = [];
  for (const [index, envelope] of opened.entries()) {
    const verified = verifyBatch(carried[index], envelope, keys);
    const edge = verified.ok ? verified.value.edge : verified.edge;
    if (edge !== null) edges.set(index, edge);
    if (verified.ok) {
      const { candidate } = verified.value;
      const placed = shards.get(candidate.shard) ?? [];
      placed.push({ candidate, index });
      shards.set(candidate.shard, placed);
      continue;
    }
    const { code, message, candidate, fault } = verified;
    answers.set(index, { ...refuse(code, message), ...(fault !== undefined && { fault }) });
    if (candidate !== null) refused.push({ candidate, index });
  }
  for (const [shard, batches] of [...shards].toSorted(([a], [b]) => a - b)) {
    const done = await commitGroup({ sql, clock }, { shard, batches });
    for (const [index, answer] of done.answered) answers.set(index, answer);
    refused.push(...done.refused);
  }
  await placeRefused(sql, refused, answers);
  const receivedAtMs = clock.nowMs();
  const refusals: Refusal[] = [];
  const ordered = carried.map((bytes, index) => {
    const answer = answers.get(index);
    assert(answer !== undefined, 'every batch is answered');
    if (!answer.ok) {
      refusals.push(refusalOf(bytes, answer, { edge: edges.get(index) ?? null, receivedAtMs }));
    }
    return answer;
  });
  if (refusals.length > 0) await sql.begin((tx) => keepRefusals(tx, refusals));
  return ordered;
}
