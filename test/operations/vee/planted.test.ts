import { expect, test } from 'vitest';
import { findHoldFaults } from '../../../src/db/holdFaults.ts';
import { rateJob } from '../../../src/domain/rating/job.ts';
import { replayLog } from '../../../src/operations/replayLog.ts';
import { bills, dayMs, flat, june } from '../billsGround.ts';
import type { BillsGround } from '../billsGround.ts';

/** A month of 9.6 kWh a day, and then one of 28.8 kWh a day: held by the default rules. */
async function heldGround(name: string): Promise<BillsGround> {
  const ground = await bills(name, flat('0.25'));
  let wh = 0;
  const readings = Array.from({ length: 60 * 96 + 2 }, (_, at) => {
    wh += at <= 30 * 96 ? 100 : 300;
    return { atMs: june - 30 * dayMs + at * 900_000, wh };
  });
  await ground.read(readings);
  return ground;
}

function replay({ url }: BillsGround) {
  const seed = `planted ${url}`;
  return replayLog({ ownerUrl: url, seed, rate: async (job) => rateJob(job), onStep: () => {} });
}

test('the log rated anew makes the same decisions and holds the same bills', async () => {
  const ground = await heldGround('vee_replay');
  expect(await findHoldFaults(ground.database.sql)).toEqual([]);
  expect(await replay(ground)).toMatchObject({ ok: true, value: { differences: [] } });
});

test('a decision that was lost is found by rating the log anew', async () => {
  const ground = await heldGround('vee_planted_lost');
  await ground.database.sql`update vee_decision set withdrawn_at = now() where outcome = 'hold'`;
  const replayed = await replay(ground);
  const codes = replayed.ok ? replayed.value.differences.map(({ code }) => code) : [];
  expect(codes).toContain('DECISIONS_DIFFER');
  // The hold that it left behind is found at once.
  const found = await findHoldFaults(ground.database.sql);
  expect(found).toMatchObject([{ code: 'HOLD_UNFOUNDED' }]);
});

test('a hold that was ignored, or whose bill was posted all the same, is found', async () => {
  const ground = await heldGround('vee_planted_ignored');
  const { sql } = ground.database;
  await sql`update charge set amount_micros = 1 where energy_wh > 500000`;
  expect(await findHoldFaults(sql)).toMatchObject([{ code: 'HELD_BILL_POSTED' }]);
  await sql`delete from charge_hold`;
  expect(await findHoldFaults(sql)).toMatchObject([{ code: 'HOLD_IGNORED' }]);
});
