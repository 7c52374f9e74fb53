import { XMLParser, XMLValidator } from 'fast-xml-parser';
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

/**
 * Statements of ISO 20022, camt.053.001.02 and .08: booked entries alone. Texts stay texts, so that
 * no amount becomes a float; entities are not expanded but for the five that XML itself has.
 */
const lists = ['Stmt', 'Ntry', 'NtryDtls', 'TxDtls', 'Strd', 'Ustrd'];
/** The deepest element that is read is the tenth; those of parties go down to sixteen. */
const nestedTagsMax = 24;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseAttributeValue: false,
  removeNSPrefix: true,
  parseTagValue: false,
  processEntities: false,
  maxNestedTags: nestedTagsMax,
  isArray: (name) => lists.includes(name),
});

type Element = Readonly<Record<string, unknown>>;

function isElement(value: unknown): value is Element {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const ownEntities: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
};

function plainText(text: string): string {
  return text.replaceAll(/&(?:amp|lt|gt|quot|apos);/gu, (name) => ownEntities[name] ?? name).trim();
}

/** What stands at a path, with or without attributes; null where nothing does. */
function textAt(element: unknown, ...path: readonly string[]): string | null {
  let found: unknown = element;
  for (const name of path) found = isElement(found) ? found[name] : undefined;
  if (isElement(found)) found = found['#text'];
  if (typeof found !== 'string') return null;
  const text = plainText(found);
  return text === '' ? null : text;
}

function listAt(element: unknown, name: string): readonly unknown[] {
  const found = isElement(element) ? element[name] : undefined;
  return Array.isArray(found) ? found : [];
}

function elementAt(element: unknown, name: string): unknown {
  return isElement(element) ? element[name] : undefined;
}

type EntryOutcome<T> = Outcome<T, BankFileCode>;

function malformed(at: string, message: string) {
  return refuse('BANK_ENTRY_MALFORMED', `${at}: ${message} Nothing was imported.`, [at]);
}

type Amount = { readonly micros: bigint; readonly currency: string };

function amountOf(element: unknown): Amount | null {
  const micros = unsignedMicros(textAt(element) ?? '');
  const currency = isElement(element) ? element['@Ccy'] : undefined;
  if (micros === null || typeof currency !== 'string') return null;
  return /^[A-Z]{3}$/.test(currency) ? { micros, currency } : null;
}

/** .08 has the amount of a transaction beside its references, .02 among its details. */
function transactionAmount(details: unknown): Amount | null {
  const direct = elementAt(details, 'Amt');
  return amountOf(direct ?? elementAt(elementAt(elementAt(details, 'AmtDtls'), 'TxAmt'), 'Amt'));
}

function bookedOnOf(entry: unknown): string | null {
  const text = textAt(entry, 'BookgDt', 'Dt') ?? textAt(entry, 'BookgDt', 'DtTm') ?? '';
  const match = /^(\d{4})-(\d{2})-(\d{2})/.exec(text);
  return match === null ? null : calendarDay(match[1] ?? '', match[2] ?? '', match[3] ?? '');
}

/** What banks write where nothing was given. */
function given(text: string | null): string | null {
  return text === null || /^(?:NOTPROVIDED|NONREF)$/i.test(text) ? null : text;
}

type Words = Pick<BankFileEntry, 'structuredRef' | 'remittance'>;

function wordsOf(details: unknown): Words {
  const information = elementAt(details, 'RmtInf');
  const structured = listAt(information, 'Strd').map((each) => textAt(each, 'CdtrRefInf', 'Ref'));
  const plain = listAt(information, 'Ustrd').map((each) => textAt(each));
  const endToEnd = given(textAt(details, 'Refs', 'EndToEndId'));
  const structuredRef = structured.map(given).find((text) => text !== null) ?? null;
  return { structuredRef, remittance: remittanceOf([...structured, ...plain, endToEnd]) };
}

type Whole = Omit<BankFileEntry, 'structuredRef' | 'remittance'>;

/**
 * The transactions of a batch are entries of their own where each says its amount and they come to
 * the entry's; otherwise nobody knows who paid what, and the entry stays whole.
 */
function split(whole: Whole, direction: string, transactions: readonly unknown[]) {
  const [only] = transactions;
  if (transactions.length === 1) return [{ ...whole, ...wordsOf(only) }];
  const sign = direction === 'CRDT' ? 1n : -1n;
  const amounts = transactions.map(transactionAmount);
  const isSame = transactions.every((each, at) => {
    const ownDirection = textAt(each, 'CdtDbtInd') ?? direction;
    return ownDirection === direction && amounts[at]?.currency === whole.currency;
  });
  const sum = amounts.reduce((total, amount) => total + (amount?.micros ?? 0n), 0n);
  if (!isSame || transactions.length === 0 || sum * sign !== whole.amountMicros) {
    return [{ ...whole, structuredRef: null, remittance: '' }];
  }
  return transactions.map((each, at) => ({
    ...whole,
    ...wordsOf(each),
    entryRef: `${whole.entryRef}/${at + 1}`,
    amountMicros: (amounts[at]?.micros ?? 0n) * sign,
  }));
}

function entriesOf(entry: unknown, at: string): EntryOutcome<readonly BankFileEntry[]> {
  // .02 has the code as text, .08 in an element of its own.
  const status = textAt(entry, 'Sts') ?? textAt(entry, 'Sts', 'Cd');
  if (status !== 'BOOK') return accept([]);
  const details = listAt(entry, 'NtryDtls').flatMap((each) => listAt(each, 'TxDtls'));
  const [only] = details;
  const entryRef =
    given(textAt(entry, 'AcctSvcrRef')) ??
    (details.length === 1 ? given(textAt(only, 'Refs', 'AcctSvcrRef')) : null);
  if (entryRef === null || entryRef.length > entryRefLengthMax) {
    const message =
      `${at}: The entry has no reference of the bank's own (AcctSvcrRef), so that it could not ` +
      'be known again in the next statement. Ask the bank for statements with it. Nothing was ' +
      'imported.';
    return refuse('BANK_ENTRY_WITHOUT_REFERENCE', message, [at]);
  }
  const amount = amountOf(elementAt(entry, 'Amt'));
  if (amount === null) return malformed(at, 'The entry has no amount with its currency.');
  const direction = textAt(entry, 'CdtDbtInd');
  if (direction !== 'CRDT' && direction !== 'DBIT') {
    return malformed(at, 'The entry says neither CRDT nor DBIT.');
  }
  const bookedOn = bookedOnOf(entry);
  if (bookedOn === null) return malformed(at, 'The entry has no booking date.');
  const whole = {
    entryRef,
    amountMicros: direction === 'CRDT' ? amount.micros : -amount.micros,
    currency: amount.currency,
    bookedOn,
    isReversal: ['true', '1'].includes(textAt(entry, 'RvslInd') ?? 'false'),
  };
  return accept(split(whole, direction, details));
}

function parseXml(text: string): Outcome<unknown, 'BANK_FILE_NOT_XML'> {
  const refused = refuse('BANK_FILE_NOT_XML', 'The file is no XML; give it as the bank sent it.');
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) return refused;
  try {
    if (XMLValidator.validate(text) !== true) return refused;
    const root: unknown = parser.parse(text);
    return accept(root);
  } catch {
    return refused; // Depth and names are bounded by the parser, which has no other way to say so.
  }
}

/** Read from the text, since the parser leaves namespaces out; the element is among the first. */
function isKnownForm(text: string): boolean {
  const form = /<(?:\w{1,20}:)?Document\s[^>]{0,1000}:camt\.053\.001\.0[28]["']/;
  return form.test(text.slice(0, 10_000));
}

/** The booked entries of a bank's statement, exactly, or why there are none. */
export function readCamt053(text: string): Outcome<BankFile, BankFileCode> {
  if (text.length > bankFileBytesMax) {
    return refuse('BANK_FILE_TOO_LARGE', `A file has at most ${bankFileBytesMax} bytes; split it.`);
  }
  const parsed = parseXml(text.replace(/^\uFEFF/, ''));
  if (!parsed.ok) return parsed;
  const document = elementAt(parsed.value, 'Document');
  const statements = listAt(elementAt(document, 'BkToCstmrStmt'), 'Stmt');
  if (!isKnownForm(text) || statements.length === 0) {
    const message = 'The file is no statement of camt.053.001.02 or .08. Ask the bank for these.';
    return refuse('BANK_FILE_UNKNOWN_FORM', message);
  }
  const entries: BankFileEntry[] = [];
  const accounts = new Set<string | null>();
  for (const [index, statement] of statements.entries()) {
    const id = elementAt(elementAt(statement, 'Acct'), 'Id');
    accounts.add(textAt(id, 'IBAN') ?? textAt(id, 'Othr', 'Id'));
    for (const [number, entry] of listAt(statement, 'Ntry').entries()) {
      const read = entriesOf(entry, `Stmt ${index + 1}, Ntry ${number + 1}`);
      if (!read.ok) return read;
      entries.push(...read.value);
      if (entries.length > bankFileEntriesMax) {
        const message = `A file has at most ${bankFileEntriesMax} entries; import less at a time.`;
        return refuse('BANK_FILE_TOO_LARGE', message);
      }
    }
  }
  if (accounts.size > 1) {
    const message = 'The file is of several accounts at the bank; give one file an account.';
    return refuse('BANK_FILE_SEVERAL_ACCOUNTS', message);
  }
  const [account = null] = accounts;
  const statementRef = (textAt(statements[0], 'Id') ?? '').slice(0, entryRefLengthMax);
  return accept({ format: 'camt.053', statementRef, account, entries });
}
