import { describe, expect, test } from 'vitest';
import type { Fleet } from '../../../src/domain/fleet.ts';
import type { Medium } from '../../../src/domain/medium.ts';
import { bills, dayMs, flat, hourMs, july, june } from '../billsGround.ts';
import type { BillsGround } from '../billsGround.ts';
import { expectReplayed } from '../marksGround.ts';
import { publishSet, quarterHours } from './ground.ts';

/** Registers beside the import of electricity: what is fed in, water and gas. All in UTC. */

async function decided({ database }: BillsGround) {
  const rows = await database.sql<{ channel: number; rule: string; outcome: string }[]>`
    select channel, rule, outcome from vee_decision where withdrawn_at is null
    order by channel, rule`;
  return rows.map(({ channel, rule, outcome }) => `${channel} ${rule} ${outcome}`);
}

async function holdsOf({ database }: BillsGround): Promise<readonly string[]> {
  const rows = await database.sql<{ code: string }[]>`select code from charge_hold order by 1`;
  return rows.map(({ code }) => code);
}

const large = (fleet: Fleet): Fleet => ({
  ...fleet,
  servicePoints: fleet.servicePoints.map((point) => ({ ...point, customerClass: 'large' })),
});

const ofMedium = (medium: Medium) => (fleet: Fleet) => ({
  ...fleet,
  meters: fleet.meters.map((meter) => ({ ...meter, medium })),
});

const fedIn = { channel: 2 };

describe('A-, what is fed in', () => {
  /** Highest 7.5 kWh, third highest 2.0 kWh: 275 % (domain rule 17). */
  const spiky = quarterHours(june, {
    slots: 97,
    wh: 0,
    whOf: (slot) => (slot === 40 ? 7_500 : slot === 41 || slot === 42 ? 2_000 : 100 + (slot % 7)),
  });
  const even = (fromMs: number, slots: number) =>
    quarterHours(fromMs, { slots, wh: 0, whOf: (slot) => 100 + (slot % 7) });

  test('rule 17: a spike of what is fed in holds the bill of a large customer', async () => {
    const seen: unknown[] = [];
    for (const order of ['import', 'export'] as const) {
      const ground = await bills(`export_spike_${order}`, flat('1'), large);
      const month = [{ atMs: june, wh: 0 }, ...even(july - dayMs, 98)];
      if (order === 'import') await ground.read(month);
      await ground.read(spiky, fedIn);
      if (order === 'export') await ground.read(month);
      expect(await decided(ground)).toContain('2 intervalSpike hold');
      expect(await holdsOf(ground)).toEqual(['VEE_HELD']);
      await expectReplayed(ground);
      seen.push(await decided(ground));
    }
    expect(seen[1]).toEqual(seen[0]);
  });

  test('a finding of what is fed in goes when a better reading comes', async () => {
    const ground = await bills('export_withdrawn', flat('1'), large);
    const estimated = spiky.map((each) => ({ ...each, quality: 2 }));
    await ground.read(even(june, 98));
    await ground.read(estimated, fedIn);
    const told = await decided(ground);
    expect(told).toContain('2 intervalSpike hold');
    await ground.read(even(june, 97), fedIn);
    expect(await decided(ground)).not.toContain('2 intervalSpike hold');
    await expectReplayed(ground);
  });

  test('a day of what is fed in that is not over is not judged', async () => {
    const ground = await bills('export_open', flat('1'), large);
    await ground.read(even(june, 4 * 96));
    await ground.read(spiky.slice(0, 90), fedIn);
    expect((await decided(ground)).filter((each) => each.startsWith('2 intervalSpike'))).toEqual(
      [],
    );
  });

  test('rule 24: a register of what is fed in that goes backwards is told of', async () => {
    const ground = await bills('export_backwards', flat('1'));
    await ground.read(even(june, 98));
    const readings = [
      { atMs: june, wh: 100_500 },
      { atMs: june + hourMs, wh: 100_200 },
      { atMs: june + dayMs, wh: 100_600 },
      { atMs: june + dayMs + hourMs, wh: 100_700 },
    ];
    await ground.read(readings, fedIn);
    expect(await decided(ground)).toContain('2 negativeConsumption reject');
  });
});

describe('water and gas', () => {
  /** Cubic metres in litres: DLMS unit 13, scaler -3. */
  const litres = { unit: 13, scaler: -3 };

  test.each<[Medium]>([['water'], ['gas']])(
    'rule 24 of %s: 100.5 m3, then 100.2',
    async (medium) => {
      const ground = await bills(`other_${medium}_backwards`, flat('1'), ofMedium(medium));
      const readings = [
        { atMs: june, wh: 100_000 },
        { atMs: june + hourMs, wh: 100_500 },
        { atMs: june + 2 * hourMs, wh: 100_200 },
        { atMs: june + dayMs, wh: 100_600 },
        { atMs: june + dayMs + hourMs, wh: 100_600 },
      ];
      await ground.read(readings, litres);
      expect(await decided(ground)).toContain('1 negativeConsumption reject');
      const [message] = await ground.database.sql<{ message: string }[]>`
      select message from vee_decision where rule = 'negativeConsumption'`;
      expect(message?.message).toContain('100200 l');
      expect((await ground.charges()).map(({ wh }) => wh)).toEqual([600n]);
    },
  );

  test('rule 18 of water: days of 288 litres, then of 864, hold the bill by a set', async () => {
    const ground = await bills('other_water_high', flat('1'), ofMedium('water'));
    const rules = { highLow: { dailyWhMin: 100 } };
    await publishSet(ground, { customerClass: 'community', rules });
    const before = quarterHours(june - 8 * dayMs, { slots: 8 * 96, wh: 0, whOf: () => 3 });
    await ground.read(before, litres);
    const wh = before.at(-1)?.wh ?? 0;
    const after = quarterHours(june, { slots: 30 * 96 + 2, wh, whOf: () => 9 });
    await ground.read(after, litres);
    expect(await decided(ground)).toContain('1 highLow hold');
    expect(await holdsOf(ground)).toEqual(['VEE_HELD']);
  });

  test("rule 19 of water: a day without any is nobody's case, there is no voltage", async () => {
    const ground = await bills('other_water_zero', flat('1'), ofMedium('water'));
    const zeros = quarterHours(june, { slots: 98, wh: 5, whOf: () => 0 });
    await ground.read(zeros, litres);
    expect(await decided(ground)).toEqual([]);
  });
});
