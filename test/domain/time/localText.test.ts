import { describe, expect, it } from 'vitest';
import { clockText, dateText, localTextAt, parseDate } from '../../../src/domain/time/localText.ts';

describe('a local text', () => {
  it('is what the clocks show, in both hours of one name', () => {
    // Berlin 2026-10-25: CEST ends at 01:00 UTC, IANA tzdata.
    const zone = 'Europe/Berlin';
    expect(localTextAt(zone, Date.UTC(2026, 9, 25, 0, 30))).toBe('2026-10-25T02:30');
    expect(localTextAt(zone, Date.UTC(2026, 9, 25, 1, 30))).toBe('2026-10-25T02:30');
  });

  it('of a day ends at 24:00 and begins at 00:00', () => {
    expect([0, 375, 1_440].map(clockText)).toEqual(['00:00', '06:15', '24:00']);
  });

  it('of a date is read as it was written, and no date is made up', () => {
    // 2026-03-01 is day 20,513: 56 years of 365 days, 14 leap days and 59 days after 1970-01-01.
    expect(parseDate('2026-03-01')).toEqual({ ok: true, value: 20_513 });
    expect(dateText(20_513)).toBe('2026-03-01');
    for (const text of ['2026-02-29', '1969-12-31', '2200-01-01', '2026-3-1', 'today']) {
      expect(parseDate(text), text).toMatchObject({ ok: false, code: 'DATE_MALFORMED' });
    }
  });
});
