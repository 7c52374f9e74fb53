import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { publishTariff } from '../../src/operations/publishTariff.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { replayLog } from '../../src/operations/replayLog.ts';
import { recordPrices } from '../../src/operations/recordPrices.ts';
import { bills, dayMs, flat, hourMs, july, june } from './billsGround.ts';
import type { BillsGround } from './billsGround.ts';

/** All of it is UTC, so that days are plain. */

const standing = { kind: 'fixed', name: 'standing', amount: '0.40', per: 'day' } as const;

test('a standing charge goes on while a meter is silent, once a day', async () => {
  const ground = await bills('bills_standing', flat('0.20', [standing]));
  ground.clock.set(june + dayMs);
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: june + 12 * hourMs, wh: 1_000 },
  ]);
  ground.clock.set(june + 5 * dayMs + hourMs);
  await ground.accrue();
  // 1 kWh at 0.20, and five days at 0.40.
  expect(await ground.charges()).toEqual([
    { period: '2026-06', micros: 2_200_000n, wh: 1_000n, open: true },
  ]);
  const posted = await ground.transfers();
  await ground.accrue();
  expect(await ground.transfers()).toEqual(posted);
  expect(posted.at(-1)).toMatchObject({ code: 'time_passed' });
  // Three days after its end the silent month is closed, and July has begun.
  ground.clock.set(july + 3 * dayMs + hourMs);
  await ground.accrue();
  expect(await ground.charges()).toEqual([
    { period: '2026-06', micros: 200_000n + 30n * 400_000n, wh: 1_000n, open: false },
    { period: '2026-07', micros: 3n * 400_000n, wh: 0n, open: true },
  ]);
  // The meter speaks again: what was charged by time is charged once.
  ground.clock.set(july + 5 * dayMs);
  await ground.read([{ atMs: july + 4 * dayMs, wh: 1_000 }]);
  expect(await ground.charges()).toEqual([
    { period: '2026-06', micros: 200_000n + 30n * 400_000n, wh: 1_000n, open: false },
    { period: '2026-07', micros: 4n * 400_000n, wh: 0n, open: true },
  ]);
});

test('a late reading of a closed month is one correction, then none', async () => {
  const ground = await bills('bills_late', flat('0.25'));
  // Estimated at the end of May: 5.0 kWh.
  await ground.read([
    { atMs: june - dayMs, wh: 0 },
    { atMs: june, wh: 5_000, quality: 2 },
    { atMs: june + 2 * dayMs, wh: 9_000 },
  ]);
  const [may] = await ground.charges();
  expect(may).toEqual({ period: '2026-05', micros: 1_250_000n, wh: 5_000n, open: false });
  const before = await ground.transfers();
  const actual = { atMs: june, wh: 6_400, quality: 0 };
  await ground.read([actual]);
  const after = await ground.transfers();
  // +1.4 kWh at 0.25 in May; June has as much less.
  expect(after.slice(before.length).map(({ code, micros }) => `${code} ${micros}`)).toEqual(
    expect.arrayContaining(['reading_corrected 350000', 'reading_corrected -350000']),
  );
  expect(after).toHaveLength(before.length + 2);
  await ground.read([actual]);
  await ground.database.sql`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    values (${ground.registered.companyId}, ${ground.meter('M1')}, 0, 'tariff_changed')`;
  await ground.rateAll();
  expect(await ground.transfers()).toEqual(after);
});

test('a duty with a reason that nobody knows posts nothing under another name', async () => {
  const ground = await bills('bills_weather', flat('0.25'));
  await ground.read([{ atMs: june, wh: 0 }]);
  await ground.database.sql`
    insert into rerate_duty (company_id, meter_id, from_day, reason)
    values (${ground.registered.companyId}, ${ground.meter('M1')}, 0, 'weather')`;
  // A broken assertion of the first duty: the worker sets it aside, and it is an alarm.
  await expect(ground.rateAll()).rejects.toThrow('a duty has a known reason, not "weather"');
  expect(await ground.transfers()).toEqual([]);
});

const fiftyFree: TariffText = {
  currency: 'EUR',
  components: [
    {
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      price: [{ upTo: '50', price: '0' }, { price: '1' }],
      tiers: { unit: 'kWh', reset: 'year', allocation: 'chronological' },
    },
  ],
};

test('a yearly tier goes from bill to bill, and a correction follows it', async () => {
  const ground = await bills('bills_yearly', fiftyFree);
  const [january, february, march] = [0, 1, 2].map((month) => Date.UTC(2026, month, 1));
  await ground.read([
    { atMs: january, wh: 0 },
    { atMs: february, wh: 30_000 },
    { atMs: march, wh: 60_000 },
    { atMs: march + dayMs, wh: 60_000 },
  ]);
  const micros = async () => (await ground.charges()).map((charge) => charge.micros);
  // 30, then 30 of which 20 are still free.
  expect(await micros()).toEqual([0n, 10_000_000n, 0n]);
  const before = await ground.transfers();
  // The end of January was 45: February has 15, and 5 of them free. As much is billed.
  await ground.read([{ atMs: february, wh: 45_000, quality: 0 }]);
  expect(await micros()).toEqual([0n, 10_000_000n, 0n]);
  expect(await ground.transfers()).toEqual(before);
  // The first reading of the year was 10 less: all ten of them are above the free ones.
  await ground.read([{ atMs: january - 15 * 60_000, wh: 0 }]);
  expect(await ground.transfers()).toEqual(before);
});

test('a bill that was not read again is rated again for what the one before left it', async () => {
  const ground = await bills('bills_chain', fiftyFree);
  await ground.read([
    { atMs: Date.UTC(2026, 0, 1), wh: 0 },
    { atMs: Date.UTC(2026, 0, 20), wh: 60_000 },
  ]);
  // Nothing is read for weeks: February is there by time alone.
  ground.clock.set(Date.UTC(2026, 1, 20));
  await ground.accrue();
  const used = async () => {
    const rows = await ground.database.sql<{ used: string | null }[]>`
      select carry_in->'tiers'->'energy'->>'usedKwh' as used from charge order by period_start`;
    return rows.map((row) => row.used);
  };
  expect(await used()).toEqual([null, '60']);
  await ground.read([{ atMs: Date.UTC(2026, 0, 25), wh: 75_000 }]);
  expect(await used()).toEqual([null, '75']);
});

async function publish(
  ground: BillsGround,
  given: { validFromMs: number; document: TariffText; reason?: string },
) {
  const tariffId = ground.registered.tariffs.get('home');
  if (tariffId === undefined) throw new Error('the fleet has its tariff');
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => {} };
  const published = await publishTariff(deps, ground.viewer, {
    idempotencyKey: randomUUID(),
    tariffId,
    validFromMs: given.validFromMs,
    document: given.document,
    backdatedReason: given.reason ?? null,
  });
  await ground.rateAll();
  return published;
}

test('a new price leaves closed bills alone, unless told why not', async () => {
  const ground = await bills('bills_backdated', flat('0.20'));
  const may = Date.UTC(2026, 4, 1);
  await ground.read([
    { atMs: may, wh: 0 },
    { atMs: june, wh: 400_000 },
    { atMs: june + dayMs, wh: 410_000 },
  ]);
  const stored = () => ground.database.sql`
    select encode(accumulator, 'hex') as sums, amount_micros from charge
    where period_start = ${new Date(may)}`;
  const before = [...(await stored())];
  const later = await publish(ground, { validFromMs: july, document: flat('0.30') });
  expect(later).toMatchObject({ ok: true });
  expect([...(await stored())]).toEqual(before);
  const lower = { validFromMs: may, document: flat('0.18') };
  const refused = await publish(ground, lower);
  expect(refused).toMatchObject({ ok: false, code: 'VERSION_BACKDATED', path: ['validFrom'] });
  const reason = 'the regulator lowered it';
  expect(await publish(ground, { ...lower, reason })).toMatchObject({ ok: true });
  // 400 kWh at 0.02 less; the version before, which has nothing now, gives back what it had.
  expect((await ground.charges())[0]).toMatchObject({ period: '2026-05', micros: 72_000_000n });
  const codes = new Set((await ground.transfers()).slice(2).map(({ code }) => code));
  expect(codes).toEqual(new Set(['tariff_changed']));
  const [audit] = await ground.database.sql<{ after: { backdatedReason: string } }[]>`
    select after from audit_entry order by at desc, id limit 1`;
  expect(audit.after).toHaveProperty('backdatedReason');
});

function dynamic(missing: 'refuse' | 'last' | { price: string }): TariffText {
  return {
    currency: 'EUR',
    components: [{ kind: 'dynamic', name: 'spot', flow: 'import', series: 'market', missing }],
  };
}

async function record(ground: BillsGround, prices: readonly (string | null)[], fromMs = june) {
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => {} };
  const series = { name: 'market', currency: 'EUR', unit: 'kWh', stepMinutes: 60 } as const;
  const recorded = await recordPrices(deps, ground.viewer, {
    idempotencyKey: randomUUID(),
    series,
    points: prices.map((price, index) => ({ startMs: fromMs + index * hourMs, price })),
  });
  expect(recorded).toMatchObject({ ok: true });
  await ground.rateAll();
}

test('the true price corrects a provisional one, a negative one is a credit', async () => {
  const ground = await bills('bills_provisional', dynamic({ price: '0.25' }));
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: june + hourMs, wh: 2_000 },
    { atMs: june + 2 * hourMs, wh: 4_000 },
  ]);
  expect((await ground.charges())[0]?.micros).toBe(1_000_000n);
  await record(ground, ['0.31']);
  expect((await ground.transfers()).at(-1)).toEqual({ code: 'price_changed', micros: 120_000n });
  await record(ground, ['0.31', '-0.05']);
  // 2 kWh at 0.31 and 2 at -0.05.
  expect((await ground.charges())[0]?.micros).toBe(520_000n);
});

test('the last price stands in for a missing one for 31 days, and no longer', async () => {
  const document = dynamic('last');
  const ground = await bills('bills_last_price', document);
  await record(ground, ['0.40'], june - 31 * dayMs - hourMs);
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: june + hourMs, wh: 2_000 },
  ]);
  expect(await ground.unrated()).toEqual([{ code: 'PRICE_MISSING', wh: 2_000n }]);
  await record(ground, ['0.30'], june - 31 * dayMs);
  // 2 kWh at 0.30.
  expect((await ground.charges())[0]).toMatchObject({ micros: 600_000n, wh: 2_000n });
  expect(await ground.unrated()).toEqual([]);
});

test('a missing price is never zero: its energy is unrated, until the price is there', async () => {
  const ground = await bills('bills_missing_price', dynamic('refuse'));
  await record(ground, ['0.10']);
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: june + hourMs, wh: 2_000 },
    { atMs: june + 2 * hourMs, wh: 5_000 },
  ]);
  expect((await ground.charges())[0]).toMatchObject({ micros: 200_000n, wh: 2_000n });
  expect(await ground.unrated()).toEqual([{ code: 'PRICE_MISSING', wh: 3_000n }]);
  await record(ground, ['0.10', '0.20']);
  expect((await ground.charges())[0]).toMatchObject({ micros: 800_000n, wh: 5_000n });
  expect(await ground.unrated()).toEqual([]);
});

test('a replay of the log charges the same, with its prices and its silent days', async () => {
  const document = {
    ...dynamic({ price: '0.25' }),
    components: [
      ...dynamic({ price: '0.25' }).components,
      standing,
      {
        kind: 'demand' as const,
        name: 'peak',
        unit: 'kW' as const,
        windowMinutes: 15 as const,
        measure: 'max' as const,
        price: '2',
      },
    ],
  };
  const ground = await bills('bills_replay', document);
  ground.clock.set(june + dayMs);
  await record(ground, ['0.31', '-0.05']);
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: june + hourMs, wh: 2_000 },
    { atMs: june + hourMs + 900_000, wh: 3_000 },
  ]);
  ground.clock.set(july + 5 * dayMs);
  await ground.accrue();
  const replayed = await replayLog({
    ownerUrl: ground.url,
    seed: 'bills',
    rate: async (job) => rateJob(job),
    onStep: () => {},
  });
  expect(replayed).toMatchObject({ ok: true, value: { differences: [], differenceCount: 0 } });
  // 2 kWh at 0.31, 1 at -0.05, 30 days, 4 kW: what is compared is not nothing.
  const [closed] = await ground.charges();
  expect(closed).toMatchObject({ micros: 620_000n - 50_000n + 12_000_000n + 8_000_000n });
});

test('what an agreement does not say leaves its energy unrated, until it says it', async () => {
  const document = flat('0.20', [
    { kind: 'fixed', name: 'power', amount: '3', per: 'bill', times: 'contractedKw' },
  ]);
  const ground = await bills('bills_attribute', document);
  await ground.read([
    { atMs: june, wh: 0 },
    { atMs: june + 6 * hourMs, wh: 2_000 },
  ]);
  expect(await ground.unrated()).toEqual([{ code: 'ATTRIBUTE_MISSING', wh: 2_000n }]);
  expect(await ground.transfers()).toEqual([]);
  await ground.register({
    ...ground.fleet,
    agreements: ground.fleet.agreements.map((agreement) => ({
      ...agreement,
      attributes: { contractedKw: '10' },
    })),
  });
  // 2 kWh at 0.20 and 10 kW at 3.
  expect((await ground.charges())[0]).toMatchObject({ micros: 30_400_000n, wh: 2_000n });
  expect(await ground.unrated()).toEqual([]);
});
