import { expect } from 'vitest';
import { takeEpoch } from '../../src/db/edges.ts';
import { keyIdOf } from '../../src/db/fleet.ts';
import type { Bell } from '../../src/domain/bell.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { batchHash, signBatch } from '../../src/wire/batch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import type { RaterOptions } from '../../src/workers/rater.ts';
import { edgeKeys, startMs } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';

/** A register of 1 kWh a quarter hour says by itself when it is read. */
const readAtMsOf = (wh: bigint): number => startMs - 86_400_000 + Number(wh) * 900;

/** One batch a reading of a meter each, a quarter hour apart, each 1 kWh further. */
export async function commitOf(
  ground: Ground,
  serials: readonly string[],
  firstWh: bigint,
): Promise<void> {
  const edgeId = ground.fleet.edges.get('head-end')?.edgeId;
  if (edgeId === undefined) throw new Error('the fleet has its edge');
  const { sql } = ground.writer;
  const epoch = await takeEpoch(sql, edgeId);
  const raw = edgeKeys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const key = { privateKey: edgeKeys.privateKey, keyId: keyIdOf(raw) };
  let previousHash: Uint8Array = new Uint8Array(32);
  const carried = serials.map((serial, index) => {
    const wh = firstWh + BigInt(index) * 1_000n;
    const payload = encodeBatch({
      edgeId,
      epoch,
      sequence: BigInt(index + 1),
      previousHash,
      createdAtMs: startMs,
      stream: 'billing',
      blocks: [
        {
          channel: 1,
          unit: 30,
          scaler: 0,
          meterId: Int32Array.of(ground.fleet.meters.get(serial) ?? 0),
          readAtMs: Float64Array.of(readAtMsOf(wh)),
          value: BigInt64Array.of(wh),
          quality: new Uint8Array(1),
        },
      ],
    });
    previousHash = batchHash(payload);
    return signBatch(payload, key);
  });
  const answers = await commitBatches({ sql, clock: ground.clock }, carried);
  expect(answers.every((answer) => answer.ok)).toBe(true);
}

export function raterOptions(ground: Ground, bells: Bell[]): RaterOptions {
  return {
    sql: ground.writer.sql,
    clock: ground.clock,
    rate: (job) => Promise.resolve(rateJob(job)),
    wake: (bell) => bells.push(bell),
    report: () => {},
    sweepMs: 60_000,
  };
}

/** In which the reading of that register lies. */
export function slotOfWh(wh: bigint): number {
  return Math.floor(readAtMsOf(wh) / 900_000);
}

export function sqlFault(code: string): Error {
  return Object.assign(new Error('planted, by Postgres'), { code });
}
