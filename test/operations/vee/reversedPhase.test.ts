import { describe, expect, test } from 'vitest';
import type { Fleet } from '../../../src/domain/fleet.ts';
import { seeReversedPhase } from '../../../src/domain/vee/reversedPhase.ts';
import { flat as even, slotsFrom, tuesdayMs, tuesdaySlot } from '../../domain/vee/windows.ts';
import { bills, dayMs, flat, july, june } from '../billsGround.ts';
import type { BillsGround } from '../billsGround.ts';
import { expectReplayed } from '../marksGround.ts';
import { openDecisions, quarterHours } from './ground.ts';

/** Rule 15 of the domain rules, 4.1: P = -1.2 kW is 300 Wh a quarter hour, fed in. All in UTC. */

const rule = 'PHASE_SEQUENCE_ERROR';
const held = async (ground: BillsGround) =>
  (await openDecisions(ground)).filter((each) => each.rule === rule);
const holdsOf = async ({ database }: BillsGround) =>
  (await database.sql<{ code: string }[]>`select code from charge_hold`).map(({ code }) => code);

const registers = [
  { channel: 22, whOf: () => 300 },
  { channel: 21, whOf: () => 0 },
  { channel: 41, whOf: () => 300 },
  { channel: 42, whOf: () => 0 },
  { channel: 61, whOf: () => 300 },
  { channel: 62, whOf: () => 0 },
  // The meter adds up its phases with their signs: 300 + 300 - 300.
  { channel: 1, whOf: () => 300 },
];

async function readPhases(ground: BillsGround, given = registers): Promise<void> {
  for (const { channel, whOf } of given) {
    await ground.read(quarterHours(june, { slots: 97, wh: 0, whOf }), { channel });
  }
}

const month = [
  { atMs: july, wh: 100_000 },
  { atMs: july + dayMs, wh: 100_000 },
];

describe('a current transformer the wrong way round', () => {
  test.each([['first'], ['last']])(
    'rule 15, 000.41: L1 feeds in 1.2 kW all day, the bill is held (phases come %s)',
    async (order) => {
      const ground = await bills(`reversed_${order}`, flat('1'));
      if (order === 'first') await readPhases(ground);
      else await readPhases(ground, registers.toReversed());
      await ground.read(month);
      expect(await held(ground)).toMatchObject([{ outcome: 'hold' }]);
      // 96 quarter hours of 300 Wh.
      expect((await held(ground))[0]?.message).toContain('L1 fed in 28800 Wh');
      expect(await holdsOf(ground)).toEqual(['VEE_HELD']);
      await expectReplayed(ground);
    },
  );

  test('where there is generation the bill is posted, as soon as that is registered', async () => {
    const ground = await bills('reversed_generation', flat('1'));
    await readPhases(ground);
    await ground.read(month);
    expect(await holdsOf(ground)).toEqual(['VEE_HELD']);
    const withPanels = (hasGeneration: boolean): Fleet => ({
      ...ground.fleet,
      servicePoints: ground.fleet.servicePoints.map((point) => ({ ...point, hasGeneration })),
    });
    await ground.register(withPanels(true));
    expect(await held(ground)).toEqual([]);
    expect(await holdsOf(ground)).toEqual([]);
    expect((await ground.charges())[0]).toMatchObject({ wh: 100_000n, micros: 100_000_000n });
    await ground.register(withPanels(false));
    expect(await held(ground)).toHaveLength(1);
    expect(await holdsOf(ground)).toEqual(['VEE_HELD']);
    await expectReplayed(ground);
  });

  test('a tariff that pays for what is fed in says that there is generation', async () => {
    const feedIn = [{ kind: 'energy', name: 'feed-in', flow: 'export', price: '-0.08' }] as const;
    const ground = await bills('reversed_feed_in', flat('1', [...feedIn]));
    await readPhases(ground);
    await ground.read(month);
    expect(await held(ground)).toEqual([]);
  });
});

describe('what a day of phases says', () => {
  const day = { fromMs: tuesdayMs, toMs: tuesdayMs + dayMs };
  const slots = (...energies: readonly (number | null)[]) =>
    slotsFrom(tuesdaySlot, [...energies, ...even(96 - energies.length, energies.at(-1) ?? null)]);
  const taking = { phase: 2, import: slots(300), export: slots(0) };

  test.each([
    ['feeds in all day and takes nothing', slots(0), slots(300), true],
    ['has panels: takes at night', slots(5, 0), slots(0, 300), false],
    ['feeds in less than 100 Wh a day', slots(0), slots(99, 0), false],
    ['feeds in 100 Wh a day', slots(0), slots(100, 0), true],
    ['is not known for a quarter hour', slots(null, 0), slots(300), false],
    ['has no register of import', null, slots(300), false],
  ])('a phase that %s', (_, taken, fed, isReversed) => {
    const phase = { phase: 1, import: taken, export: fed };
    expect(seeReversedPhase([phase, taking], day) !== null).toBe(isReversed);
  });

  test('where no phase takes anything, all may be generation', () => {
    const phases = [1, 2, 3].map((phase) => ({ phase, import: slots(0), export: slots(300) }));
    expect(seeReversedPhase(phases, day)).toBeNull();
  });
});
