import { z } from 'zod';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import {
  bankFileBytesMax,
  bankFileEntriesMax,
  calendarDay,
  entryRefLengthMax,
  remittanceOf,
  unsignedMicros,
} from './statement.ts';
import type { BankFile, BankFileCode, BankFileEntry } from './statement.ts';

const dateForms = ['YYYY-MM-DD', 'DD.MM.YYYY', 'DD/MM/YYYY', 'MM/DD/YYYY'] as const;
const column = z.string().min(1).max(100);

/** Which column of a bank's CSV says what: a part of the channel's settings. */
export const csvColumns = z.strictObject({
  delimiter: z.enum([',', ';', '\t']).default(','),
  decimal: z.enum(['.', ',']).default('.'),
  date: z.enum(dateForms).default('YYYY-MM-DD'),
  /** Lines above the one with the names of the columns. */
  linesAbove: z.int().min(0).max(50).default(0),
  reference: column,
  /** With its sign. */
  amount: column,
  bookedOn: column,
  /** In this order. */
  remittance: z.array(column).min(1).max(10),
  structured: column.optional(),
  /** Without it, entries are in the channel's currency. */
  currency: column.optional(),
  /** Anything but nothing, 0, no and false marks an entry that takes another back. */
  reversal: column.optional(),
});

export type CsvColumns = z.output<typeof csvColumns>;

const cellsPerLineMax = 200;

type CsvLine = { readonly cells: readonly string[]; readonly line: number };

/** RFC 4180 in one pass; null when a quote is not closed or stands within a cell. */
function linesOf(text: string, delimiter: string): readonly CsvLine[] | null {
  const lines: CsvLine[] = [];
  let cells: string[] = [];
  let line = 1;
  let began = 1;
  for (let at = 0; at <= text.length;) {
    let end: number;
    let cell: string;
    if (text[at] === '"') {
      let close = text.indexOf('"', at + 1);
      while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
      if (close < 0) return null;
      cell = text.slice(at + 1, close).replaceAll('""', '"');
      end = close + 1;
    } else {
      end = at;
      while (end < text.length && text[end] !== delimiter && text[end] !== '\n') end += 1;
      cell = text.slice(at, end).replace(/\r$/, '');
    }
    if (text[end] === '\r' && text[end + 1] === '\n') end += 1;
    if (end < text.length && text[end] !== delimiter && text[end] !== '\n') return null;
    cells.push(cell.trim());
    line += cell.split('\n').length - 1;
    if (cells.length > cellsPerLineMax) return null;
    if (text[end] !== delimiter) {
      lines.push({ cells, line: began });
      line += 1;
      began = line;
      cells = [];
    }
    at = end + 1;
  }
  return lines;
}

type Sought = {
  readonly reference: number;
  readonly amount: number;
  readonly bookedOn: number;
  readonly remittance: readonly number[];
  readonly structured: number | null;
  readonly currency: number | null;
  readonly reversal: number | null;
};

/** Where each column stands; the name of one that is missing or there twice. */
function seek(header: readonly string[], columns: CsvColumns): Sought | string {
  const { reference, amount, bookedOn, remittance, structured, currency, reversal } = columns;
  const optional = [structured, currency, reversal].filter((name) => name !== undefined);
  const wanted = [reference, amount, bookedOn, ...remittance, ...optional];
  const missing = wanted.find((name) => header.filter((each) => each === name).length !== 1);
  if (missing !== undefined) return missing;
  const at = (name: string) => header.indexOf(name);
  const maybe = (name: string | undefined) => (name === undefined ? null : at(name));
  return {
    reference: at(reference),
    amount: at(amount),
    bookedOn: at(bookedOn),
    remittance: remittance.map(at),
    structured: maybe(structured),
    currency: maybe(currency),
    reversal: maybe(reversal),
  };
}

/** `1.234,50`, `-12.30` and `12.30 CR` are not guessed at: sign, digits, one decimal mark. */
function signedMicros(text: string, decimal: '.' | ','): bigint | null {
  const match = /^([+-]?)(\d+(?:[.,]\d+)?)$/.exec(text);
  if (match?.[2] === undefined) return null;
  const other = decimal === '.' ? ',' : '.';
  if (match[2].includes(other)) return null;
  const micros = unsignedMicros(match[2].replace(',', '.'));
  if (micros === null) return null;
  return match[1] === '-' ? -micros : micros;
}

function dayOf(text: string, form: CsvColumns['date']): string | null {
  const separator = form === 'DD.MM.YYYY' ? '.' : form === 'YYYY-MM-DD' ? '-' : '/';
  const names = form.split(separator);
  const parts = text.split(separator);
  const part = (name: string) => parts[names.indexOf(name)] ?? '';
  const [year, month, day] = [part('YYYY'), part('MM'), part('DD')];
  const isDigits = /^\d{4}$/.test(year) && /^\d{2}$/.test(month) && /^\d{2}$/.test(day);
  return isDigits && parts.length === 3 ? calendarDay(year, month, day) : null;
}

function isMarked(cell: string): boolean {
  return !['', '0', 'no', 'false', 'n'].includes(cell.toLowerCase());
}

function entryOf(
  { cells, line }: CsvLine,
  sought: Sought,
  { columns, currency }: { columns: CsvColumns; currency: string },
): Outcome<BankFileEntry, BankFileCode> {
  const cell = (at: number | null) => (at === null ? '' : (cells[at] ?? ''));
  const refused = (code: BankFileCode, message: string) =>
    refuse(code, `Line ${line}: ${message} Nothing was imported.`, [`line ${line}`]);
  const entryRef = cell(sought.reference);
  if (entryRef === '' || entryRef.length > entryRefLengthMax) {
    const message = `The column "${columns.reference}" has no reference.`;
    return refused('BANK_ENTRY_WITHOUT_REFERENCE', message);
  }
  const amountMicros = signedMicros(cell(sought.amount), columns.decimal);
  if (amountMicros === null) {
    const message = `The amount is a number with "${columns.decimal}" and at most 5 decimals.`;
    return refused('BANK_ENTRY_MALFORMED', message);
  }
  const bookedOn = dayOf(cell(sought.bookedOn), columns.date);
  if (bookedOn === null) {
    return refused('BANK_ENTRY_MALFORMED', `The day is written as ${columns.date}.`);
  }
  const own = sought.currency === null ? currency : cell(sought.currency);
  if (!/^[A-Z]{3}$/.test(own)) {
    return refused('BANK_ENTRY_MALFORMED', 'The currency is three capitals of ISO 4217.');
  }
  const structured = cell(sought.structured);
  const structuredRef = structured === '' ? null : structured;
  return accept({
    entryRef,
    amountMicros,
    currency: own,
    bookedOn,
    isReversal: isMarked(cell(sought.reversal)),
    structuredRef,
    remittance: remittanceOf([structuredRef, ...sought.remittance.map(cell)]),
  });
}

/** The entries of a bank's CSV, exactly, or why there are none. */
export function readCsvStatement(
  text: string,
  options: { readonly columns: CsvColumns; readonly currency: string },
): Outcome<BankFile, BankFileCode> {
  const { columns } = options;
  if (text.length > bankFileBytesMax) {
    return refuse('BANK_FILE_TOO_LARGE', `A file has at most ${bankFileBytesMax} bytes; split it.`);
  }
  const lines = linesOf(text.replace(/^\uFEFF/, ''), columns.delimiter);
  if (lines === null) {
    const message = 'The file is no CSV: a quote is not closed or stands within a cell.';
    return refuse('BANK_FILE_MALFORMED', message);
  }
  const header = lines[columns.linesAbove];
  const sought = seek(header?.cells ?? [], columns);
  if (typeof sought === 'string') {
    const line = columns.linesAbove + 1;
    const message = `There is not exactly one column "${sought}" in line ${line}.`;
    return refuse('BANK_FILE_UNKNOWN_FORM', message);
  }
  const rows = lines
    .slice(columns.linesAbove + 1)
    .filter(({ cells }) => cells.some((each) => each !== ''));
  if (rows.length > bankFileEntriesMax) {
    const message = `A file has at most ${bankFileEntriesMax} entries; import less at a time.`;
    return refuse('BANK_FILE_TOO_LARGE', message);
  }
  const entries: BankFileEntry[] = [];
  for (const row of rows) {
    const entry = entryOf(row, sought, options);
    if (!entry.ok) return entry;
    // An entry of nothing moves nothing: banks list them where a fee was waived.
    if (entry.value.amountMicros !== 0n) entries.push(entry.value);
  }
  return accept({ format: 'csv', statementRef: '', account: null, entries });
}
