import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  civilDateOf,
  dayMs,
  dayNumberOf,
  isCivilDate,
  weekdayOf,
} from '../../../src/domain/time/civil.ts';

test('day numbers agree with the platform calendar from year 1 to 9999', () => {
  const days = fc.integer({ min: Date.UTC(1, 0) / dayMs, max: Date.UTC(9999, 11, 31) / dayMs });
  fc.assert(
    fc.property(days, (dayNumber) => {
      const platform = new Date(dayNumber * dayMs);
      const date = civilDateOf(dayNumber);
      expect(date).toEqual({
        year: platform.getUTCFullYear(),
        month: platform.getUTCMonth() + 1,
        day: platform.getUTCDate(),
      });
      expect(dayNumberOf(date)).toBe(dayNumber);
      expect(weekdayOf(dayNumber) % 7).toBe(platform.getUTCDay());
    }),
    { numRuns: 1_000 },
  );
});

test('a date that no calendar has is refused', () => {
  expect(isCivilDate({ year: 2024, month: 2, day: 29 })).toBe(true);
  expect(isCivilDate({ year: 2100, month: 2, day: 29 })).toBe(false);
  expect(isCivilDate({ year: 2026, month: 4, day: 31 })).toBe(false);
  expect(isCivilDate({ year: 2026, month: 13, day: 1 })).toBe(false);
  expect(isCivilDate({ year: 2026, month: 1, day: 0 })).toBe(false);
});
