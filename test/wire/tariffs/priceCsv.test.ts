import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pricesPerSeriesMax } from '../../../src/domain/tariff/limits.ts';
import { importPriceCsv } from '../../../src/wire/tariffs/priceCsv.ts';

const options = { name: 'spot', unit: 'MWh' } as const;

function read(...lines: readonly string[]) {
  return importPriceCsv(['start,price', ...lines].join('\n'), options);
}

function refusal(...lines: readonly string[]): string {
  const imported = read(...lines);
  return imported.ok ? 'read' : `${imported.code} ${(imported.path ?? []).join('.')}`;
}

/** Every `minutes` from 2026-01-01 UTC. */
function starts(count: number, minutes: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    new Date(Date.UTC(2026, 0, 1, 0, index * minutes)).toISOString(),
  );
}

describe('prices', () => {
  it.each([15, 30, 60])('every %d minutes make a series of that step', (minutes) => {
    const lines = starts(3, minutes).map((start, index) => `${start},${index}.5`);
    expect(read(...lines)).toMatchObject({
      ok: true,
      value: {
        series: {
          name: 'spot',
          unit: 'MWh',
          minutes,
          from: '2026-01-01T00:00:00Z',
          prices: ['0.5', '1.5', '2.5'],
        },
        warnings: [],
      },
    });
  });

  it('go on through the hour that comes twice, told apart by their offset', () => {
    // 25 October 2026 in Berlin: 02:00+02:00 is followed by 02:00+01:00.
    const imported = read('2026-10-25T02:00:00+02:00,1', '2026-10-25T02:00:00+01:00,-2e-1');
    expect(imported).toMatchObject({
      value: { series: { from: '2026-10-25T00:00:00Z', prices: ['1', '-0.2'] } },
    });
  });

  it('that are missing, by a gap or an empty price, are null', () => {
    const [first, second, , , fifth] = starts(5, 60);
    const imported = read(`${first},1\r`, `${second},\r`, `${fifth},5\r`, '');
    expect(imported).toMatchObject({
      value: {
        series: { prices: ['1', null, null, null, '5'] },
        warnings: [{ code: 'PRICES_MISSING' }],
      },
    });
  });

  it('twice, not in order, off the grid or without an offset are refused with their line', () => {
    const [first, second, third] = starts(3, 15);
    expect(refusal(`${first},1`, `${first},1`)).toBe('CSV_LINE_REPEATED line 3.start');
    expect(refusal(`${second},1`, `${first},1`)).toBe('CSV_NOT_IN_ORDER line 3.start');
    expect(refusal('2026-01-01T00:00:00,1')).toBe('CSV_LINE_MALFORMED line 2.start');
    expect(refusal('2026-02-30T00:00:00Z,1')).toBe('CSV_LINE_MALFORMED line 2.start');
    const off = [`${first},1`, `${second},1`, '2026-01-01T00:40:00Z,1'];
    expect(refusal(...off)).toBe('PRICES_OFF_GRID ');
    expect(refusal('2026-01-01T00:05:00Z,1', '2026-01-01T00:20:00Z,1')).toBe('PRICES_OFF_GRID ');
    expect(refusal(`${first},1`, '2026-01-01T00:10:00Z,1')).toBe('CSV_STEP_UNKNOWN ');
    expect(refusal(`${third},1`)).toBe('CSV_STEP_UNKNOWN ');
  });

  it('that are no decimals are refused', () => {
    const [first] = starts(1, 15);
    for (const price of ['1,5', '1.234567', 'NaN', '0x1', '1 000', '--1']) {
      expect(refusal(`${first},${price}`)).toMatch(/^CSV_LINE_MALFORMED line 2/);
    }
  });

  it('of another header, or more than a series holds, are refused', () => {
    expect(importPriceCsv('price,start\n', options)).toMatchObject({ code: 'CSV_HEADER_UNKNOWN' });
    const many = starts(pricesPerSeriesMax, 15).map((start) => `${start},1`);
    expect(read(...many, '')).toMatchObject({ ok: true });
    const last = new Date(Date.UTC(2026, 0, 1, 0, pricesPerSeriesMax * 15)).toISOString();
    expect(refusal(...many, `${last},1`)).toBe('PRICES_TOO_MANY ');
    expect(refusal(...many, '', `${last},1`)).toBe('PRICES_TOO_MANY ');
    // Two lines two years apart with a third a quarter hour later.
    const far = ['2024-01-01T00:00:00Z,1', '2026-01-01T00:00:00Z,1', '2026-01-01T00:15:00Z,1'];
    expect(refusal(...far)).toBe('PRICES_TOO_MANY ');
  });

  it('of whatever text are read or refused, never thrown at', () => {
    const cell = fc.oneof(
      fc.string(),
      fc.constantFrom(...starts(6, 15)),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    );
    const lines = fc.array(fc.array(cell, { maxLength: 3 }).map((cells) => cells.join(',')));
    fc.assert(
      fc.property(lines, (rows) => {
        const imported = read(...rows);
        expect(imported.ok || imported.message.length > 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
