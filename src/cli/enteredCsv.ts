import { refuse, accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { parseInstant } from '../domain/time/instantText.ts';
import { wholeOf, wholeWithin } from '../domain/wholeText.ts';
import type { EnteredReading } from '../operations/office/checkEntries.ts';

/** A line of a meter-reading round: the meter by its serial. */
export type EnteredLine = Omit<EnteredReading, 'meterId'> & { readonly serial: string };

export type EnteredCsvCode = 'CSV_HEADER_UNKNOWN' | 'CSV_LINE_MALFORMED';

const header = ['meter', 'channel', 'readAt', 'value', 'quality'];
const qualities = ['ACTUAL', 'CALCULATED', 'ESTIMATED'] as const;

function lineOf(fields: readonly string[]): EnteredLine | string {
  const [serial = '', channel = '', readAt = '', value = '', quality = 'ACTUAL'] = fields;
  if (serial === '') return 'the meter has no serial';
  const channelCode = wholeWithin(channel);
  if (channelCode === null) return `channel "${channel}" is no number`;
  const at = parseInstant(readAt);
  if (!at.ok) return at.message;
  const counts = wholeOf(value);
  if (counts === null) return `value "${value}" is no whole number`;
  const known = qualities.find((each) => each === quality);
  if (known === undefined) return `quality "${quality}" is none of ${qualities.join(', ')}`;
  return { serial, channel: channelCode, atMs: at.value, value: counts, quality: known };
}

/** `meter,channel,readAt,value[,quality]`, the header first; serials and numbers have no commas. */
export function parseEnteredCsv(text: string): Outcome<readonly EnteredLine[], EnteredCsvCode> {
  const lines = text
    .split(/\r?\n/)
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '');
  const first = lines[0]?.line.split(',').map((name) => name.trim()) ?? [];
  const isHeader = first.length >= 4 && first.every((name, index) => name === header[index]);
  if (!isHeader) {
    const message = `The first line must be "${header.slice(0, 4).join(',')}" or with ",quality".`;
    return refuse('CSV_HEADER_UNKNOWN', message);
  }
  const entered: EnteredLine[] = [];
  for (const { line, number } of lines.slice(1)) {
    const fields = line.split(',').map((field) => field.trim());
    const parsed = fields.length > first.length ? 'it has too many fields' : lineOf(fields);
    if (typeof parsed === 'string') {
      return refuse('CSV_LINE_MALFORMED', `Line ${number}: ${parsed}. Nothing was entered.`);
    }
    entered.push(parsed);
  }
  return accept(entered);
}
