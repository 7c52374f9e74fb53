import { describe, expect, test } from 'vitest';
import { compileTariff } from '../../../src/domain/rating/compile.ts';
import { hasFolds } from '../../../src/domain/rating/compiled.ts';
import { finish } from '../../../src/domain/rating/finish.ts';
import { accumulate } from '../../../src/domain/rating/kernel.ts';
import { slotMs } from '../../../src/domain/rating/slot.ts';
import { minuteMs } from '../../../src/domain/time/civil.ts';
import {
  blocksDocument,
  closed,
  compiledMonth,
  dayNightEnergy,
  documentOf,
  foldedDocument,
} from './documents.ts';

const document = documentOf([dayNightEnergy()]);
const midnightMs = Date.parse('2026-01-01T00:00:00Z');
const dayWindow = { zone: 'UTC', fromMs: midnightMs, toMs: midnightMs + 96 * slotMs };

describe('compiling', () => {
  test.each([
    ['ZONE_UNKNOWN', { ...dayWindow, zone: 'Mars/Olympus' }],
    ['WINDOW_OFF_GRID', { ...dayWindow, fromMs: midnightMs + 1 }],
    ['WINDOW_OFF_GRID', { ...dayWindow, toMs: Number.NaN }],
    ['WINDOW_EMPTY', { ...dayWindow, toMs: midnightMs }],
    ['WINDOW_NOT_ONE_MONTH', { ...dayWindow, toMs: midnightMs + 96 * 32 * slotMs }],
    ['WINDOW_TOO_LONG', { ...dayWindow, toMs: midnightMs + 96 * 500 * slotMs }],
    ['WINDOW_OUT_OF_RANGE', { ...dayWindow, fromMs: -slotMs }],
    [
      'SLOTS_TOO_COARSE',
      { ...dayWindow, slotMs: 40 * minuteMs, toMs: midnightMs + 36 * 2_400_000 },
    ],
    // Liberia kept -00:44:30 until 7 January 1972 (IANA tz database, africa).
    [
      'ZONE_OFF_GRID',
      {
        zone: 'Africa/Monrovia',
        fromMs: Date.parse('1971-12-01T00:00:00Z'),
        toMs: Date.parse('1971-12-02T00:00:00Z'),
      },
    ],
    // St. John's changed at 00:01 until 2011: offsets on the grid, the change not.
    [
      'ZONE_OFF_GRID',
      {
        zone: 'America/St_Johns',
        fromMs: Date.parse('2009-11-01T00:00:00Z'),
        toMs: Date.parse('2009-11-02T00:00:00Z'),
      },
    ],
  ])('refuses with %s', (code, window) => {
    expect(compileTariff(document, window)).toMatchObject({ ok: false, code });
  });

  test('gives a month its quarter hours, also where it has more or fewer', () => {
    expect(compiledMonth(document, '2026-03-15T00:00:00Z').slotCount).toBe(2_972);
    expect(compiledMonth(document, '2026-10-15T00:00:00Z').slotCount).toBe(2_980);
    expect(compiledMonth(document, '2026-01-15T00:00:00Z').slotCount).toBe(2_976);
    const lordHowe = { zone: 'Australia/Lord_Howe' };
    // The clocks go back by half an hour on 5 April 2026, a day of 24.5 hours.
    expect(compiledMonth(document, '2026-04-15T00:00:00Z', lordHowe).slotCount).toBe(30 * 96 + 2);
  });

  test('counts days by the wall clock, and leap days', () => {
    const march = compiledMonth(document, '2026-03-15T00:00:00Z').facts;
    expect(march.billedDays).toEqual({ numerator: 31n, denominator: 1n });
    expect(march).toMatchObject({ label: '2026-03', monthDays: 31, yearDays: 365, month: 3 });
    const february = compiledMonth(document, '2028-02-10T00:00:00Z').facts;
    expect(february).toMatchObject({ label: '2028-02', monthDays: 29, yearDays: 366 });
    const part = compiledMonth(document, '2026-03-15T00:00:00Z', {
      toMs: Date.parse('2026-03-29T10:00:00Z'), // noon in Berlin, of a day of 23 hours
    }).facts;
    expect(part.billedDays).toEqual({ numerator: 57n, denominator: 2n });
    expect([march.endsMonth, part.endsMonth]).toEqual([true, false]);
  });

  test('keeps sums by period where the order of time decides nothing, else runs', () => {
    const plain = compiledMonth(document, '2026-01-15T00:00:00Z');
    expect([plain.bucketCount, hasFolds(plain)]).toEqual([2, false]);
    const folded = compiledMonth(foldedDocument, '2026-01-15T00:00:00Z');
    expect([folded.bucketCount, hasFolds(folded)]).toEqual([2, true]);
    // 31 days of three runs each: night, day, night.
    const blocks = compiledMonth(blocksDocument, '2026-01-15T00:00:00Z');
    expect([blocks.bucketCount, hasFolds(blocks)]).toEqual([93, true]);
  });

  test('shares its tables with a thread instead of copying them', () => {
    for (const tariff of [document, foldedDocument, blocksDocument]) {
      const compiled = compiledMonth(tariff, '2026-01-15T00:00:00Z');
      const posted = structuredClone(compiled);
      expect(posted.superPeriodOfSlot.buffer).toBeInstanceOf(SharedArrayBuffer);
      for (const spot of posted.spots) expect(spot.prices.buffer).toBeInstanceOf(SharedArrayBuffer);
      const column = new Float64Array(compiled.slotCount).fill(250);
      const energies = {
        import: column,
        reactive: { q1: column, q2: column, q3: column, q4: column },
        firstSlot: compiled.firstSlot,
      };
      expect(finish(posted, accumulate(posted, energies), closed)).toEqual(
        finish(compiled, accumulate(compiled, energies), closed),
      );
    }
  });
});
