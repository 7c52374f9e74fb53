import { describe, expect, test } from 'vitest';
import { readCamt053 } from '../../../src/wire/bank/camt053.ts';
import { bankFileBytesMax } from '../../../src/wire/bank/statement.ts';
import { batch08, camt, entry02, iban } from './bankFiles.ts';

function entriesOf(text: string) {
  const read = readCamt053(text);
  if (!read.ok) throw new Error(`${read.code} ${read.message}`);
  return read.value.entries;
}

describe('camt.053 (002.27)', () => {
  test('a booked entry with its amount to the last digit', () => {
    const read = readCamt053(camt(entry02({ amount: '40.00001', text: 'account A-1' })));
    expect(read).toEqual({
      ok: true,
      value: {
        format: 'camt.053',
        statementRef: 'S-1',
        account: iban,
        entries: [
          {
            entryRef: 'B-1',
            amountMicros: 40_000_010n,
            currency: 'EUR',
            bookedOn: '2026-11-20',
            isReversal: false,
            structuredRef: null,
            remittance: 'account A-1',
          },
        ],
      },
    });
  });

  test('the structured reference comes first, and entities are read as they are meant', () => {
    const [entry] = entriesOf(
      camt(
        entry02({ text: 'Smith &amp; Sons &#65;', structured: 'RF18539007547034', endToEnd: 'E9' }),
      ),
    );
    expect(entry).toMatchObject({
      structuredRef: 'RF18539007547034',
      remittance: 'RF18539007547034 / Smith & Sons &#65; / E9',
    });
  });

  test('a batch whose transactions come to its amount is one entry each', () => {
    expect(entriesOf(camt(batch08, { version: '08' }))).toMatchObject([
      { entryRef: 'B-77/1', amountMicros: 10_250_000n, remittance: 'A-1 / E-1' },
      { entryRef: 'B-77/2', amountMicros: 20_250_000n, remittance: 'A-2 / E-2' },
    ]);
  });

  test('a batch that does not add up stays whole and nobody’s', () => {
    const wrong = batch08.replace('>20.25<', '>20.26<');
    expect(entriesOf(camt(wrong, { version: '08' }))).toMatchObject([
      { entryRef: 'B-77', amountMicros: 30_500_000n, remittance: '', structuredRef: null },
    ]);
  });

  test('debits are below zero, reversals are marked, what is pending is left out', () => {
    const entries = entriesOf(
      camt(
        entry02({ ref: 'B-1', direction: 'DBIT' }) +
          entry02({ ref: 'B-2', direction: 'DBIT', reversal: 'true' }) +
          entry02({ ref: 'B-3', status: 'PDNG' }),
      ),
    );
    expect(entries).toMatchObject([
      { entryRef: 'B-1', amountMicros: -40_000_000n, isReversal: false },
      { entryRef: 'B-2', amountMicros: -40_000_000n, isReversal: true },
    ]);
  });

  test('prefixes of names are left out', () => {
    const prefixed = camt(entry02({ text: 'A-1' }))
      .replaceAll(/<(\/?)(?=[A-Z])/g, '<$1n:')
      .replace('xmlns=', 'xmlns:n=');
    expect(entriesOf(prefixed)).toMatchObject([{ entryRef: 'B-1', remittance: 'A-1' }]);
  });

  test.each([
    ['BANK_FILE_NOT_XML', 'Booked;Ref\n'],
    ['BANK_FILE_NOT_XML', `<!DOCTYPE x [<!ENTITY a "aaaa">]>${camt(entry02())}`],
    ['BANK_FILE_NOT_XML', camt('<a>'.repeat(40) + '</a>'.repeat(40))],
    ['BANK_FILE_UNKNOWN_FORM', camt(entry02(), { version: '01' })],
    ['BANK_FILE_UNKNOWN_FORM', '<Document/>'],
    ['BANK_ENTRY_WITHOUT_REFERENCE', camt(entry02({ ref: '' }))],
    ['BANK_ENTRY_WITHOUT_REFERENCE', camt(entry02({ ref: 'NONREF' }))],
    ['BANK_ENTRY_MALFORMED', camt(entry02({ amount: '1e3' }))],
    ['BANK_ENTRY_MALFORMED', camt(entry02({ amount: '-1.00' }))],
    ['BANK_ENTRY_MALFORMED', camt(entry02({ amount: '0.0000001' }))],
    ['BANK_ENTRY_MALFORMED', camt(entry02({ direction: 'BOTH' }))],
    ['BANK_ENTRY_MALFORMED', camt(entry02()).replaceAll('2026-11-20<', '2026-02-30<')],
    ['BANK_FILE_TOO_LARGE', ' '.repeat(bankFileBytesMax + 1)],
  ])('%s', (code, text) => {
    expect(readCamt053(text)).toMatchObject({ ok: false, code });
  });

  test.each([
    ['amount', entry02({ amount: '1e3' })],
    ['reference', entry02({ ref: '' })],
  ])('a refusal for its %s says which entry it is', (_, entry) => {
    expect(readCamt053(camt(`${entry02()}${entry}`))).toMatchObject({
      message: expect.stringMatching(/^Stmt 1, Ntry 2: /),
    });
  });

  test('two accounts in one file are refused', () => {
    const one = camt(entry02());
    const second = camt(entry02({ ref: 'B-2' }), { account: 'DE00' });
    const both = one.replace('</Stmt>', `</Stmt>${/<Stmt>.*<\/Stmt>/s.exec(second)?.[0]}`);
    expect(readCamt053(both)).toMatchObject({ code: 'BANK_FILE_SEVERAL_ACCOUNTS' });
  });
});
