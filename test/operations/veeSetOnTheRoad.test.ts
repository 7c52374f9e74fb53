import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { rateJob } from '../../src/domain/rating/job.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import type { VeeSetText } from '../../src/domain/vee/setShape.ts';
import { publishVeeSet } from '../../src/operations/publishVeeSet.ts';
import { replayLog } from '../../src/operations/replayLog.ts';
import { bills, hourMs, june } from './billsGround.ts';
import type { BillsGround } from './billsGround.ts';

/** 0.20 a kWh until 10:30 and 1.00 from then on, UTC. */
const dearLate: TariffText = {
  currency: 'EUR',
  calendars: [
    {
      name: 'halves',
      rules: [
        { from: '00:00', to: '10:30', period: 'early' },
        { from: '10:30', to: '24:00', period: 'late' },
      ],
    },
  ],
  components: [
    {
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      calendar: 'halves',
      prices: { early: '0.20', late: '1.00' },
    },
  ],
};

/** Shares 1, 1, 2, 4 for the quarter hours from 10:00 on: rule 8 of the domain rules 4.1. */
const day = Array.from({ length: 96 }, (_, at) => ({ 42: 2, 43: 4 })[at] ?? 1);
const byProfile: VeeSetText = {
  customerClass: 'community',
  profile: { workday: day, saturday: day, sunday: day },
};
/** An hour without a reading, in which 4 kWh flowed. */
const lostHour = [
  { atMs: june + 10 * hourMs, wh: 0 },
  { atMs: june + 11 * hourMs, wh: 4_000 },
];

async function publish(ground: BillsGround, document: VeeSetText, validFromMs = june) {
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => {} };
  const input = { idempotencyKey: randomUUID(), validFromMs, document, reason: 'a test' };
  const published = await publishVeeSet(deps, ground.viewer, input);
  if (!published.ok) throw new Error(published.message);
  await ground.rateAll();
  return published.value.metersToValidate;
}

const micros = async (ground: BillsGround) => (await ground.charges()).map((each) => each.micros);

test('rule 8 on the road: 4 kWh by the shares 1:1:2:4 are 1 kWh early and 3 kWh late', async () => {
  const ground = await bills('vee_profile', dearLate);
  expect(await publish(ground, byProfile)).toBe(0);
  await ground.read(lostHour);
  expect(await micros(ground)).toEqual([3_200_000n]);
});

test('a set that begins in the past estimates anew, and back again, to the cent', async () => {
  const ground = await bills('vee_backdated', dearLate);
  await ground.read(lostHour);
  // As evenly as time: 2 kWh at 0.20 and 2 kWh at 1.00.
  expect(await micros(ground)).toEqual([2_400_000n]);
  expect(await publish(ground, byProfile)).toBe(1);
  expect(await micros(ground)).toEqual([3_200_000n]);
  expect(await publish(ground, { customerClass: 'community' })).toBe(1);
  expect(await micros(ground)).toEqual([2_400_000n]);
  const posted = (await ground.transfers()).reduce((sum, each) => sum + each.micros, 0n);
  expect(posted).toBe(2_400_000n);
  // A set of later readings touches nothing of these.
  await publish(ground, byProfile, june + 12 * hourMs);
  expect(await micros(ground)).toEqual([2_400_000n]);
});

test('the log rated anew gives the same, because sets are facts beside it', async () => {
  const ground = await bills('vee_replayed', dearLate);
  await ground.read(lostHour);
  await publish(ground, byProfile);
  const replayed = await replayLog({
    ownerUrl: ground.url,
    seed: 'vee sets',
    rate: async (job) => rateJob(job),
    onStep: () => {},
  });
  expect(replayed).toMatchObject({ ok: true, value: { differences: [], differenceCount: 0 } });
});
