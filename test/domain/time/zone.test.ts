import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slotMs } from '../../../src/domain/rating/slot.ts';
import { dayMs, hourMs } from '../../../src/domain/time/civil.ts';
import {
  instantAtWallMs,
  billingPeriodAt,
  isKnownZone,
  localPartsAt,
  offsetMsAt,
  offsetSegments,
  startOfLocalDayMs,
} from '../../../src/domain/time/zone.ts';

/** Day number of a date, by the platform's own calendar. */
function dayNumber(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / dayMs;
}

function quarterHoursOfDay(zone: string, date: string): number {
  const start = startOfLocalDayMs(zone, dayNumber(date));
  return (startOfLocalDayMs(zone, dayNumber(date) + 1) - start) / slotMs;
}

describe('days and months of a zone', () => {
  // Worked numbers: Europe/Berlin 2026, EU directive 2000/84/EC (last Sundays, 01:00 UTC).
  test('a Berlin day has 92 quarter hours in spring, 100 in autumn and 96 between', () => {
    expect(quarterHoursOfDay('Europe/Berlin', '2026-03-29')).toBe(92);
    expect(quarterHoursOfDay('Europe/Berlin', '2026-10-25')).toBe(100);
    expect(quarterHoursOfDay('Europe/Berlin', '2026-06-01')).toBe(96);
  });

  test('a Berlin March has 2,972 quarter hours and October 2,980', () => {
    const march = billingPeriodAt('Europe/Berlin', Date.parse('2026-03-15T00:00:00Z'));
    const october = billingPeriodAt('Europe/Berlin', Date.parse('2026-10-15T00:00:00Z'));
    expect((march.endMs - march.startMs) / slotMs).toBe(2_972);
    expect((october.endMs - october.startMs) / slotMs).toBe(2_980);
  });

  test('both 02:15 of the Berlin autumn night exist, an hour apart', () => {
    const first = localPartsAt('Europe/Berlin', Date.parse('2026-10-25T00:15:00Z'));
    const second = localPartsAt('Europe/Berlin', Date.parse('2026-10-25T01:15:00Z'));
    expect(first).toMatchObject({ day: 25, hour: 2, minute: 15, offsetMs: 2 * hourMs });
    expect(second).toMatchObject({ day: 25, hour: 2, minute: 15, offsetMs: hourMs });
  });

  // Lord Howe Island turns its clocks by half an hour (IANA tz database, australasia).
  test('Lord Howe has a day of 24.5 hours on 5 April 2026 and of 23.5 on 4 October', () => {
    expect(quarterHoursOfDay('Australia/Lord_Howe', '2026-04-05')).toBe(98);
    expect(quarterHoursOfDay('Australia/Lord_Howe', '2026-10-04')).toBe(94);
  });

  test('January in Manila runs from 16:00Z to 16:00Z', () => {
    const january = billingPeriodAt('Asia/Manila', Date.parse('2026-01-01T00:00:00+08:00'));
    expect(january).toEqual({
      startMs: Date.parse('2025-12-31T16:00:00Z'),
      endMs: Date.parse('2026-01-31T16:00:00Z'),
      label: '2026-01',
    });
    const next = billingPeriodAt('Asia/Manila', Date.parse('2026-01-31T16:00:00Z'));
    expect(next.label).toBe('2026-02');
  });

  // Cairo 2026-04-24 begins at 01:00; Havana 2026-11-01 has two midnights (IANA tz database).
  test('a day without midnight begins after the gap, one with two at the first', () => {
    expect(startOfLocalDayMs('Africa/Cairo', dayNumber('2026-04-24'))).toBe(
      Date.parse('2026-04-24T01:00:00+03:00'),
    );
    expect(startOfLocalDayMs('America/Havana', dayNumber('2026-11-01'))).toBe(
      Date.parse('2026-11-01T00:00:00-04:00'),
    );
  });

  // St. John's set its clocks back at 00:01 until 2011: 1 November 2009 showed October again.
  test('an instant that shows the old month again belongs to the new one exactly once', () => {
    const shown = Date.parse('2009-10-31T23:30:00-03:30');
    const before = billingPeriodAt('America/St_Johns', Date.parse('2009-10-31T23:00:00-02:30'));
    const after = billingPeriodAt('America/St_Johns', shown);
    expect(localPartsAt('America/St_Johns', shown)).toMatchObject({ month: 10, day: 31 });
    expect(before.endMs).toBe(after.startMs);
    expect(after.startMs <= shown && shown < after.endMs).toBe(true);
  });
});

describe('offsets', () => {
  const zones = [
    'Europe/Berlin',
    'Australia/Lord_Howe',
    'Asia/Kolkata',
    'Asia/Kathmandu',
    'Pacific/Apia', // skipped a day in 2011
    'Africa/Casablanca', // four changes a year
    'America/Caracas', // moved by half an hour
    'Antarctica/Troll', // moves by two hours
    'America/Los_Angeles',
    'Africa/Monrovia', // -00:44:30 until 1972
    'UTC',
  ];
  const instants = fc.integer({ min: 0, max: Date.UTC(2060, 0) / 60_000 }).map((m) => m * 60_000);

  test('agree with the platform at any minute', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), instants, (zone, instantMs) => {
        // sv-SE writes local time as ISO 8601: another pattern than the one under test.
        const text = new Intl.DateTimeFormat('sv-SE', {
          timeZone: zone,
          dateStyle: 'short',
          timeStyle: 'medium',
        }).format(instantMs);
        expect(instantMs + offsetMsAt(zone, instantMs)).toBe(
          Date.parse(`${text.replace(' ', 'T')}Z`),
        );
      }),
      { numRuns: 500 },
    );
  });

  test('change at the very second of the transition', () => {
    const change = Date.parse('2026-03-29T01:00:00Z');
    expect(offsetMsAt('Europe/Berlin', change - 1)).toBe(hourMs);
    expect(offsetMsAt('Europe/Berlin', change)).toBe(2 * hourMs);
  });

  test('no zone hides a change from a probe a day: hours of odd years agree', () => {
    const disagreements: string[] = [];
    for (const [zone, year] of [
      ['Africa/Casablanca', 2012],
      ['Pacific/Apia', 2011],
      ['Antarctica/Troll', 2026],
      ['Africa/Cairo', 2014],
    ] as const) {
      const format = new Intl.DateTimeFormat('sv-SE', {
        timeZone: zone,
        dateStyle: 'short',
        timeStyle: 'medium',
      });
      for (let at = Date.UTC(year, 0); at < Date.UTC(year + 1, 0); at += hourMs) {
        const local = Date.parse(`${format.format(at).replace(' ', 'T')}Z`);
        if (local !== at + offsetMsAt(zone, at)) disagreements.push(`${zone} ${at}`);
      }
    }
    expect(disagreements).toEqual([]);
  });

  test('segments cover a window without gap or overlap', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        instants,
        fc.integer({ min: 1, max: 900 }),
        (...args) => {
          const [zone, fromMs, days] = args;
          const toMs = fromMs + days * dayMs;
          const segments = offsetSegments(zone, { fromMs, toMs });
          expect(segments[0]?.startMs).toBe(fromMs);
          expect(segments.at(-1)?.endMs).toBe(toMs);
          for (const [index, segment] of segments.slice(1).entries()) {
            expect(segment.startMs).toBe(segments[index]?.endMs);
            expect(segment.offsetMs).not.toBe(segments[index]?.offsetMs);
          }
        },
      ),
    );
  });

  test('an instant lies in its billing period, and periods meet', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), instants, (zone, instantMs) => {
        const period = billingPeriodAt(zone, instantMs);
        expect(period.startMs <= instantMs && instantMs < period.endMs).toBe(true);
        expect(billingPeriodAt(zone, period.endMs).startMs).toBe(period.endMs);
      }),
    );
  });
});

test('only IANA names are zones', () => {
  for (const zone of ['Europe/Berlin', 'UTC', 'America/Argentina/ComodRivadavia', 'Etc/GMT+5']) {
    expect(isKnownZone(zone), zone).toBe(true);
  }
  for (const zone of ['', '+02:00', 'Mars/Olympus', 'Europe/Berlin ', 'x'.repeat(10_000)]) {
    expect(isKnownZone(zone), zone.slice(0, 20)).toBe(false);
  }
});

// Europe/Berlin 2026: 02:00 to 03:00 is skipped on 29 March and comes twice on 25 October.
test.each([
  ['2026-03-29T01:45', '2026-03-29T00:45Z'],
  ['2026-03-29T02:30', '2026-03-29T01:00Z'],
  ['2026-03-29T03:00', '2026-03-29T01:00Z'],
  ['2026-10-25T02:30', '2026-10-25T00:30Z'],
  ['2026-10-25T03:00', '2026-10-25T02:00Z'],
])('a local time is first reached once: %s is %s', (local, instant) => {
  expect(instantAtWallMs('Europe/Berlin', Date.parse(`${local}Z`))).toBe(Date.parse(instant));
});
