import type { Statement } from '../db/connect.ts';
import { readBatchesTouching } from '../db/logReads.ts';
import type { ArrivalKey, StoredBatch } from '../db/logReads.ts';
import { assert } from '../domain/assert.ts';
import { logReadBatches } from '../domain/limits.ts';
import { slotMs } from '../domain/rating/slot.ts';
import { correctedInstant } from '../domain/series/clockOffset.ts';
import { qualityActual, qualityVoid } from '../domain/series/quality.ts';
import { openEnvelope } from '../wire/batch.ts';
import type { Batch, RegisterBlock } from '../wire/batch.ts';
import type { Envelope } from '../wire/envelope.ts';
import { decodeEnvelope } from '../wire/openBatch.ts';

/** A batch of the log, opened. It was verified before it was appended. */
export type OpenedBatch = {
  readonly stored: StoredBatch;
  readonly envelope: Envelope;
  readonly batch: Batch;
  readonly hash: Uint8Array;
};

export function openStored(stored: StoredBatch): OpenedBatch {
  const where = `log entry ${stored.shard}/${stored.position}`;
  const envelope = openEnvelope(stored.carried);
  assert(envelope.ok, `${where} is a signed batch`);
  const decoded = decodeEnvelope(envelope.value);
  assert(decoded.ok, `${where} decodes`);
  return { stored, envelope: envelope.value, ...decoded.value };
}

/** One reading as the log has it. */
export type LogRow = {
  readonly opened: OpenedBatch;
  readonly block: RegisterBlock;
  /** Within its block. */
  readonly index: number;
  /** Within its batch, over all blocks: as exceptions and the series name it. */
  readonly row: number;
  /** When it was taken, the device's clock corrected as the series does it. */
  readonly atMs: number;
  readonly quality: number;
  readonly revision: number;
};

/** The rows of a batch that are about some meters. */
export function rowsOf(opened: OpenedBatch, isWanted: (meterId: number) => boolean): LogRow[] {
  const rows: LogRow[] = [];
  let firstRow = 0;
  for (const block of opened.batch.blocks) {
    for (let index = 0; index < block.meterId.length; index += 1) {
      if (!isWanted(block.meterId[index])) continue;
      const readAtMs = block.readAtMs[index];
      const corrected = correctedInstant(readAtMs, block.clockOffsetMs?.[index] ?? 0);
      const qualityMin = corrected.ok ? corrected.value.qualityMin : qualityActual;
      rows.push({
        opened,
        block,
        index,
        row: firstRow + index,
        // A drifted clock's reading belongs to no instant: it is held back, at its own word.
        atMs: corrected.ok ? corrected.value.atMs : readAtMs,
        quality: Math.max(block.quality[index], qualityMin),
        revision: block.revision?.[index] ?? 0,
      });
    }
    firstRow += block.meterId.length;
  }
  return rows;
}

/** A void counts as ACTUAL where two of one revision meet. */
function rankedQuality(quality: number): number {
  return quality === qualityVoid ? 0 : quality;
}

function compareBigints(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** What decides between readings of one instant, and nothing of the batch around it. */
export type Rank = {
  readonly revision: number;
  readonly quality: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly row: number;
  readonly value: bigint;
};

export function rankOf({ opened, block, index, row, quality, revision }: LogRow): Rank {
  const { epoch, sequence } = opened.batch;
  return { revision, quality, epoch, sequence, row, value: block.value[index] };
}

/**
 * The order of readings of one meter, channel and instant, the winner last: revision, quality,
 * epoch, sequence, row, value; never arrival. Written apart from the series on purpose.
 */
export function compareRank(a: Rank, b: Rank): number {
  return (
    a.revision - b.revision ||
    rankedQuality(b.quality) - rankedQuality(a.quality) ||
    a.epoch - b.epoch ||
    compareBigints(a.sequence, b.sequence) ||
    a.row - b.row ||
    compareBigints(a.value, b.value)
  );
}

export type ReadingName = {
  readonly meterId: number;
  readonly channel: number;
  readonly atMs: number;
};

const billingStream = 1;

/** All that the log has of one register at one instant, in the order of arrival. */
export async function logRowsAt(
  tx: Statement,
  { meterId, channel, atMs }: ReadingName,
  edgeIds: readonly number[],
): Promise<LogRow[]> {
  const rows: LogRow[] = [];
  let beyond: ArrivalKey | null = null;
  for (;;) {
    const batches = await readBatchesTouching(tx, {
      edgeIds,
      // A clock's offset moves an instant by a slot at most.
      fromMs: atMs - slotMs,
      toMs: atMs + slotMs + 1,
      beyond,
      isBackwards: false,
      batchesMax: logReadBatches,
    });
    for (const stored of batches) {
      if (stored.stream !== billingStream) continue; // telemetry stands in no series
      const opened = openStored(stored);
      for (const row of rowsOf(opened, (id) => id === meterId)) {
        if (row.block.channel === channel && row.atMs === atMs) rows.push(row);
      }
    }
    const last: ArrivalKey | undefined = batches.at(-1);
    if (last === undefined || batches.length < logReadBatches) return rows;
    beyond = last;
  }
}
