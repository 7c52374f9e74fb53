import { accept, refuse } from '../../src/domain/outcome.ts';
import type { Outcome } from '../../src/domain/outcome.ts';
import { isOnSlotGrid } from '../../src/domain/rating/slot.ts';
import { hourMs } from '../../src/domain/time/civil.ts';

/** Whether a stamp in the file is the beginning or the end of the hour that it speaks of. */
export type Stamps = 'start' | 'end';

/** Energy of one hour by meter, in whole Wh; null where the file has a gap. */
export type LoadHour = {
  readonly startMs: number;
  readonly energyWh: readonly (bigint | null)[];
};

export type LoadFile = {
  /** As the header names them. */
  readonly meters: readonly string[];
  /** In time order. */
  readonly hours: readonly LoadHour[];
};

export type LoadCode =
  | 'LOAD_EMPTY'
  | 'LOAD_HEADER_MALFORMED'
  | 'LOAD_STAMP_MALFORMED'
  | 'LOAD_STAMPS_NOT_HOURLY'
  | 'LOAD_ROW_MALFORMED'
  | 'LOAD_VALUE_MALFORMED'
  | 'LOAD_MONTH_ABSENT';

/** A local time without its offset names two instants on the day the clocks go back. */
const stampPattern = /^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:?\d{2})$/;
const valuePattern = /^\d+(\.\d*)?(e[+-]?\d+)?$/i;

function parseStamp(text: string, line: number): Outcome<number, LoadCode> {
  const instantMs = stampPattern.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  if (isOnSlotGrid(instantMs)) return accept(instantMs);
  return refuse(
    'LOAD_STAMP_MALFORMED',
    `Line ${line}: "${text}" is no instant on the quarter hour with an offset; ` +
      'write it as 2016-03-01T00:00:00-08:00.',
  );
}

/** Mean W over an hour is Wh; rounded to a whole one first, because a register counts in those. */
function parseValue(text: string, line: number): Outcome<bigint | null, LoadCode> {
  const trimmed = text.trim();
  if (trimmed === '') return accept(null);
  const energyWh = Math.round(Number(trimmed));
  if (valuePattern.test(trimmed) && Number.isSafeInteger(energyWh)) return accept(BigInt(energyWh));
  return refuse(
    'LOAD_VALUE_MALFORMED',
    `Line ${line}: "${trimmed}" is no mean power in W of an import meter (zero or more); ` +
      'leave the cell empty where nothing is known.',
  );
}

/**
 * A wide table: first column the instants with their offset, then one column a meter with the mean
 * power of the hour in W.
 */
export function parseLoadFile(
  text: string,
  { stamps }: { stamps: Stamps },
): Outcome<LoadFile, LoadCode> {
  const [header = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const meters = header
    .split(',')
    .slice(1)
    .map((name) => name.trim());
  if (meters.length === 0 || new Set(meters).size < meters.length || meters.includes('')) {
    const message = 'The first line names the stamps and then each meter once; correct it.';
    return refuse('LOAD_HEADER_MALFORMED', message);
  }
  const hours: LoadHour[] = [];
  for (const [index, raw] of lines.entries()) {
    if (raw.trim() === '') continue;
    const line = index + 2;
    const [stampText = '', ...cells] = raw.split(',');
    if (cells.length !== meters.length) {
      const message = `Line ${line} has ${cells.length} values for ${meters.length} meters.`;
      return refuse('LOAD_ROW_MALFORMED', message);
    }
    const stamp = parseStamp(stampText.trim(), line);
    if (!stamp.ok) return stamp;
    const startMs = stamps === 'start' ? stamp.value : stamp.value - hourMs;
    const stepMs = startMs - (hours.at(-1)?.startMs ?? startMs - hourMs);
    if (stepMs <= 0 || stepMs % hourMs !== 0) {
      const message = `Line ${line} is not whole hours after the line before; give hourly values.`;
      return refuse('LOAD_STAMPS_NOT_HOURLY', message);
    }
    const energyWh: (bigint | null)[] = [];
    for (const cell of cells) {
      const value = parseValue(cell, line);
      if (!value.ok) return value;
      energyWh.push(value.value);
    }
    hours.push({ startMs, energyWh });
  }
  if (hours.length === 0) return refuse('LOAD_EMPTY', 'The file has no hours; give it some.');
  return accept({ meters, hours });
}
