import { expect, test } from 'vitest';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { bills, dayMs, flat, hourMs, june } from './billsGround.ts';
import type { BillsGround } from './billsGround.ts';
import { expectReplayed, mark } from './marksGround.ts';

/**
 * Charges and series are a function of the sets of readings and marks, whatever came first. Worked
 * by hand; all of it is UTC.
 */

const minuteMs = 60_000;

async function turning(name: string): Promise<BillsGround> {
  return bills(name, flat('0.10'), (fleet) => ({
    ...fleet,
    meters: fleet.meters.map((meter) => ({ ...meter, registerModulusWh: 1_000_000n })),
  }));
}

test('a reading behind one that is not believed is billed from, in the same slot too', async () => {
  const ground = await turning('set_first_not_believed');
  // More than the register's face has room for.
  await ground.read([{ atMs: june, wh: 1_066_352 }]);
  await ground.read([{ atMs: june + 2 * minuteMs, wh: 996_616 }]);
  await ground.read([{ atMs: june + dayMs, wh: 4_279 }]);
  // 1,004,279 - 996,616, once around.
  expect(await ground.charges()).toEqual([
    { period: '2026-06', micros: 766_300n, wh: 7_663n, open: true },
  ]);
  await expectReplayed(ground);
});

test('a gap is laid out the same when a day behind it only learns a better source', async () => {
  const ground = await bills('set_gap_beside_old_day', flat('0.10'));
  const quarter = (n: number): number => june + 3 * dayMs + n * 15 * minuteMs;
  await ground.read([0, 1, 2].map((n) => ({ atMs: june + n * dayMs, wh: n * 3_000 })));
  await ground.read([
    { atMs: quarter(0), wh: 10_000 },
    { atMs: quarter(1), wh: 10_100 },
    { atMs: quarter(2), wh: 10_200 },
  ]);
  await ground.read([
    // The same reading again: nothing changes but where it is from.
    { atMs: june, wh: 0 },
    { atMs: quarter(5), wh: 10_800 },
    { atMs: quarter(6), wh: 11_100 },
    { atMs: quarter(7), wh: 11_400 },
  ]);
  const decisions = await ground.database.sql<{ rule: string; from: Date }[]>`
    select rule, from_at as from from vee_decision
    where withdrawn_at is null and rule = 'interpolation'`;
  // A line from 100 Wh before it to 300 Wh behind it.
  expect(decisions).toEqual([{ rule: 'interpolation', from: new Date(quarter(2)) }]);
  await expectReplayed(ground);
});

test('a late reading beside an old one told again leaves the days between them in', async () => {
  const ground = await bills('set_old_day_told_again', flat('0.10'));
  const tenthOfMay = june - 22 * dayMs;
  await ground.read([
    { atMs: tenthOfMay, wh: 0 },
    { atMs: june - 15 * minuteMs, wh: 1_000 },
    { atMs: june + 15 * minuteMs, wh: 1_200 },
    { atMs: june + 2 * dayMs, wh: 1_400 },
    { atMs: june + 3 * dayMs, wh: 1_600 },
    { atMs: june + 5 * dayMs, wh: 2_200 },
  ]);
  // Half of the 200 Wh around the first of June is of May.
  const expected = [
    { period: '2026-05', micros: 110_000n, wh: 1_100n, open: false },
    { period: '2026-06', micros: 110_000n, wh: 1_100n, open: true },
  ];
  expect(await ground.charges()).toEqual(expected);
  await ground.read([
    { atMs: tenthOfMay, wh: 0 },
    { atMs: june + 4 * dayMs, wh: 1_900 },
  ]);
  expect(await ground.charges()).toEqual(expected);
  await expectReplayed(ground);
});

const byTheHour: TariffText = flat('0.10', [
  { kind: 'demand', name: 'peak', unit: 'kW', windowMinutes: 60, measure: 'max', price: '10.00' },
]);

test('a slot behind a removal, or not known yet, ends no hour of demand', async () => {
  const ground = await bills('set_hour_not_over', byTheHour);
  const at = (hour: number, minute: number): number => june + hour * hourMs + minute * minuteMs;
  await ground.read([
    { atMs: june - hourMs, wh: 1_000 },
    { atMs: at(10, 0), wh: 1_000 },
    { atMs: at(10, 15), wh: 2_000 },
    { atMs: at(10, 30), wh: 3_000 },
  ]);
  await ground.read([{ atMs: at(10, 45), wh: 4_000 }]);
  // 3 kWh at 0.10: the hour has a quarter of which nothing is known.
  const may = { period: '2026-05', micros: 0n, wh: 0n, open: false };
  const three = { period: '2026-06', micros: 300_000n, wh: 3_000n, open: true };
  expect(await ground.charges()).toEqual([may, three]);
  await expectReplayed(ground);
  await mark(ground, { atMs: at(10, 44), kind: 'removed', finalValue: 4_000n });
  expect(await ground.charges()).toEqual([may, three]);
  await expectReplayed(ground);
  await mark(ground, { atMs: at(10, 44), kind: 'withdrawn' });
  // 3.5 kW so far, at 10.00.
  await ground.read([{ atMs: at(10, 50), wh: 4_500 }]);
  expect(await ground.charges()).toEqual([may, { ...three, micros: 35_350_000n, wh: 3_500n }]);
  await expectReplayed(ground);
});

test.each([
  // To the end of the quarter hour of the removal: 10.75 hours, and 34.75 of them, at 3.00 a day.
  ['set_mark_same_day', june + 10 * hourMs + 40 * minuteMs, 1_343_750n],
  ['set_mark_later_day', june + 34 * hourMs + 40 * minuteMs, 4_343_750n],
] as const)('standing charges run to a mark behind the newest reading: %s', async (...row) => {
  const [name, removedAtMs, standingMicros] = row;
  const standing = flat('0.10', [{ kind: 'fixed', name: 'meter', amount: '3.00', per: 'day' }]);
  const ground = await bills(name, standing);
  await ground.read([{ atMs: june + 9 * hourMs, wh: 1_000 }]);
  await ground.read([{ atMs: june + 10 * hourMs, wh: 2_000 }]);
  await ground.read([{ atMs: june + 10 * hourMs + 5 * minuteMs, wh: 2_100 }]);
  await mark(ground, { atMs: removedAtMs, kind: 'removed', finalValue: 2_200n });
  const [charge] = await ground.charges();
  // 1.2 kWh at 0.10.
  expect(charge).toMatchObject({ wh: 1_200n, micros: standingMicros + 120_000n });
  await expectReplayed(ground);
  // A reading in front of the mark is late, and what is billed in all is the same.
  await ground.read([{ atMs: june + 10 * hourMs + 8 * minuteMs, wh: 2_150 }]);
  expect((await ground.charges())[0]).toEqual(charge);
  await expectReplayed(ground);
});
