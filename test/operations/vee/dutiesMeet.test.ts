import { afterAll, beforeAll, expect, test } from 'vitest';
import { readVeeDuties, settleVeeDuties, upsertVeeDuties } from '../../../src/db/veeFacts.ts';
import { noon, openOfficeGround } from '../officeGround.ts';
import type { OfficeGround } from '../officeGround.ts';

let here: OfficeGround;
beforeAll(async () => {
  here = await openOfficeGround('vee_duties_meet');
});
afterAll(() => here.close());

async function duties(): Promise<readonly number[]> {
  const rows = await here.writer.sql<{ id: number }[]>`select meter_id as id from vee_duty`;
  return rows.map(({ id }) => id);
}

const shard = 0;

test('what a rater finds while its meter is validated is a duty behind it', async () => {
  const { sql } = here.writer;
  const [meterId] = here.meterIds;
  const { companyId } = here.fleet;
  await upsertVeeDuties(sql, [{ meterId, companyId, fromMs: noon }]);
  const found: Promise<void>[] = [];
  await sql.begin(async (tx) => {
    expect(await readVeeDuties(tx, { shard, dutiesMax: 4 })).toMatchObject([
      { meterId, fromMs: noon },
    ]);
    // The rater of another shard, whose bill is of this meter too, and later than what is due.
    found.push(upsertVeeDuties(sql, [{ meterId, companyId, fromMs: noon + 1 }]));
    const isAwaited = async () => {
      const [{ waits }] = await tx<[{ waits: boolean }]>`
        select exists (select from pg_locks where not granted
                       and transactionid = pg_current_xact_id()::xid) as waits`;
      return waits;
    };
    await expect.poll(isAwaited).toBe(true);
    await settleVeeDuties(tx, [{ meterId, fromMs: noon, nextFromMs: null }]);
  });
  await Promise.all(found);
  expect(await duties()).toEqual([meterId]);
});

test('a duty that a rater leaves just now is for the next validation', async () => {
  const { sql } = here.writer;
  const [meterId] = here.meterIds;
  const { companyId } = here.fleet;
  await sql.begin(async (rater) => {
    await upsertVeeDuties(rater, [{ meterId, companyId, fromMs: noon + 2 }]);
    await sql.begin(async (tx) => {
      expect(await readVeeDuties(tx, { shard, dutiesMax: 4 })).toEqual([]);
    });
  });
  const left = await sql.begin((tx) => readVeeDuties(tx, { shard, dutiesMax: 4 }));
  expect(left).toHaveLength(1);
});
