import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

/** A byte order mark stays, and JSON refuses it; broken UTF-8 throws instead of being mended. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;

/**
 * Fields as they stand in a JSON text: a field that stands there twice is one less in the object.
 * Parsers differ in which of two they take (RFC 8259, 4), so nobody could say what was signed.
 */
export function fieldsIn(bytes: Uint8Array): number {
  let count = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) isText = !isText;
    else if (isText && byte === backslash) at += 1;
    else if (!isText && byte === colon) count += 1;
  }
  return count;
}

export function parseJson(bytes: Uint8Array): Outcome<unknown, 'JSON_MALFORMED'> {
  try {
    return accept(JSON.parse(utf8.decode(bytes)));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError)) throw cause;
    return refuse('JSON_MALFORMED', 'This is no JSON in UTF-8. NaN and Infinity are none either.');
  }
}
