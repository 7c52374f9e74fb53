import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { rateJob } from '../../src/domain/rating/job.ts';
import { recordMark } from '../../src/operations/recordMark.ts';
import type { RecordMarkInput } from '../../src/operations/recordMark.ts';
import { replayLog } from '../../src/operations/replayLog.ts';
import type { BillsGround } from './billsGround.ts';

export function depsOf({ api, clock }: BillsGround) {
  return { sql: api.sql, clock, wake: () => {} };
}

/** Of the main register of M1, and rated with what it changes. */
export async function mark(
  ground: BillsGround,
  given: Partial<RecordMarkInput> & { atMs: number },
) {
  const recorded = await recordMark(depsOf(ground), ground.viewer, {
    idempotencyKey: randomUUID(),
    meterId: ground.meter('M1'),
    channel: 1,
    kind: 'factor',
    finalValue: null,
    startValue: null,
    factor: null,
    reason: 'seen on the meter',
    ...given,
  });
  await ground.rateAll();
  return recorded;
}

/** The log rated anew into empty tables, beside what is stored. */
export function replayed({ url }: BillsGround) {
  return replayLog({
    ownerUrl: url,
    seed: `marks ${process.pid} ${randomUUID()}`,
    rate: async (job) => rateJob(job),
    onStep: () => {},
  });
}

export async function expectReplayed(ground: BillsGround): Promise<void> {
  const answer = await replayed(ground);
  expect(answer).toMatchObject({ ok: true, value: { differences: [], differenceCount: 0 } });
}

/** Codes in the order of their readings. */
export async function exceptionsOf(ground: BillsGround): Promise<readonly string[]> {
  const rows = await ground.database.sql<{ code: string; stream: number }[]>`
    select code, stream from reading_exception order by read_at, code`;
  return rows.map((row) => row.code);
}
