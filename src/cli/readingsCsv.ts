import { channelOf, importChannel } from '../domain/channel.ts';
import { readAtMsMax, readAtMsMin, registerWhMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { parseInstant } from '../domain/time/instantText.ts';
import { wholeOf, wholeWithin } from '../domain/wholeText.ts';
import { idNumberMax } from './wholeNumber.ts';

export type CsvReading = {
  /** An id in digits, or a serial number to look up. */
  readonly meter: { readonly id: number } | { readonly serial: string };
  readonly channel: number;
  readonly unit: number;
  readonly readAtMs: number;
  readonly value: bigint;
};

export type ReadingsCsvCode = 'CSV_HEADER_UNKNOWN' | 'CSV_ROW_MALFORMED' | 'CSV_EMPTY';

const header = /^(meter|serial),(channel,)?readAt,value$/;

function malformed(line: number, problem: string): Outcome<never, ReadingsCsvCode> {
  return refuse('CSV_ROW_MALFORMED', `Line ${line}: ${problem}. Correct it; nothing was sent.`);
}

function readRow(
  cells: readonly string[],
  { line, isSerial }: { line: number; isSerial: boolean },
): Outcome<CsvReading, ReadingsCsvCode> {
  const [meter, channelText, readAt, value] = cells;
  const id = wholeWithin(meter, { min: 1, max: idNumberMax });
  if (!isSerial && id === null) return malformed(line, `"${meter}" is no meter id`);
  if (meter === '') return malformed(line, 'the serial is empty');
  const channel = channelOf(wholeWithin(channelText) ?? 0);
  if (channel === null) return malformed(line, `channel "${channelText}" is not known`);
  const at = parseInstant(readAt);
  if (!at.ok) return malformed(line, at.message.replace(/\.$/, ''));
  if (at.value < readAtMsMin || at.value >= readAtMsMax) {
    return malformed(line, `"${readAt}" is not of 2000 to 2099`);
  }
  const counts = wholeOf(value.replace('-', ''));
  if (counts === null || value.lastIndexOf('-') > 0) {
    return malformed(line, `"${value}" is no whole number`);
  }
  if (counts > registerWhMax) {
    return malformed(line, `"${value}" is 2^50 or more`);
  }
  return accept({
    meter: isSerial || id === null ? { serial: meter } : { id },
    channel: channel.code,
    unit: channel.dlmsUnit,
    readAtMs: at.value,
    value: value.startsWith('-') ? -counts : counts,
  });
}

/** `meter,readAt,value` or `serial,channel,readAt,value`; without the column channel it is 1. */
export function readReadingsCsv(text: string): Outcome<readonly CsvReading[], ReadingsCsvCode> {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const [kind] = lines;
  const match = header.exec(kind);
  if (match === null) {
    const message =
      'The first line is "meter,readAt,value", with "serial" for "meter" and ' +
      '"channel," before "readAt" where they are needed.';
    return refuse('CSV_HEADER_UNKNOWN', message);
  }
  const hasChannel = match[2] !== undefined;
  const readings: CsvReading[] = [];
  for (const [index, row] of lines.entries()) {
    if (index === 0 || row === '') continue;
    const cells = row.split(',').map((cell) => cell.trim());
    if (!hasChannel) cells.splice(1, 0, String(importChannel));
    if (cells.length !== 4) return malformed(index + 1, 'it has not as many cells as the first');
    const reading = readRow(cells, { line: index + 1, isSerial: match[1] === 'serial' });
    if (!reading.ok) return reading;
    readings.push(reading.value);
  }
  if (readings.length === 0) return refuse('CSV_EMPTY', 'The file has no readings.');
  return accept(readings);
}
