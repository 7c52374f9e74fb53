import { describe, expect, test } from 'vitest';
import type { Fleet } from '../../../src/domain/fleet.ts';
import { voltageRestored } from '../../../src/domain/series/meterEvent.ts';
import { bills, flat, hourMs, june } from '../billsGround.ts';
import type { BillsGround } from '../billsGround.ts';
import { expectReplayed } from '../marksGround.ts';
import { openDecisions, quarterHours } from './ground.ts';

/** Worked numbers of the domain rules, chapter 4.2, of single days. All in UTC. */

describe('findings of a day', () => {
  const dayOfZeros = (ground: BillsGround) =>
    ground.read(quarterHours(june, { slots: 98, wh: 5, whOf: () => 0 }));

  test('rule 19: 96 zeros at an occupied place are told, at a vacant one not', async () => {
    const ground = await bills('vee_rule19', flat('1'));
    await dayOfZeros(ground);
    expect(await openDecisions(ground)).toContainEqual(
      expect.objectContaining({ rule: 'zeroConsumption', outcome: 'alert' }),
    );
    const vacant = await bills('vee_rule19_vacant', flat('1'));
    await vacant.database.sql`update service_point set is_occupied = false`;
    await dayOfZeros(vacant);
    expect(await openDecisions(vacant)).toEqual([]);
  });

  test('rule 19: where the log says that voltage came back there was none all day', async () => {
    const ground = await bills('vee_rule19_restored', flat('1'));
    await dayOfZeros(ground);
    expect(await openDecisions(ground)).toHaveLength(1);
    const noonMs = june + 12 * hourMs;
    const restored = async (atMs: number) =>
      ground.tell({
        code: Int32Array.of(voltageRestored),
        meterId: Int32Array.of(ground.meter('M1')),
        fromMs: Float64Array.of(atMs),
        toMs: Float64Array.of(atMs),
      });
    // The evening before there was voltage again: all of the day.
    await restored(june - hourMs);
    expect(await openDecisions(ground)).toHaveLength(1);
    await restored(noonMs);
    expect(await openDecisions(ground)).toEqual([]);
    await expectReplayed(ground);
  });

  test('rule 20: 8 kWh on a closed agreement are a case, not lost', async () => {
    const ended = (fleet: Fleet): Fleet => ({
      ...fleet,
      agreements: fleet.agreements.map((each) => ({ ...each, validToMs: june })),
    });
    const ground = await bills('vee_rule20', flat('1'), ended);
    await ground.read(
      quarterHours(june, { slots: 98, wh: 0, whOf: (slot) => (slot < 80 ? 100 : 0) }),
    );
    expect(await openDecisions(ground)).toContainEqual(
      expect.objectContaining({ rule: 'inactiveMeasurement' }),
    );
    expect(await ground.unrated()).toEqual([{ code: 'AGREEMENT_NOT_FOUND', wh: 8_000n }]);
  });

  test('rule 21: kWh without kvarh are told, and withdrawn when they come', async () => {
    const ground = await bills('vee_rule21', flat('1'));
    const day = quarterHours(june, { slots: 98, wh: 0, whOf: () => 100 });
    const q1 = { channel: 5, unit: 32 };
    const varh = quarterHours(june, { slots: 98, wh: 0, whOf: () => 10 });
    await ground.read(varh.slice(0, 40), q1);
    await ground.read(day);
    expect(await openDecisions(ground)).toContainEqual(
      expect.objectContaining({ rule: 'siblingExists' }),
    );
    await ground.read(varh.slice(40), q1);
    const left = (await openDecisions(ground)).filter(({ rule }) => rule === 'siblingExists');
    expect(left).toEqual([]);
  });
});
