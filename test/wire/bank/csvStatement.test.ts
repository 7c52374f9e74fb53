import { describe, expect, test } from 'vitest';
import { csvColumns, readCsvStatement } from '../../../src/wire/bank/csvStatement.ts';
import { csvColumnsText, csvText } from './bankFiles.ts';

const columns = csvColumns.parse(csvColumnsText);

function read(text: string, part: Partial<typeof columns> = {}) {
  return readCsvStatement(text, { columns: { ...columns, ...part }, currency: 'EUR' });
}

describe("a bank's CSV by its columns (002.27)", () => {
  test('signs, quotes, decimal commas and days are read; nothing is guessed', () => {
    expect(read(csvText)).toEqual({
      ok: true,
      value: {
        format: 'csv',
        statementRef: '',
        account: null,
        entries: [
          {
            entryRef: 'C-1',
            amountMicros: 40_000_000n,
            currency: 'EUR',
            bookedOn: '2026-11-20',
            isReversal: false,
            structuredRef: null,
            remittance: 'rent "and" A-1; thanks / Ada',
          },
          {
            entryRef: 'C-2',
            amountMicros: -12_500_000n,
            currency: 'EUR',
            bookedOn: '2026-11-20',
            isReversal: false,
            structuredRef: null,
            remittance: 'fee / Bank',
          },
        ],
      },
    });
  });

  test('reference, currency and reversal of their own columns', () => {
    const text = 'd,r,a,t,s,c,v\n2026-11-20,1,-40.00,,A-1,EUR,yes\n';
    const of = { reference: 'r', amount: 'a', bookedOn: 'd', remittance: ['t'], structured: 's' };
    const own = csvColumns.parse({ ...of, currency: 'c', reversal: 'v' });
    expect(readCsvStatement(text, { columns: own, currency: 'USD' })).toMatchObject({
      value: { entries: [{ structuredRef: 'A-1', currency: 'EUR', isReversal: true }] },
    });
  });

  test.each([
    ['BANK_FILE_MALFORMED', csvText.replace('thanks"', 'thanks')],
    ['BANK_FILE_MALFORMED', csvText.replace('"rent', '"rent" x')],
    ['BANK_FILE_UNKNOWN_FORM', csvText.replace('Ref', 'Reference')],
    ['BANK_FILE_UNKNOWN_FORM', csvText.replace('Payer', 'Purpose')],
    ['BANK_FILE_UNKNOWN_FORM', ''],
    ['BANK_ENTRY_WITHOUT_REFERENCE', csvText.replace('C-1', '')],
    ['BANK_ENTRY_MALFORMED', csvText.replace('40,00', '40.00')],
    ['BANK_ENTRY_MALFORMED', csvText.replace('40,00', '1.040,00')],
    ['BANK_ENTRY_MALFORMED', csvText.replace('40,00', '40,00 CR')],
    ['BANK_ENTRY_MALFORMED', csvText.replace('40,00', '40,0000001')],
    ['BANK_ENTRY_MALFORMED', csvText.replace('20.11.2026;C-1', '31.02.2026;C-1')],
    ['BANK_ENTRY_MALFORMED', csvText.replace('20.11.2026;C-1', '2026-11-20;C-1')],
  ])('%s', (code, text) => {
    expect(read(text)).toMatchObject({ ok: false, code });
  });

  test('a refusal says the line, also below a cell of two lines', () => {
    const text = csvText.replace('thanks', 'thanks\nagain').replace('-12,5', 'x');
    expect(read(text)).toMatchObject({
      path: ['line 4'],
      message: expect.stringMatching(/^Line 4: /),
    });
    const unnamed = csvText.replace('C-2', '');
    expect(read(unnamed)).toMatchObject({ message: expect.stringMatching(/^Line 3: /) });
  });
});
