import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { rateJob } from '../../../src/domain/rating/job.ts';
import { publishVeeSet } from '../../../src/operations/publishVeeSet.ts';
import { rateReadings } from '../../../src/operations/rateReadings.ts';
import { createRatingMemory } from '../../../src/operations/rating/registry.ts';
import { bills, dayMs, flat, june } from '../billsGround.ts';
import type { BillsGround } from '../billsGround.ts';
import { expectReplayed } from '../marksGround.ts';
import { publishSet, quarterHours } from './ground.ts';

/** Days of which nobody ever read anything are no work. The agreement begins in 1970; in UTC. */

const year2000 = Date.UTC(2000, 0, 1);
const year2023 = Date.UTC(2023, 0, 1);

/** Misses each day of which nothing is known, not the bill alone. */
const missingByDay = {
  customerClass: 'community',
  rules: { missingQuantity: { windows: ['day', 'bill'] } },
};

/** Publishes it for all time and rates nothing: the duties are there to be looked at. */
async function publishOnly({ api, clock, viewer }: BillsGround): Promise<void> {
  const done = await publishVeeSet({ sql: api.sql, clock, wake: () => {} }, viewer, {
    idempotencyKey: randomUUID(),
    validFromMs: year2000,
    document: missingByDay,
    reason: 'a test',
  });
  if (!done.ok) throw new Error(done.message);
}

/** Rates all that is due, and counts the steps of validation. */
async function validationSteps({ database, clock }: BillsGround): Promise<number> {
  const { sql } = database;
  const memory = createRatingMemory();
  const deps = { sql, clock, rate: async (job: Parameters<typeof rateJob>[0]) => rateJob(job) };
  let steps = 0;
  const began = ({ kind }: { kind: string }): void => {
    if (kind === 'validation') steps += 1;
  };
  while ((await rateReadings({ ...deps, memory }, { shard: 0, began })).more);
  return steps;
}

async function daysMissed({ database }: BillsGround): Promise<readonly string[]> {
  const rows = await database.sql<{ day: string }[]>`
    select left(d.detail->>'windowFrom', 10) as day from vee_decision d
    where d.rule = 'missingQuantity' and d.withdrawn_at is null
      and (d.detail->>'windowTo')::timestamptz - (d.detail->>'windowFrom')::timestamptz
          = interval '24 hours'
    order by day`;
  return rows.map(({ day }) => day);
}

const day = (fromMs: number, wh: number) => quarterHours(fromMs, { slots: 96, wh, whOf: () => 50 });

test('a set valid since 2000 queues nothing before the first reading', async () => {
  const ground = await bills('vee_since_2000', flat('1'));
  await ground.read(day(june, 0));
  await publishOnly(ground);
  const { sql } = ground.database;
  const queued = await sql<{ from_at: Date }[]>`select from_at from vee_duty`;
  expect(queued.map(({ from_at: from }) => from.getTime())).toEqual([june]);
  // June's only day is one step of at most 128 days; since 2000 there would be 76 of them.
  expect(await validationSteps(ground)).toBeLessThanOrEqual(2);
  expect(await daysMissed(ground)).toEqual([]);
});

test('the local day in which readings begin is the first that is judged', async () => {
  // Where June 3 begins at 4:00 UTC, and 18:00 UTC is afternoon.
  const ground = await bills('vee_begins', flat('1'), (fleet) => ({
    ...fleet,
    servicePoints: fleet.servicePoints.map((point) => ({ ...point, timeZone: 'America/New_York' })),
  }));
  const beganMs = june + 2 * dayMs + 18 * 3_600_000;
  await ground.read(quarterHours(beganMs, { slots: 48, wh: 0, whOf: () => 50 }));
  await publishOnly(ground);
  await validationSteps(ground);
  expect(await daysMissed(ground)).toEqual(['2026-06-03']);
});

test('a silence that nobody bridges is no days to be judged, in any order', async () => {
  const found: (readonly string[])[] = [];
  for (const order of ['clock first', 'clock last'] as const) {
    const ground = await bills(`vee_unset_clock_${order.slice(6)}`, flat('1'));
    await publishSet(ground, missingByDay);
    // One reading by a clock that was never set, 1,247 days before.
    const unset = [{ atMs: year2023 + 3_600_000, wh: 0 }];
    const read = [...day(june, 10), ...day(june + 4 * dayMs, 20_000)];
    if (order === 'clock first') await ground.read(unset);
    await ground.read(read);
    if (order === 'clock last') await ground.read(unset);
    await publishOnly(ground);
    expect(await validationSteps(ground)).toBeLessThanOrEqual(3);
    found.push(await daysMissed(ground));
    await expectReplayed(ground);
  }
  expect(found[1]).toEqual(found[0]);
  // None of the days between, while a silence of days is bridged and nothing is missing.
  expect(found[0].filter((each) => each > '2023-01-02')).toEqual([]);
});

test('rows held back of 1970 are told of, without a look at each day since', async () => {
  const ground = await bills('vee_held_1970', flat('1'));
  await ground.read(day(june, 0));
  // In another unit than the channel's: held back, by the day that the device says.
  await ground.read([{ atMs: year2000, wh: 1 }], { unit: 255 });
  await publishOnly(ground);
  expect(await validationSteps(ground)).toBeLessThanOrEqual(2);
  const rows = await ground.database.sql<{ rule: string }[]>`
    select rule from vee_decision where from_at = ${new Date(year2000)} and withdrawn_at is null`;
  expect(rows.map(({ rule }) => rule)).toEqual(['unitOfMeasure']);
});
