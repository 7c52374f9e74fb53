import type { Statement } from '../../db/connect.ts';
import { countStraightThrough, readOfficeBatches } from '../../db/straightThrough.ts';
import type { StraightThroughMonth, TouchedReading } from '../../db/straightThrough.ts';
import { assert } from '../../domain/assert.ts';
import { officeBatchesCountedMax, straightThroughMonthsMax } from '../../domain/vee/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { openEnvelope } from '../../wire/batch.ts';
import { batchOfEnvelope } from '../../wire/openBatch.ts';

export type StraightThroughCode = 'WINDOW_EMPTY' | 'WINDOW_TOO_LONG';

function touchedIn(carried: Uint8Array): readonly TouchedReading[] {
  const envelope = openEnvelope(carried);
  assert(envelope.ok, 'a batch of the log is signed');
  const batch = batchOfEnvelope(envelope.value);
  assert(batch.ok, 'a batch of the log can be decoded');
  return batch.value.blocks.flatMap(({ meterId, readAtMs }) =>
    Array.from(meterId, (id, row) => ({ meterId: id, atMs: readAtMs[row] })),
  );
}

/**
 * How many of the closed bills of some months nobody touched: no hold stands on them, nobody
 * entered or edited a reading of them, marked a register or had to say anything to a decision.
 */
export async function straightThrough(
  tx: Statement,
  window: { readonly fromMs: number; readonly toMs: number },
): Promise<Outcome<readonly StraightThroughMonth[], StraightThroughCode>> {
  const { fromMs, toMs } = window;
  if (toMs <= fromMs) return refuse('WINDOW_EMPTY', 'The window ends before it begins.', ['to']);
  if (toMs - fromMs > straightThroughMonthsMax * 31 * dayMs) {
    const message = `A window has at most ${straightThroughMonthsMax} months; ask for fewer.`;
    return refuse('WINDOW_TOO_LONG', message, ['to']);
  }
  const batches = await readOfficeBatches(tx, { ...window, limit: officeBatchesCountedMax });
  return accept(await countStraightThrough(tx, window, batches.flatMap(touchedIn)));
}
