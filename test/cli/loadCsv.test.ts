import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseLoadCsv } from '../../src/cli/loadCsv.ts';

const hour = (at: number) => new Date(Date.UTC(2026, 2, 1) + at * 3_600_000).toISOString();
const csv = (...rows: string[]) => ['start,import_wh', ...rows].join('\n');
const missing = Number.NaN;

describe('a load file', () => {
  test('a row is an interval, the step comes from the data', () => {
    const load = parseLoadCsv(csv('2026-03-01T00:00:00+01:00,250', '2026-03-01T00:15:00+01:00,0'));
    expect(load).toMatchObject({
      ok: true,
      value: {
        fromMs: Date.UTC(2026, 1, 28, 23),
        intervalMs: 900_000,
        unitsPerWh: 1,
        import: Float64Array.of(250, 0),
        export: null,
        reactive: null,
      },
    });
  });

  test('the night the clocks go back has two hours of one name, kept apart by their offset', () => {
    const load = parseLoadCsv(
      csv('2026-10-25T02:00:00+02:00,1', '2026-10-25T02:00:00+01:00,2', '2026-10-25T03:00+01:00,3'),
    );
    expect(load).toMatchObject({ value: { import: Float64Array.of(1, 2, 3) } });
  });

  test('a row or a cell that is not there is missing, not zero', () => {
    const load = parseLoadCsv(csv(`${hour(0)},1`, `${hour(1)},`, `${hour(3)},0`, `${hour(4)},5`));
    expect(load).toMatchObject({
      value: { intervalMs: 3_600_000, import: Float64Array.of(1, missing, missing, 0, 5) },
    });
  });

  test('all registers, a byte order mark, ends of line of Windows and blank lines', () => {
    const text =
      '\uFEFFstart, import_wh ,export_wh,q1_varh,q2_varh,q3_varh,q4_varh\r\n' +
      `${hour(0)},1,2,3,4,5,6\r\n\r\n${hour(1)}, 7 ,8,9,10,11,12\r\n`;
    expect(parseLoadCsv(text)).toMatchObject({
      value: {
        import: Float64Array.of(1, 7),
        export: Float64Array.of(2, 8),
        reactive: {
          q1: Float64Array.of(3, 9),
          q2: Float64Array.of(4, 10),
          q3: Float64Array.of(5, 11),
          q4: Float64Array.of(6, 12),
        },
      },
    });
  });

  test('one row has a length when it is told', () => {
    expect(parseLoadCsv(csv(`${hour(0)},9`), 30)).toMatchObject({
      value: { intervalMs: 1_800_000, import: Float64Array.of(9) },
    });
  });

  test('ten years of quarter hours are read', () => {
    const rows = ['start,import_wh'];
    for (let at = 0; at < 350_640; at += 1) rows.push(`${hour(at / 4)},${at % 977}`);
    const load = parseLoadCsv(rows.join('\n'));
    expect(load.ok && load.value.import.length).toBe(350_640);
    expect(load.ok && load.value.import[350_639]).toBe(350_639 % 977);
  });
});

describe('bad input has a code, its line and what to do', () => {
  test.each([
    ['', 'LOAD_HEADER_MALFORMED', 'The first line is'],
    ['time,import_wh', 'LOAD_HEADER_MALFORMED', 'write start,import_wh'],
    ['start,export_wh,import_wh', 'LOAD_HEADER_MALFORMED', 'write start,import_wh'],
    ['start,import_wh,q1_varh', 'LOAD_HEADER_MALFORMED', 'write start,import_wh'],
    ['start,import_wh\n', 'LOAD_EMPTY', 'no rows'],
    [csv(`${hour(0)},1,2`), 'LOAD_ROW_MALFORMED', 'Line 2: 3 cells, the first line names 2'],
    [csv(hour(0)), 'LOAD_ROW_MALFORMED', 'Line 2'],
    [csv(`${hour(0)},${'1'.repeat(400)}`), 'LOAD_ROW_MALFORMED', 'Line 2'],
    [csv(`${hour(0)},1`, 'yesterday,1'), 'LOAD_INSTANT_MALFORMED', 'Line 3'],
    [csv('2026-03-01T00:00:00,1'), 'LOAD_INSTANT_WITHOUT_OFFSET', 'write it as'],
    [csv(`${hour(0)},1`, `${hour(0)},2`), 'LOAD_INSTANT_REPEATED', 'Line 3'],
    [csv(`${hour(1)},1`, `${hour(0)},2`), 'LOAD_UNSORTED', 'Line 3'],
    [csv('2026-03-01T00:07:00Z,1'), 'LOAD_OFF_GRID', 'Line 2'],
    [csv(`${hour(0)},1`, `${hour(1)},1`, '2026-03-01T02:30:00Z,1'), 'LOAD_OFF_GRID', 'Line 4'],
    [csv(`${hour(0)},1`), 'LOAD_INTERVAL_UNKNOWN', '--interval'],
    [csv(`${hour(0)},1`, `${hour(2)},1`), 'LOAD_INTERVAL_UNKNOWN', '120 minutes'],
    [csv(`${hour(0)},-1`), 'LOAD_VALUE_MALFORMED', 'Line 2'],
    [csv(`${hour(0)},1.5`), 'LOAD_VALUE_MALFORMED', 'whole Wh'],
    [csv(`${hour(0)},1e3`), 'LOAD_VALUE_MALFORMED', 'whole Wh'],
    [csv(`${hour(0)},NaN`), 'LOAD_VALUE_MALFORMED', 'whole Wh'],
    [csv(`${hour(0)},100000000001`), 'LOAD_VALUE_TOO_LARGE', 'not the register'],
    [csv(`${hour(0)},${'9'.repeat(40)}`), 'LOAD_VALUE_TOO_LARGE', 'Line 2'],
    [csv(`${hour(0)},1`, `${hour(1)},1`, '2199-03-01T00:00:00Z,1'), 'LOAD_TOO_LONG', 'at most'],
  ])('%j: %s', (text, code, told) => {
    const load = parseLoadCsv(text);
    expect(load).toMatchObject({ ok: false, code });
    expect(load).toMatchObject({ message: expect.stringContaining(told) });
  });

  test('an interval that no meter has is refused', () => {
    expect(parseLoadCsv(csv(`${hour(0)},1`), 45)).toMatchObject({ code: 'LOAD_INTERVAL_UNKNOWN' });
  });

  test('rows that are all half an hour apart are no quarter hours', () => {
    const halves = [`${hour(0)},1`, `${hour(0.5)},1`, `${hour(1.5)},1`];
    const told = parseLoadCsv(csv(...halves), 15);
    expect(told).toMatchObject({ ok: false, code: 'LOAD_INTERVAL_WRONG' });
    expect(told).toMatchObject({ message: expect.stringContaining('--interval 30') });
  });

  test('holes between some rows of the stated interval stay holes', () => {
    const rows = [`${hour(0)},1`, `${hour(0.5)},1`, `${hour(0.75)},1`];
    const load = parseLoadCsv(csv(...rows), 15);
    expect(load).toMatchObject({ value: { import: Float64Array.of(1, missing, 1, 1) } });
    // Two hours are no interval of a meter: what lies between them is missing.
    const far = parseLoadCsv(csv(`${hour(0)},1`, `${hour(2)},1`), 60);
    expect(far).toMatchObject({ value: { import: Float64Array.of(1, missing, 1) } });
  });

  test('a grid that the interval does not fit is refused, not shifted', () => {
    expect(parseLoadCsv(csv(`${hour(0)},1`, '2026-03-01T00:15:00Z,1'), 60)).toMatchObject({
      code: 'LOAD_OFF_GRID',
    });
  });

  test('any text is a load or a refusal', () => {
    const line = fc.oneof(
      fc.string(),
      fc.tuple(fc.integer({ min: 0, max: 40 }), fc.string()).map(([at, x]) => `${hour(at)},${x}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const load = parseLoadCsv(csv(...lines));
        const isAnswered = load.ok ? load.value.import.length > 0 : load.code.startsWith('LOAD_');
        expect(isAnswered).toBe(true);
      }),
    );
  });
});
