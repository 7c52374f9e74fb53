import { parseEdgeId } from '../../../src/domain/ids.ts';
import { batchHash, signBatch } from '../../../src/wire/batch.ts';
import type { Batch } from '../../../src/wire/batch.ts';
import { encodeBatch } from '../../../src/wire/encodeBatch.ts';
import type { TestEdge } from './edge.ts';

export type MadeBatch = { readonly carried: Uint8Array; readonly hash: Uint8Array };

/** One signed batch with every field at hand, for what a well-behaved sender would not send. */
export function makeBatch(
  edge: TestEdge,
  { edgeId, ...fields }: Partial<Omit<Batch, 'edgeId'>> & { readonly edgeId: number },
): MadeBatch {
  const parsed = parseEdgeId(edgeId);
  if (!parsed.ok) throw new Error(parsed.message);
  const payload = encodeBatch({
    edgeId: parsed.value,
    epoch: 1,
    sequence: 1n,
    previousHash: new Uint8Array(32),
    createdAtMs: Date.UTC(2026, 0, 1),
    stream: 'billing',
    blocks: [],
    ...fields,
  });
  return { carried: signBatch(payload, edge), hash: batchHash(payload) };
}

/** So many chained batches from sequence 1. */
export function makeChain(
  edge: TestEdge,
  fields: Parameters<typeof makeBatch>[1] & { readonly length: number },
): readonly MadeBatch[] {
  const { length, ...rest } = fields;
  const made: MadeBatch[] = [];
  for (let index = 0; index < length; index += 1) {
    const previousHash = made.at(-1)?.hash ?? new Uint8Array(32);
    made.push(makeBatch(edge, { ...rest, sequence: BigInt(index + 1), previousHash }));
  }
  return made;
}
