import { readFileSync } from 'node:fs';
import { findMeterId } from '../../db/directory.ts';
import { asViewer } from '../../db/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import { readToken } from '../../operations/keypad/readToken.ts';
import { registerKeypad } from '../../operations/keypad/registerKeypad.ts';
import { deviceKeysIn } from '../../signers/deviceKeys.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { atDesk } from '../moneyDesk.ts';
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

export async function showToken(id: string, options: KeyOptions): Promise<Answer> {
  const deviceKeys = keysOf(options);
  return atDesk(options, 'operator', async ({ deps, viewer }) => {
    const shown = await asViewer(deps.sql, viewer, (tx) => readToken(tx, id, deviceKeys));
    if (!shown.ok) return shown;
    const { digits, serial, value, tokenCount: count, issuedAt } = shown.value;
    const grouped = digits.replaceAll(/(?<=^(?:\d{3})+)(?=\d)/g, ' ');
    return accept({
      sentence: `${grouped} adds ${value} at the keypad of ${serial}.`,
      facts: { paymentId: id, digits, serial, value, count, issuedAt },
    });
  });
}
