import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultPolicy, parsePolicy } from '../../../src/domain/prepaid/policy.ts';
import type { PolicyText } from '../../../src/domain/prepaid/policyShape.ts';
import {
  firstUnprotectedMs,
  isHolidayAt,
  isProtectedHourAt,
} from '../../../src/domain/prepaid/protectedHours.ts';
import type { ProtectedTimes } from '../../../src/domain/prepaid/protectedHours.ts';
import { localTextAt } from '../../../src/domain/time/localText.ts';

const zone = 'Europe/Berlin';

function timesOf(fields: Partial<PolicyText>): ProtectedTimes {
  const parsed = parsePolicy({ name: 'standard', protectedHours: [], ...fields });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

/** Local time of the first unprotected instant from a UTC one on. */
function earliest(times: ProtectedTimes, from: string, inZone = zone): string | null {
  const atMs = firstUnprotectedMs(times, inZone, Date.parse(from));
  return atMs === null ? null : localTextAt(inZone, atMs);
}

describe('domain rule 58: friendly hours', () => {
  test('a balance of 0 on Friday at 18:00 cuts on Monday at 10:00 local at the earliest', () => {
    // 2026-11-20 is a Friday; Berlin is an hour ahead of UTC then.
    expect(earliest(defaultPolicy(), '2026-11-20T17:00:00Z')).toBe('2026-11-23T10:00');
    expect(earliest(defaultPolicy(), '2026-11-20T14:59:59Z')).toBe('2026-11-20T15:59');
  });

  test('over the night in which the clocks change, 10:00 is what the wall shows', () => {
    const everyNight = timesOf({ protectedHours: [{ from: '16:00', to: '10:00' }] });
    // Forward on 29 March 2026: 10:00 summer time is 08:00 UTC; back on 25 October: 09:00 UTC.
    expect(firstUnprotectedMs(everyNight, zone, Date.parse('2026-03-28T20:00:00Z'))).toBe(
      Date.parse('2026-03-29T08:00:00Z'),
    );
    expect(firstUnprotectedMs(everyNight, zone, Date.parse('2026-10-24T20:00:00Z'))).toBe(
      Date.parse('2026-10-25T09:00:00Z'),
    );
  });

  test('an hour that comes twice is protected twice, one that is skipped ends it at once', () => {
    const small = timesOf({ protectedHours: [{ from: '02:00', to: '02:30' }] });
    expect(isProtectedHourAt(small, zone, Date.parse('2026-10-25T00:10:00Z'))).toBe(true);
    expect(isProtectedHourAt(small, zone, Date.parse('2026-10-25T00:40:00Z'))).toBe(false);
    expect(isProtectedHourAt(small, zone, Date.parse('2026-10-25T01:10:00Z'))).toBe(true);
    const upTo = timesOf({ protectedHours: [{ from: '01:00', to: '02:30' }] });
    expect(firstUnprotectedMs(upTo, zone, Date.parse('2026-03-29T00:30:00Z'))).toBe(
      Date.parse('2026-03-29T01:00:00Z'), // from 02:00 to 03:00 in no time
    );
  });

  test('holidays of one year and of every year protect their whole local day', () => {
    const times = timesOf({ protectedHolidays: ['2026-12-24', '12-25', '12-26'] });
    expect(isHolidayAt(times, zone, Date.parse('2026-12-23T22:59:00Z'))).toBe(false);
    expect(isHolidayAt(times, zone, Date.parse('2026-12-23T23:00:00Z'))).toBe(true);
    expect(earliest(times, '2026-12-24T12:00:00Z')).toBe('2026-12-27T00:00');
    expect(earliest(times, '2027-12-24T12:00:00Z')).toBe('2027-12-24T13:00');
  });

  test('a policy that always protects has no earliest cut', () => {
    const always = timesOf({ protectedHours: [{ from: '00:00', to: '24:00' }] });
    expect(earliest(always, '2026-11-20T17:00:00Z')).toBeNull();
  });
});

test('the first unprotected instant is the first minute at which nothing protects', () => {
  const spans = fc.array(
    fc.record({
      weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      from: fc.constantFrom('00:00', '01:30', '02:15', '16:00', '22:00'),
      to: fc.constantFrom('02:30', '03:00', '10:00', '23:45', '24:00'),
    }),
    { minLength: 1, maxLength: 3 },
  );
  // Around both changes of 2026 in Berlin and of Lord Howe, whose clocks move by half an hour.
  const start = fc.constantFrom('2026-03-27', '2026-10-23', '2026-04-03', '2026-10-02');
  fc.assert(
    fc.property(
      spans,
      start,
      fc.integer({ min: 0, max: 4 * 1_440 }),
      fc.constantFrom('Europe/Berlin', 'Australia/Lord_Howe'),
      (protectedHours, date, minutes, inZone) => {
        const times = timesOf({ protectedHours });
        const fromMs = Date.parse(`${date}T00:00:00Z`) + minutes * 60_000;
        let atMs: number | null = fromMs;
        const endMs = fromMs + 9 * 86_400_000;
        while (atMs < endMs && isProtectedHourAt(times, inZone, atMs)) atMs += 60_000;
        const found = firstUnprotectedMs(times, inZone, fromMs);
        return atMs < endMs ? found === atMs : found === null || found >= endMs;
      },
    ),
    { numRuns: 60 },
  );
});
