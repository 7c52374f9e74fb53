import { describe, expect, test } from 'vitest';
import { backOffMs, breakerAfterFailure, breakerState } from '../../src/devices/breaker.ts';
import { closedBreaker } from '../../src/devices/breaker.ts';
import { planRead, readsAgree } from '../../src/devices/readPlan.ts';
import { registerMaps } from '../../src/devices/registerMaps.ts';

describe('the requests of a read', () => {
  test('an SDM630 gives power and both energies in one block', () => {
    const plan = planRead(registerMaps.sdm630, ['2.8.0', '1.8.0', '16.7.0']);
    // 0x0034 to 0x004B.
    expect(plan).toMatchObject({ ok: true, value: [{ address: 0x34, count: 24 }] });
  });

  test('an EM24 is never asked for more than eleven registers', () => {
    const plan = planRead(registerMaps.em24, ['1.8.0', '2.8.0', '16.7.0', '32.7.0', '72.7.0']);
    const counts = plan.ok ? plan.value.map((block) => [block.address, block.count]) : [];
    expect(counts).toEqual([
      [0x00, 2],
      [0x04, 2],
      [0x28, 2],
      [0x34, 2],
      [0x4e, 2],
    ]);
  });

  test('every map keeps its own block limit for any channels', () => {
    for (const map of Object.values(registerMaps)) {
      const plan = planRead(
        map,
        map.registers.map((one) => one.channel),
      );
      const counts = plan.ok ? plan.value.map((block) => block.count) : [];
      expect(Math.max(0, ...counts)).toBeLessThanOrEqual(map.blockRegistersMax);
    }
  });

  test('a channel that the map lacks is refused by name', () => {
    expect(planRead(registerMaps.contactor, ['1.8.0'])).toMatchObject({
      code: 'CHANNEL_NOT_IN_MAP',
    });
  });
});

describe('two reads agree', () => {
  const map = registerMaps.sdm630; // at most 100 kW: 27.8 Wh in a second
  function agree(firstWh: bigint, secondWh: bigint, options = { apartMs: 1_000, pace: 1 }) {
    return readsAgree({
      map,
      pace: options.pace,
      first: [{ channel: '1.8.0', valueInUnit: firstWh, readAtMs: 0 }],
      second: [{ channel: '1.8.0', valueInUnit: secondWh, readAtMs: options.apartMs }],
    });
  }

  test('when the register stands or moves as far as a load can take it', () => {
    expect(agree(5_000_000n, 5_000_000n)).toBe(true);
    expect(agree(5_000_000n, 5_000_027n)).toBe(true);
  });

  test('not when it goes back, nor when it leaps', () => {
    expect(agree(5_000_000n, 4_999_999n)).toBe(false);
    expect(agree(5_000_000n, 5_000_100n)).toBe(false);
    expect(agree(50_000n, 5_000_000n)).toBe(false);
  });

  test('a simulated world may move as much faster as it says', () => {
    expect(agree(5_000_000n, 5_000_100n, { apartMs: 1_000, pace: 60 })).toBe(true);
  });
});

describe('a breaker', () => {
  test('opens at the third failure in a row and doubles its rest up to a minute', () => {
    let breaker = closedBreaker;
    const rests: number[] = [];
    for (let failure = 1; failure <= 10; failure += 1) {
      breaker = breakerAfterFailure(breaker, { nowMs: 0, random: 0 });
      rests.push(breaker.openUntilMs);
    }
    const seconds = [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]; // half of 2, 4, 8 ... 60 s: no luck
    expect(rests).toEqual(seconds.map((one) => one * 1000));
    expect(breakerState(breaker, 29_999)).toBe('open');
    expect(breakerState(breaker, 30_000)).toBe('halfOpen');
  });

  test('chance spreads the rest over its upper half', () => {
    const bounds = { attempt: 0, minMs: 1_000, maxMs: 8_000 };
    expect(backOffMs({ ...bounds, random: 0 })).toBe(500);
    expect(backOffMs({ ...bounds, random: 0.999 })).toBe(1_000);
    expect(backOffMs({ ...bounds, attempt: 1_000, random: 0.999 })).toBe(7_996);
  });
});
