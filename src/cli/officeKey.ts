import type { KeyObject } from 'node:crypto';
import { refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { readKeyFile, readStartKey } from './keyFile.ts';
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
  return readStartKey(options.data, officeKeyFile);
}
