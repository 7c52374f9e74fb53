import { z } from 'zod';
import { refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { readCamt053 } from './camt053.ts';
import { csvColumns, readCsvStatement } from './csvStatement.ts';
import type { BankFile, BankFileCode } from './statement.ts';

/** Of a channel of kind bank. */
export const bankSettings = z.strictObject({
  /** The company's account there; a statement of another one is refused. */
  account: z.string().min(1).max(40).optional(),
  csv: csvColumns.optional(),
});

export type BankSettings = z.output<typeof bankSettings>;

export function isSameAccount(left: string, right: string): boolean {
  const plain = (text: string) => text.replaceAll(/\s/g, '').toUpperCase();
  return plain(left) === plain(right);
}

/** A bank's file in whichever of the two forms it is. */
export function readBankFile(
  text: string,
  { settings, currency }: { settings: BankSettings; currency: string },
): Outcome<BankFile, BankFileCode> {
  if (/^\uFEFF?\s{0,100}</.test(text)) return readCamt053(text);
  if (settings.csv === undefined) {
    const message = 'The file is no XML, and the channel has no columns of a CSV (csv).';
    return refuse('BANK_FILE_UNKNOWN_FORM', message);
  }
  return readCsvStatement(text, { columns: settings.csv, currency });
}
