import type { Transaction } from '../../db/connect.ts';
import {
  countChains,
  countQuarantined,
  countTransfers,
  streamRefusedBytes,
  withoutGuarded,
} from '../../db/reconciliation.ts';
import type { ChainCount } from '../../db/reconciliation.ts';
import { batchesMissingMsMax, quarantineLookMax } from '../../domain/limits.ts';
import { openEnvelope, streamNumberOf } from '../../wire/batch.ts';
import { decodeEnvelope } from '../../wire/openBatch.ts';
import type { Findings } from './finding.ts';

/** One chain of an edge's batches, from what it sent to what was posted. */
export type EdgeCount = {
  readonly edgeId: number;
  readonly edgeName: string;
  readonly stream: number;
  readonly epoch: number;
  /** The highest sequence that came: so many it must have sent. */
  readonly sent: bigint;
  readonly committed: bigint;
  /** Sent, not committed: to be sent again, or refused. */
  readonly missing: bigint;
  /** Of the missing ones, those whose bytes lie in quarantine. */
  readonly refused: bigint;
  readonly logged: bigint;
  /** Taken from the log by retention. */
  readonly dropped: bigint;
  readonly rated: bigint;
  readonly waiting: bigint;
  readonly readings: bigint;
  /** Of the edge: batches in quarantine that wait for somebody, transfers of its meters. */
  readonly quarantined: number;
  readonly transfers: bigint;
  readonly unexplained: number;
};

/**
 * Missing sequences of a chain that are known from refused bytes. Bytes under a number that another
 * batch has, sent twice or replayed since, say nothing of a hole.
 */
async function refusedOf(tx: Transaction, chain: ChainCount): Promise<readonly bigint[]> {
  const { edgeId, stream, epoch, sequenceMax } = chain;
  const sequences = new Set<bigint>();
  for await (const carried of streamRefusedBytes(tx, { edgeId, limit: quarantineLookMax })) {
    const envelope = openEnvelope(carried);
    const decoded = envelope.ok ? decodeEnvelope(envelope.value) : envelope;
    if (!decoded.ok) continue;
    const { batch } = decoded.value;
    const isOwn = batch.edgeId === edgeId && batch.epoch === epoch;
    const isStream = streamNumberOf(batch.stream) === stream;
    if (isOwn && isStream && batch.sequence <= sequenceMax) sequences.add(batch.sequence);
  }
  return withoutGuarded(tx, chain, [...sequences]);
}

function judgeChain(chain: ChainCount, refused: readonly bigint[], findings: Findings): void {
  const subject = `edge/${chain.edgeId}/${chain.stream}/${chain.epoch}`;
  const { contiguous, highest, batchCount, readingCount, committed, sequenceMax } = chain;
  const isProgress =
    contiguous !== null &&
    highest === sequenceMax &&
    batchCount === committed &&
    chain.committedToContiguous === contiguous &&
    !chain.isNextCommitted;
  if (!isProgress) {
    const whole = `up to ${highest ?? '-'}, without a hole to ${contiguous ?? '-'}`;
    const message =
      `progress says ${batchCount ?? 'no'} batches ${whole}; the guard has ${committed} up to ` +
      `${sequenceMax}`;
    findings.add('PROGRESS_DIFFERS', subject, message);
  }
  if (committed !== chain.logged + chain.dropped) {
    const message =
      `${committed} batches are committed, ${chain.logged} in the log and ${chain.dropped} ` +
      'dropped by retention';
    findings.add('LOG_DIFFERS', subject, message);
  }
  if (chain.dropped === 0n && readingCount !== chain.loggedReadings) {
    const told = readingCount ?? 'no';
    const message = `progress says ${told} readings, the log ${chain.loggedReadings}`;
    findings.add('READING_COUNT_DIFFERS', subject, message);
  }
  const { knownMax, knownMissing } = chain;
  const explained = refused.filter((sequence) => sequence <= knownMax).length;
  if (knownMissing > explained) {
    // Nothing that moves with each batch: the same holes are the same alarm.
    const message =
      `${knownMissing - BigInt(explained)} sequences from ${(contiguous ?? 0n) + 1n} on never ` +
      'came, asked for again for an hour. Look for the buffer of the edge before it is overwritten';
    findings.add('BATCHES_MISSING', subject, message);
  }
}

/** Every edge of a company: sent, committed, missing, rated, posted. */
export async function countEdges(
  tx: Transaction,
  { companyId, nowMs }: { readonly companyId: number; readonly nowMs: number },
  findings: Findings,
): Promise<readonly EdgeCount[]> {
  const knownByMs = nowMs - batchesMissingMsMax;
  const chains = await countChains(tx, { companyId, knownByMs });
  const quarantined = await countQuarantined(tx, companyId);
  const transfers = await countTransfers(tx, companyId);
  const counts: EdgeCount[] = [];
  for (const chain of chains) {
    const { edgeId, edgeName, stream, epoch, committed, rated, logged, dropped } = chain;
    const sent = chain.sequenceMax;
    const missing = sent - committed;
    const refused = missing === 0n ? [] : await refusedOf(tx, chain);
    const before = findings.count;
    judgeChain(chain, refused, findings);
    counts.push({
      edgeId,
      edgeName,
      stream,
      epoch,
      sent,
      committed,
      missing,
      refused: BigInt(refused.length),
      logged,
      dropped,
      rated,
      waiting: committed - rated,
      readings: chain.loggedReadings,
      quarantined: quarantined.get(edgeId) ?? 0,
      transfers: transfers.get(edgeId) ?? 0n,
      unexplained: findings.count - before,
    });
  }
  return counts;
}
