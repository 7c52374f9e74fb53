import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lookAgain, reachedThresholds } from '../../../src/domain/prepaid/thresholds.ts';
import type { Standing } from '../../../src/domain/prepaid/thresholds.ts';
import { parsePolicy } from '../../../src/domain/prepaid/policy.ts';

const parsed = parsePolicy({
  name: 'standard',
  warnings: { days: [7, 3, 1], balances: ['5.00', '1.00'] },
  notice: { hoursBefore: 30, delivered: true },
  emergencyCredit: { amount: '10.00', selectableBelow: '2.00' },
});
if (!parsed.ok) throw new Error(parsed.message);
const policy = parsed.value;
const isEmergencyTaken = false;

const standings = fc.record({
  balanceMicros: fc.bigInt({ min: -20_000_000n, max: 60_000_000n }),
  limitMicros: fc.constantFrom(0n, -10_000_000n, 333_333n),
  dailyMicros: fc.option(fc.bigInt({ min: 0n, max: 9_000_001n }), { nil: null }),
  noticeBeforeMs: fc.constant(30 * 3_600_000),
});

function reachedAt(standing: Standing, balanceMicros: bigint): number {
  return reachedThresholds({ ...standing, balanceMicros }, policy, { isEmergencyTaken }).length;
}

test('an account is looked at again exactly where the next threshold is reached', () => {
  fc.assert(
    fc.property(standings, (standing) => {
      const { nextMicros } = lookAgain(standing, policy, { isEmergencyTaken });
      const now = reachedAt(standing, standing.balanceMicros);
      // Without a next one nothing more is reached, however far it falls.
      const level = nextMicros ?? standing.balanceMicros - 100_000_000n;
      expect(level).toBeLessThan(standing.balanceMicros);
      expect(reachedAt(standing, level + 1n)).toBe(now);
      expect(reachedAt(standing, level) > now).toBe(nextMicros !== null);
    }),
    { numRuns: 2_000 },
  );
});

test('the notice of a cut is due at its own level, told or not', () => {
  fc.assert(
    fc.property(standings, (standing) => {
      const { cutMicros } = lookAgain(standing, policy, { isEmergencyTaken });
      const isDue = (balanceMicros: bigint) =>
        reachedThresholds({ ...standing, balanceMicros }, policy, { isEmergencyTaken }).some(
          ({ kind }) => kind === 'cut_notice',
        );
      expect([isDue(cutMicros ?? 0n), isDue((cutMicros ?? 0n) + 1n)]).toEqual([true, false]);
    }),
    { numRuns: 1_000 },
  );
});
