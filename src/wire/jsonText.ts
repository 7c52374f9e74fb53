import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

/** A byte order mark stays, and JSON refuses it; broken UTF-8 throws instead of being mended. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function parseJson(bytes: Uint8Array): Outcome<unknown, 'JSON_MALFORMED'> {
  try {
    return accept(JSON.parse(utf8.decode(bytes)));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError)) throw cause;
    return refuse('JSON_MALFORMED', 'This is no JSON in UTF-8. NaN and Infinity are none either.');
  }
}
