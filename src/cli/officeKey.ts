import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { readKeyFile } from './keyFile.ts';
import type { KeyCode } from './keyFile.ts';

/** In the data directory of a start: the key by which its offices sign, for its owner alone. */
export const officeKeyFile = 'office-key';

/** The same key that the server has: from the data directory, or as a PEM file. */
export function officeKeyFrom(options: {
  readonly data: string | undefined;
  readonly officeKey: string | undefined;
}): Outcome<KeyObject, KeyCode | 'OFFICE_UNAVAILABLE'> {
  const pem = options.officeKey ?? process.env['JOULEBOOK_OFFICE_KEY'];
  if (pem !== undefined) return readKeyFile(pem);
  if (options.data === undefined) {
    const message =
      'Readings are entered under the key of the offices. Give --office-key FILE, set ' +
      'JOULEBOOK_OFFICE_KEY, or give --data with the data directory of an npm start.';
    return refuse('OFFICE_UNAVAILABLE', message);
  }
  const file = path.join(options.data, officeKeyFile);
  try {
    const der = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
    return accept(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  } catch {
    return refuse('KEY_MALFORMED', `${file} holds no key of the offices. Start the server once.`);
  }
}
