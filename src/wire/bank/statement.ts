import { parseMicros } from '../../domain/exact.ts';

/** What a bank's file says, whichever form it has. */
export type BankFileEntry = {
  /** The bank's own: statements overlap, and an entry is known again by it. */
  readonly entryRef: string;
  /** Above zero: into the company's account. */
  readonly amountMicros: bigint;
  readonly currency: string;
  /** The day on which the bank booked it, `2026-11-21`. */
  readonly bookedOn: string;
  /** Takes an earlier entry back, wholly or in part. */
  readonly isReversal: boolean;
  /** The reference that the company gave out, where it came in a field of its own. */
  readonly structuredRef: string | null;
  /** All that the payer wrote, the structured reference first. */
  readonly remittance: string;
};

export type BankFile = {
  readonly format: 'camt.053' | 'csv';
  readonly statementRef: string;
  /** The company's account at the bank; null where the file does not say it. */
  readonly account: string | null;
  readonly entries: readonly BankFileEntry[];
};

export type BankFileCode =
  | 'BANK_FILE_TOO_LARGE'
  | 'BANK_FILE_NOT_XML'
  | 'BANK_FILE_UNKNOWN_FORM'
  | 'BANK_FILE_MALFORMED'
  | 'BANK_FILE_SEVERAL_ACCOUNTS'
  | 'BANK_ENTRY_WITHOUT_REFERENCE'
  | 'BANK_ENTRY_MALFORMED';

/** A month of a large utility's account in camt.053: some 1 kB an entry. */
export const bankFileBytesMax = 67_108_864;
export const bankFileEntriesMax = 100_000;
/** Four lines of 35, as in MT940, or 140 of ISO 20022, several times over. */
export const remittanceLengthMax = 1_000;
/** ISO 20022: Max35Text; several banks and the parts of a batch need more. */
export const entryRefLengthMax = 100;

/** ISO 20022 ActiveOrHistoricCurrencyAndAmount: 18 digits, at most 5 decimals, no sign. */
const unsignedAmount = /^\d{1,13}(?:\.\d{1,5})?$/;

/** Exact; null for what is no amount of a bank. */
export function unsignedMicros(text: string): bigint | null {
  if (!unsignedAmount.test(text)) return null;
  const parsed = parseMicros(text);
  return parsed.ok ? parsed.value : null;
}

/** The same day as ISO text, or null where the calendar has no such day. */
export function calendarDay(year: string, month: string, day: string): string | null {
  const text = `${year}-${month}-${day}`;
  const instant = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(text) ? text : null;
}

export function remittanceOf(parts: readonly (string | null)[]): string {
  const texts = parts.map((part) => part?.replaceAll(/\s+/gu, ' ').trim() ?? '');
  return texts
    .filter((text, at) => text !== '' && texts.indexOf(text) === at)
    .join(' / ')
    .slice(0, remittanceLengthMax);
}
