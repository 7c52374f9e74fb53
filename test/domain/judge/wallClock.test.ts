import { describe, expect, test } from 'vitest';
import { firstInstantOf, isZone, wallAt } from '../../../src/domain/judge/wallClock.ts';

/** Changes of the clocks: tz database, release 2026a; days as in the rules of local time. */
describe('the judge’s local time', () => {
  test.each([
    ['Europe/Berlin', '2026-03-29', 23],
    ['Europe/Berlin', '2026-10-25', 25],
    ['Europe/Berlin', '2026-06-01', 24],
    ['Australia/Lord_Howe', '2026-04-05', 24.5],
    ['Australia/Lord_Howe', '2026-10-04', 23.5],
    ['America/New_York', '2026-11-01', 25],
  ])('%s has on %s a day of %d hours', (zone, date, hours) => {
    const startMs = firstInstantOf(zone, date);
    const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
    const next = new Date(Date.UTC(year, month - 1, day + 1)).toISOString().slice(0, 10);
    expect((firstInstantOf(zone, next) - startMs) / 3_600_000).toBe(hours);
  });

  test('a local time that comes twice is its first, one that is leapt over is the leap', () => {
    const instant = (local: string): string =>
      new Date(firstInstantOf('Europe/Berlin', local)).toISOString();
    expect(instant('2026-10-25T02:15')).toBe('2026-10-25T00:15:00.000Z');
    expect(instant('2026-03-29T02:15')).toBe('2026-03-29T01:00:00.000Z');
    expect(instant('2026-03-29T03:00')).toBe('2026-03-29T01:00:00.000Z');
  });

  test('an instant has a wall clock, a date and a weekday', () => {
    const wall = wallAt('Asia/Kolkata', Date.parse('2026-01-31T18:45:00Z'));
    const { date, month, monthDay, weekday, minuteOfDay, aheadMs } = wall;
    expect({ date, month, monthDay, weekday, minuteOfDay, aheadMs }).toEqual({
      date: '2026-02-01',
      month: '2026-02',
      monthDay: '02-01',
      weekday: 'sun',
      minuteOfDay: 15,
      aheadMs: 19_800_000,
    });
  });

  test('a zone that nobody knows is none', () => {
    expect(isZone('Europe/Berlin')).toBe(true);
    expect(isZone('Europe/Atlantis')).toBe(false);
  });
});
