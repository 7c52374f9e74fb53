import fc from 'fast-check';
import { readCamt053 } from '../../src/wire/bank/camt053.ts';
import { csvColumns, readCsvStatement } from '../../src/wire/bank/csvStatement.ts';
import type { BankFile } from '../../src/wire/bank/statement.ts';
import { readVoucher } from '../../src/wire/voucherCode.ts';
import { batch08, camt, csvColumnsText, entry02 } from '../../test/wire/bank/bankFiles.ts';
import { bytesFormat, csvFormat, xmlFormat } from './formats.ts';
import type { Target } from './run.ts';

/** Parsers of what people hand in: bank files and the codes of vouchers. */

function faultOf({ entries }: BankFile): string | null {
  const isWhole = entries.every(
    ({ entryRef, currency, bookedOn }) =>
      entryRef !== '' && /^[A-Z]{3}$/.test(currency) && /^\d{4}-\d{2}-\d{2}$/.test(bookedOn),
  );
  return isWhole ? null : 'an entry without reference, currency or day was accepted';
}

const cents = fc.integer({ min: 1, max: 9_999_999 });

function amountText(value: number, mark: string): string {
  return `${Math.floor(value / 100)}${mark}${String(value % 100).padStart(2, '0')}`;
}

const camt053: Target = {
  name: 'camt053',
  valid: fc
    .array(fc.record({ value: cents, isDebit: fc.boolean() }), { maxLength: 5 })
    .map((entries): Uint8Array => {
      const texts = entries.map(({ value, isDebit }, at) =>
        entry02({
          ref: `B-${at}`,
          amount: amountText(value, '.'),
          direction: isDebit ? 'DBIT' : 'CRDT',
          text: `A-${at}`,
          structured: `RF${at}`,
        }),
      );
      return Buffer.from(camt(texts.join('') + (entries.length % 2 === 0 ? batch08 : '')));
    }),
  format: xmlFormat,
  parse: (input) => {
    const read = readCamt053(Buffer.from(input).toString('utf8'));
    return read.ok ? faultOf(read.value) : null;
  },
  fixedMicros: 50_000,
  microsPerByte: 20,
  bytesMax: 1_048_576,
};

const columns = csvColumns.parse(csvColumnsText);

const bankCsv: Target = {
  name: 'bank-csv',
  valid: fc.array(cents, { maxLength: 30 }).map((values): Uint8Array => {
    const rows = values.map(
      (value, at) => `20.11.2026;C-${at};${amountText(value, ',')};"for ""A-${at}""; thanks";Ada`,
    );
    return Buffer.from(['Booked;Ref;Amount;Purpose;Payer', ...rows, ''].join('\r\n'));
  }),
  format: csvFormat,
  parse: (input) => {
    const text = Buffer.from(input).toString('utf8');
    const read = readCsvStatement(text, { columns, currency: 'EUR' });
    return read.ok ? faultOf(read.value) : null;
  },
  fixedMicros: 50_000,
  microsPerByte: 10,
  bytesMax: 1_048_576,
};

const characters = Array.from('0123456789ABCDEFGHJKMNPQRSTVWXYZ');

const voucher: Target = {
  name: 'voucher',
  valid: fc
    .array(fc.constantFrom(...characters), { minLength: 137, maxLength: 137 })
    .map((each): Uint8Array => Buffer.from(each.join(''))),
  format: bytesFormat,
  parse: (input) => {
    const read = readVoucher(Buffer.from(input).toString('latin1'));
    return read.ok && read.value.content.amountMicros <= 0n ? 'a voucher of nothing' : null;
  },
  fixedMicros: 10_000,
  microsPerByte: 5,
  bytesMax: 65_536,
};

export const bankTargets: readonly Target[] = [camt053, bankCsv, voucher];
