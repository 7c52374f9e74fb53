import {
  intervalWhMax,
  loadIntervalMinutes,
  loadIntervalsMax,
  loadLineLengthMax,
} from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import type { Load } from '../domain/rating/load.ts';
import { minuteMs } from '../domain/time/civil.ts';
import { parseInstant } from '../domain/time/instantText.ts';

export type LoadCsvCode =
  | 'LOAD_EMPTY'
  | 'LOAD_HEADER_MALFORMED'
  | 'LOAD_ROW_MALFORMED'
  | 'LOAD_INSTANT_MALFORMED'
  | 'LOAD_INSTANT_WITHOUT_OFFSET'
  | 'LOAD_INSTANT_REPEATED'
  | 'LOAD_UNSORTED'
  | 'LOAD_OFF_GRID'
  | 'LOAD_INTERVAL_UNKNOWN'
  | 'LOAD_INTERVAL_WRONG'
  | 'LOAD_VALUE_MALFORMED'
  | 'LOAD_VALUE_TOO_LARGE'
  | 'LOAD_TOO_LONG';

/** The columns after `start`, in this order; the second and the third group may be left out. */
const headers = [
  ['import_wh'],
  ['import_wh', 'export_wh'],
  ['import_wh', 'q1_varh', 'q2_varh', 'q3_varh', 'q4_varh'],
  ['import_wh', 'export_wh', 'q1_varh', 'q2_varh', 'q3_varh', 'q4_varh'],
] as const;
const headerAdvice =
  'write start,import_wh[,export_wh][,q1_varh,q2_varh,q3_varh,q4_varh] as the first line';

/** Rows start on this grid: the finest one that tariffs are read on. */
const gridMs = 5 * minuteMs;

type Rows = {
  readonly columns: readonly string[];
  /** By row. */
  readonly startMs: Float64Array;
  readonly lineNumbers: Int32Array;
  /** By column, then row; NaN where the cell is empty. */
  readonly cells: readonly Float64Array[];
  readonly count: number;
};

function refuseLine(code: LoadCsvCode, line: number, what: string): Refused<LoadCsvCode> {
  return refuse(code, `Line ${line}: ${what}`, ['lines', String(line)]);
}

function parseHeader(line: string): Outcome<readonly string[], LoadCsvCode> {
  const [first = '', ...rest] = line.split(',').map((name) => name.trim());
  const columns = headers.find((header) => header.join() === rest.join());
  if (first === 'start' && columns !== undefined) return accept(columns);
  const message = `The first line is "${line.slice(0, 80)}"; ${headerAdvice}.`;
  return refuse('LOAD_HEADER_MALFORMED', message, ['lines', '1']);
}

function parseCell(text: string, line: number): Outcome<number, LoadCsvCode> {
  const cell = text.trim();
  if (cell === '') return accept(Number.NaN);
  if (!/^\d+$/.test(cell)) {
    const what =
      `"${cell.slice(0, 40)}" is no whole number of Wh or varh, zero or more. Give the energy ` +
      'of the interval in whole Wh; leave the cell empty where nothing is known.';
    return refuseLine('LOAD_VALUE_MALFORMED', line, what);
  }
  const value = cell.length <= 15 ? Number(cell) : Infinity;
  if (value <= intervalWhMax) return accept(value);
  const what =
    `"${cell.slice(0, 40)}" is more than ${intervalWhMax} Wh in one interval. Values are Wh of ` +
    'the interval, not the register.';
  return refuseLine('LOAD_VALUE_TOO_LARGE', line, what);
}

function parseStart(text: string, line: number): Outcome<number, LoadCsvCode> {
  const start = parseInstant(text.trim());
  if (start.ok) {
    if (start.value % gridMs === 0) return start;
    const what = `${text.trim()} is not on a whole 5 minutes; give the interval's own begin.`;
    return refuseLine('LOAD_OFF_GRID', line, what);
  }
  const code =
    start.code === 'INSTANT_WITHOUT_OFFSET'
      ? 'LOAD_INSTANT_WITHOUT_OFFSET'
      : 'LOAD_INSTANT_MALFORMED';
  return refuseLine(code, line, start.message);
}

function countLines(text: string): number {
  let count = 1;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

function readRow(rows: Rows, at: number, raw: string, line: number): Outcome<null, LoadCsvCode> {
  const [startText = '', ...cells] = raw.split(',');
  if (cells.length !== rows.columns.length) {
    const what = `${cells.length + 1} cells, the first line names ${rows.columns.length + 1}.`;
    return refuseLine('LOAD_ROW_MALFORMED', line, what);
  }
  const start = parseStart(startText, line);
  if (!start.ok) return start;
  const beforeMs = at === 0 ? -1 : (rows.startMs[at - 1] ?? -1);
  if (start.value === beforeMs) {
    const what = `${startText.trim()} is there twice; keep the row that is right.`;
    return refuseLine('LOAD_INSTANT_REPEATED', line, what);
  }
  if (start.value < beforeMs) {
    const what = `${startText.trim()} is before the row above it; sort the rows by time.`;
    return refuseLine('LOAD_UNSORTED', line, what);
  }
  rows.startMs[at] = start.value;
  rows.lineNumbers[at] = line;
  for (const [index, text] of cells.entries()) {
    const cell = parseCell(text, line);
    if (!cell.ok) return cell;
    const column = rows.cells[index];
    if (column !== undefined) column[at] = cell.value;
  }
  return accept(null);
}

/** Line by line over the one text: ten years of quarter hours are 350,000 lines. */
function readRows(text: string): Outcome<Rows, LoadCsvCode> {
  const headerEnd = text.indexOf('\n');
  const header = parseHeader((headerEnd === -1 ? text : text.slice(0, headerEnd)).trim());
  if (!header.ok) return header;
  const rowsMax = countLines(text);
  if (rowsMax > loadIntervalsMax + 2) {
    const message = `The file has ${rowsMax} lines, at most ${loadIntervalsMax}; split it.`;
    return refuse('LOAD_TOO_LONG', message);
  }
  const rows: Rows = {
    columns: header.value,
    startMs: new Float64Array(rowsMax),
    lineNumbers: new Int32Array(rowsMax),
    cells: header.value.map(() => new Float64Array(rowsMax)),
    count: 0,
  };
  let count = 0;
  let from = headerEnd === -1 ? text.length : headerEnd + 1;
  for (let line = 2; from < text.length; line += 1) {
    const end = text.indexOf('\n', from);
    const to = end === -1 ? text.length : end;
    if (to - from > loadLineLengthMax) {
      const what = `${to - from} characters, at most ${loadLineLengthMax}; one row a line.`;
      return refuseLine('LOAD_ROW_MALFORMED', line, what);
    }
    const raw = text.slice(from, to).trim();
    from = to + 1;
    if (raw === '') continue;
    const read = readRow(rows, count, raw, line);
    if (!read.ok) return read;
    count += 1;
  }
  if (count === 0) return refuse('LOAD_EMPTY', 'The file has no rows; give it some.');
  return accept({ ...rows, count });
}

/** The shortest step between two rows; longer ones are holes. */
function stepMsOf({ startMs, count }: Rows): number | null {
  let stepMs = Infinity;
  for (let at = 1; at < count; at += 1) {
    stepMs = Math.min(stepMs, (startMs[at] ?? 0) - (startMs[at - 1] ?? 0));
  }
  return Number.isFinite(stepMs) ? stepMs : null;
}

/** The longest time that all steps between rows are whole multiples of. */
function commonStepMsOf({ startMs, count }: Rows): number {
  let commonMs = 0;
  for (let at = 1; at < count; at += 1) {
    let stepMs = (startMs[at] ?? 0) - (startMs[at - 1] ?? 0);
    while (stepMs !== 0) [commonMs, stepMs] = [stepMs, commonMs % stepMs];
  }
  return commonMs;
}

function isLoadInterval(minutes: number): boolean {
  return loadIntervalMinutes.some((known) => known === minutes);
}

/** Half-hourly rows read as quarter hours would leave every other one without data. */
function statedMsOf(rows: Rows, statedMinutes: number): Outcome<number, LoadCsvCode> {
  const commonMinutes = commonStepMsOf(rows) / minuteMs;
  if (commonMinutes <= statedMinutes || !isLoadInterval(commonMinutes)) {
    return accept(statedMinutes * minuteMs);
  }
  const message =
    `All rows are ${commonMinutes} minutes or multiples of it apart, so an interval is no ` +
    `${statedMinutes} minutes. Give --interval ${commonMinutes}, or leave it out.`;
  return refuse('LOAD_INTERVAL_WRONG', message);
}

function intervalMsOf(rows: Rows, intervalMinutes: number | null): Outcome<number, LoadCsvCode> {
  const known = loadIntervalMinutes.join(', ');
  if (intervalMinutes !== null) {
    if (isLoadInterval(intervalMinutes)) return statedMsOf(rows, intervalMinutes);
    const message = `An interval has ${known} minutes, not ${intervalMinutes}.`;
    return refuse('LOAD_INTERVAL_UNKNOWN', message);
  }
  const stepMs = stepMsOf(rows);
  if (stepMs === null) {
    const message = 'One row says nothing about its length; give --interval MINUTES.';
    return refuse('LOAD_INTERVAL_UNKNOWN', message);
  }
  if (isLoadInterval(stepMs / minuteMs)) return accept(stepMs);
  const message =
    `The shortest step between two rows is ${stepMs / minuteMs} minutes; an interval has ` +
    `${known}. Give --interval MINUTES where rows are left out.`;
  return refuse('LOAD_INTERVAL_UNKNOWN', message);
}

/** Rows at their places; what no row speaks of stays missing. */
function spread(rows: Rows, intervalMs: number): Outcome<Load, LoadCsvCode> {
  const { startMs, lineNumbers, cells, columns, count } = rows;
  const fromMs = startMs[0] ?? 0;
  const length = Math.floor(((startMs[count - 1] ?? 0) - fromMs) / intervalMs) + 1;
  if (length > loadIntervalsMax) {
    const message = `From first to last are ${length} intervals, at most ${loadIntervalsMax}.`;
    return refuse('LOAD_TOO_LONG', message);
  }
  const placed = columns.map(() => new Float64Array(length).fill(Number.NaN));
  for (let at = 0; at < count; at += 1) {
    const index = ((startMs[at] ?? 0) - fromMs) / intervalMs;
    if (!Number.isInteger(index)) {
      const what =
        `the row is not whole intervals of ${intervalMs / minuteMs} minutes after the first. ` +
        'Correct its begin, or give --interval MINUTES.';
      return refuseLine('LOAD_OFF_GRID', lineNumbers[at] ?? 0, what);
    }
    for (const [column, values] of placed.entries()) {
      values[index] = cells[column]?.[at] ?? Number.NaN;
    }
  }
  const byName = new Map(columns.map((name, column) => [name, placed[column]]));
  const [q1, q2, q3, q4] = ['q1', 'q2', 'q3', 'q4'].map((name) => byName.get(`${name}_varh`));
  return accept({
    fromMs,
    intervalMs,
    unitsPerWh: 1,
    import: byName.get('import_wh') ?? new Float64Array(length),
    export: byName.get('export_wh') ?? null,
    reactive: q1 && q2 && q3 && q4 ? { q1, q2, q3, q4 } : null,
    estimated: null,
  });
}

/**
 * A load as text: one row an interval, instants in ISO 8601 with their offset, whole Wh and varh.
 * A row or a cell that is not there is missing energy, never zero.
 */
export function parseLoadCsv(
  text: string,
  intervalMinutes: number | null = null,
): Outcome<Load, LoadCsvCode> {
  const rows = readRows(text.replace(/^\uFEFF/, ''));
  if (!rows.ok) return rows;
  const intervalMs = intervalMsOf(rows.value, intervalMinutes);
  if (!intervalMs.ok) return intervalMs;
  return spread(rows.value, intervalMs.value);
}
