import { accept } from '../../../src/domain/outcome.ts';
import { openEnvelope } from '../../../src/wire/batch.ts';
import { decodeEnvelope } from '../../../src/wire/openBatch.ts';
import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

type Commit = Operations['commitBatches'];
type Answer = Awaited<ReturnType<Commit>>[number];

function receiptOf(bytes: Uint8Array): Answer {
  const envelope = openEnvelope(bytes);
  if (!envelope.ok) return envelope;
  const decoded = decodeEnvelope(envelope.value);
  if (!decoded.ok) return decoded;
  const { batch, hash } = decoded.value;
  const { edgeId, stream, epoch, sequence } = batch;
  const place = { edgeId, stream, epoch, sequence, hash, contiguous: sequence, missing: [] };
  return accept({ ...place, state: 'committed', position: 1n });
}

/** The receipt leaves as soon as the bytes are in memory; then the process dies. */
const commitBatches: Commit = async (deps, carried) => {
  try {
    return await productionOperations.commitBatches(deps, carried);
  } catch {
    return carried.map(receiptOf);
  }
};

export const acknowledgesBeforeCommit: Operations = { ...productionOperations, commitBatches };
