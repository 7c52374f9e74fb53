import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { findMeterId } from '../../db/directory.ts';
import { listKeypads, pageKeypads } from '../../db/keypads.ts';
import { asViewer } from '../../db/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import { chooseKeypad } from '../../operations/keypad/chooseKeypad.ts';
import { instructKeypad } from '../../operations/keypad/instructKeypad.ts';
import { readCountedToken, readToken } from '../../operations/keypad/readToken.ts';
import { registerKeypad } from '../../operations/keypad/registerKeypad.ts';
import { deviceKeysIn } from '../../signers/deviceKeys.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { atDesk, deskAccount } from '../moneyDesk.ts';
import type { DeskOptions } from '../moneyDesk.ts';
import { wholeNumber } from '../wholeNumber.ts';

type KeyOptions = DeskOptions & {
  readonly data: string | undefined;
  readonly keys: string | undefined;
};

export type RegisterKeypadOptions = KeyOptions & {
  readonly meter: string;
  readonly keyFile: string;
  readonly startingCode: string;
  readonly count: string | undefined;
  readonly digits: string;
  readonly unitPrice: string;
  readonly currency: string;
};

/** Where device_keys.key is: keys are not made just anywhere. */
function keysOf({ data, keys }: KeyOptions) {
  const directory = keys ?? data;
  if (directory === undefined) {
    throw new Misused('say with --keys or --data in which data directory device_keys.key is');
  }
  return deviceKeysIn(directory);
}

/** The key comes in a file: arguments are seen by everybody on the machine. */
export async function registerOneKeypad(options: RegisterKeypadOptions): Promise<Answer> {
  let key: string;
  try {
    key = readFileSync(options.keyFile, 'utf8').trim();
  } catch {
    return refuse('KEY_FILE_UNREADABLE', `${options.keyFile} cannot be read.`);
  }
  const deviceKeys = keysOf(options);
  return atDesk(options, 'administrator', async ({ deps, viewer }) => {
    const { meter: serial, unitPrice, currency, count } = options;
    const { companyId } = viewer;
    const meterId = await asViewer(deps.sql, viewer, (tx) =>
      findMeterId(tx, { companyId, serial }),
    );
    const done = await registerKeypad({ ...deps, keysOf: deviceKeys }, viewer, {
      meterId: meterId ?? 0,
      key,
      startingCode: wholeNumber(options.startingCode, '--starting-code'),
      tokenCount: count === undefined ? null : wholeNumber(count, '--count'),
      digits: wholeNumber(options.digits, '--digits'),
      unitPrice,
      currency,
    });
    if (!done.ok) return done;
    const { isReplay } = done.value;
    const sentence = isReplay
      ? `${serial}: its keypad was known before; nothing is new.`
      : `${serial}: payments of its account give tokens, at ${unitPrice} ${currency} a unit.`;
    return accept({ sentence, facts: { meterId, serial, unitPrice, currency, isReplay } });
  });
}

function grouped(digits: string): string {
  return digits.replaceAll(/(?<=^(?:\d{3})+)(?=\d)/g, ' ');
}

export async function showToken(id: string, options: KeyOptions): Promise<Answer> {
  const deviceKeys = keysOf(options);
  return atDesk(options, 'operator', async ({ deps, viewer }) => {
    const shown = await asViewer(deps.sql, viewer, (tx) => readToken(tx, id, deviceKeys));
    if (!shown.ok) return shown;
    const { digits, serial, value, tokenCount: count, issuedAt } = shown.value;
    return accept({
      sentence: `${grouped(digits)} adds ${value} at the keypad of ${serial}.`,
      facts: { paymentId: id, digits, serial, value, count, issuedAt },
    });
  });
}

export type ChooseOptions = DeskOptions & { readonly meter: string };

/** Of an account with several: for which one a payment was. */
export async function chooseOneKeypad(id: string, options: ChooseOptions): Promise<Answer> {
  return atDesk(options, 'operator', async ({ deps, viewer }) => {
    const { meter: serial } = options;
    const { companyId } = viewer;
    const meterId = await asViewer(deps.sql, viewer, (tx) =>
      findMeterId(tx, { companyId, serial }),
    );
    const done = await chooseKeypad(deps, viewer, { paymentId: id, meterId: meterId ?? 0 });
    if (!done.ok) return done;
    const { hasToken, isReplay } = done.value;
    const sentence = hasToken
      ? `The payment was for the keypad of ${serial}, and gave a token: ems-cli payment token ${id}`
      : `The payment was for the keypad of ${serial}; it is less than a unit, and carried.`;
    return accept({ sentence, facts: { paymentId: id, serial, hasToken, isReplay } });
  });
}

export type ListKeypadsOptions = DeskOptions & {
  readonly account: string | undefined;
  readonly limit: string;
};

export async function listCompanyKeypads(options: ListKeypadsOptions): Promise<Answer> {
  const { account: number } = options;
  const account = number === undefined ? null : await deskAccount({ ...options, account: number });
  if (account?.ok === false) return account;
  return atDesk(options, 'operator', async ({ deps, viewer }) => {
    const atMs = deps.clock.nowMs();
    const limit = wholeNumber(options.limit, '--limit');
    const page = { after: null, before: null, limit, inverted: false };
    const found = await asViewer(deps.sql, viewer, (tx) =>
      account === null
        ? pageKeypads(tx, page, atMs)
        : listKeypads(tx, { accountId: account.value, atMs }),
    );
    const keypads = found.map(({ serial, digits, isRemoved, tokenCount, ...each }) => {
      const unitPrice = moneyText(each.unitMicros, each.currency);
      const carried = moneyText(each.carriedMicros, each.currency);
      return { serial, isRemoved, digits, unitPrice, carried, tokenCount };
    });
    const lines = keypads.map(
      ({ serial, digits, unitPrice, carried, tokenCount, isRemoved }) =>
        `${serial}: ${digits} digits, ${unitPrice} a unit, ${carried} carried, last count ` +
        `${tokenCount}${isRemoved ? '; its meter was taken down' : ''}`,
    );
    const sentence = lines.length === 0 ? 'There is no keypad.' : lines.join('\n');
    return accept({ sentence, facts: { keypads } });
  });
}

export type InstructOptions = KeyOptions & {
  readonly meter: string;
  readonly reason: string;
  readonly key: string | undefined;
};

/** A token that nobody paid for, and its digits. */
async function instruct(
  options: InstructOptions,
  what: { readonly kind: 'set' | 'disable'; readonly value: number | null },
): Promise<Answer> {
  const deviceKeys = keysOf(options);
  return atDesk(options, 'administrator', async ({ deps, viewer }) => {
    const { meter: serial, reason } = options;
    const { companyId } = viewer;
    const meterId = await asViewer(deps.sql, viewer, (tx) =>
      findMeterId(tx, { companyId, serial }),
    );
    const idempotencyKey = options.key ?? randomUUID();
    const asked = { idempotencyKey, meterId: meterId ?? 0, reason, ...what };
    const done = await instructKeypad(deps, viewer, asked);
    if (!done.ok) return done;
    const { isReplay } = done.value;
    const shown = await asViewer(deps.sql, viewer, (tx) =>
      readCountedToken(tx, done.value, deviceKeys),
    );
    if (!shown.ok) return shown;
    const { digits, kind, value, tokenCount: count } = shown.value;
    const does = kind === 'set' ? `sets ${value}` : 'lets it work without tokens for good';
    const sentence = `${grouped(digits)} ${does} at the keypad of ${serial}.`;
    const facts = { serial, digits, kind, value, count, isReplay, idempotencyKey };
    return accept({ sentence, facts });
  });
}

export function setKeypad(options: InstructOptions & { readonly value: string }): Promise<Answer> {
  return instruct(options, { kind: 'set', value: wholeNumber(options.value, '--value') });
}

export function disableKeypad(options: InstructOptions): Promise<Answer> {
  return instruct(options, { kind: 'disable', value: null });
}
