import type { Statement } from '../db/connect.ts';
import { findLostBatches, readDroppedRuns, readLogged, readLogShards } from '../db/logKeeping.ts';
import type { DroppedRun, LoggedBatch, LogShard } from '../db/logKeeping.ts';
import { findingsToldMax, logReadBatches } from '../domain/limits.ts';
import { openEnvelope, streamNumberOf } from '../wire/batch.ts';
import { decodeEnvelope } from '../wire/openBatch.ts';
import type { OpenedBatch } from './logRows.ts';
import { StoredKeys } from './storedKeys.ts';

export type LogFindingCode =
  | 'POSITION_MISSING'
  | 'ENVELOPE_BROKEN'
  | 'CONTENT_BROKEN'
  | 'KEY_UNKNOWN'
  | 'SIGNATURE_BROKEN'
  | 'PLACE_DIFFERS'
  | 'COUNT_DIFFERS'
  | 'HASH_DIFFERS'
  | 'GUARD_MISSING'
  | 'CHAIN_BROKEN'
  | 'AUTHOR_MISSING'
  | 'BATCH_LOST';

export type LogFinding = {
  readonly code: LogFindingCode;
  readonly shard: number;
  readonly position: bigint;
  readonly message: string;
};

export type LogReport = {
  readonly batches: number;
  readonly readings: number;
  /** Batches that retention took, which nobody can check any more. */
  readonly dropped: bigint;
  readonly findingCount: number;
  /** The first of them, in the order of shard and position. */
  readonly findings: readonly LogFinding[];
};

export type LogStep = { readonly shard: number; readonly position: bigint; readonly head: bigint };

type Say = (code: LogFindingCode, message: string) => void;

function isSame(left: Uint8Array | null, right: Uint8Array): boolean {
  return left !== null && Buffer.compare(left, right) === 0;
}

function span({ batch }: OpenedBatch): { count: number; from: number; to: number } {
  let [count, from, to] = [0, Infinity, -Infinity];
  for (const { readAtMs } of batch.blocks) {
    count += readAtMs.length;
    for (const atMs of readAtMs) {
      from = Math.min(from, atMs);
      to = Math.max(to, atMs);
    }
  }
  return { count, from, to };
}

function checkPlace(row: LoggedBatch, opened: OpenedBatch, say: Say): void {
  const { batch } = opened;
  const stream = streamNumberOf(batch.stream);
  const isOwn =
    batch.edgeId === row.edgeId &&
    stream === row.stream &&
    batch.epoch === row.epoch &&
    batch.sequence === row.sequence;
  if (!isOwn) {
    const told = `${batch.edgeId}/${stream}/${batch.epoch}/${batch.sequence}`;
    say('PLACE_DIFFERS', `its bytes say edge/stream/epoch/sequence ${told}`);
  }
  const { count, from, to } = span(opened);
  const isCounted =
    count === row.readingCount &&
    (count === 0 || (row.readFrom?.getTime() === from && row.readTo?.getTime() === to));
  if (!isCounted) say('COUNT_DIFFERS', `its bytes hold ${count} readings of another span`);
}

function checkGuard(row: LoggedBatch, { hash, batch }: OpenedBatch, say: Say): void {
  if (row.guardHash === null) {
    say('GUARD_MISSING', 'the guard does not know it: it could be taken in twice');
  } else if (!isSame(row.guardHash, hash)) {
    say('HASH_DIFFERS', 'its bytes are not those whose hash the guard has');
  } else if (row.guardShard !== row.shard || row.guardPosition !== row.position) {
    say('GUARD_MISSING', `the guard has it at ${row.guardShard}/${row.guardPosition}`);
  }
  const isFirst = row.sequence === 1n;
  const before = isFirst ? new Uint8Array(batch.previousHash.length) : row.previousHash;
  // A batch before that never came, or of a chain that began anew, says nothing.
  if (before !== null && !isSame(before, batch.previousHash)) {
    say('CHAIN_BROKEN', `it does not follow on sequence ${row.sequence - 1n} of its edge`);
  }
  if (row.isOffice && !row.hasOfficeRow) {
    say('AUTHOR_MISSING', 'an office batch without author and reason');
  }
}

class Verification {
  readonly keys = new StoredKeys();
  readonly findings: LogFinding[] = [];
  findingCount = 0;
  batches = 0;
  readings = 0;

  sayer({ shard, position }: Pick<LogFinding, 'shard' | 'position'>): Say {
    return (code, message) => {
      this.findingCount += 1;
      if (this.findings.length < findingsToldMax) {
        this.findings.push({ code, shard, position, message });
      }
    };
  }

  open(row: LoggedBatch): OpenedBatch | null {
    const say = this.sayer(row);
    const envelope = openEnvelope(row.carried);
    if (!envelope.ok) {
      say('ENVELOPE_BROKEN', envelope.message);
      return null;
    }
    const decoded = decodeEnvelope(envelope.value);
    if (!decoded.ok) {
      say('CONTENT_BROKEN', decoded.message);
      return null;
    }
    return { stored: row, envelope: envelope.value, ...decoded.value };
  }

  check(row: LoggedBatch, opened: OpenedBatch): void {
    const say = this.sayer(row);
    const { keyId, keyState, isValid } = this.keys.factOf(opened);
    if (keyState === 'unknown' || keyState === 'foreign') {
      say('KEY_UNKNOWN', `key ${keyId} is not registered for its edge`);
    } else if (!isValid) {
      say('SIGNATURE_BROKEN', `the signature of key ${keyId} does not hold over its bytes`);
    }
    checkPlace(row, opened, say);
    checkGuard(row, opened, say);
    this.batches += 1;
    this.readings += span(opened).count;
  }
}

async function verifyShard(
  { sql, onStep }: VerifyDeps,
  verification: Verification,
  { shard, head, dropped }: LogShard & { readonly dropped: readonly DroppedRun[] },
): Promise<void> {
  let after = 0n;
  const skipTo = (position: bigint): void => {
    for (let missing = after + 1n; missing < position; missing += 1n) {
      const run = dropped.find(
        (each) => each.positionMin <= missing && missing <= each.positionMax,
      );
      if (run !== undefined) {
        missing = run.positionMax < position ? run.positionMax : position - 1n;
        continue;
      }
      verification.sayer({ shard, position: missing })('POSITION_MISSING', 'no batch stands there');
    }
  };
  for (;;) {
    const wanted = { shard, after, through: head, batchesMax: logReadBatches };
    const rows = await readLogged(sql, wanted);
    const opened = rows.map((row) => ({ row, batch: verification.open(row) }));
    await verification.keys.load(
      sql,
      opened.flatMap(({ batch }) => (batch === null ? [] : [batch])),
    );
    for (const { row, batch } of opened) {
      skipTo(row.position);
      after = row.position;
      if (batch !== null) verification.check(row, batch);
    }
    onStep({ shard, position: after, head });
    if (rows.length < logReadBatches) break;
  }
  skipTo(head + 1n);
  const lost = await findLostBatches(sql, { shard, through: head, limit: findingsToldMax });
  for (const { position, edgeId, epoch, sequence } of lost.first) {
    const name = `edge ${edgeId}, epoch ${epoch}, sequence ${sequence}`;
    const message = `the guard has ${name} there, and the log has not`;
    verification.sayer({ shard, position })('BATCH_LOST', message);
  }
}

export type VerifyDeps = {
  /** Under joulebook_writer, or of whoever may read the log. */
  readonly sql: Statement;
  onStep(step: LogStep): void;
};

/**
 * Reads the log from end to end and checks that every batch is what its edge signed, stands once
 * where the guard has it, follows on the batch before, and that no position is missing. Needs no
 * running system; what is appended meanwhile is left to the next time.
 */
export async function verifyLog(deps: VerifyDeps): Promise<LogReport> {
  const verification = new Verification();
  const runs = await readDroppedRuns(deps.sql);
  for (const shard of await readLogShards(deps.sql)) {
    const dropped = runs.filter((run) => run.shard === shard.shard);
    await verifyShard(deps, verification, { ...shard, dropped });
  }
  const { batches, readings, findingCount, findings } = verification;
  const dropped = runs.reduce((sum, { batchCount }) => sum + batchCount, 0n);
  return { batches, readings, dropped, findingCount, findings };
}
