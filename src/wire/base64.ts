const pattern = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * RFC 4648, 4, with its padding and nothing else: `Buffer.from` alone would skip over what it does
 * not know, so that one value had many spellings.
 */
export function bytesOfBase64(raw: unknown): Uint8Array | null {
  if (typeof raw !== 'string' || raw.length % 4 !== 0 || !pattern.test(raw)) return null;
  const bytes = Buffer.from(raw, 'base64');
  return bytes.toString('base64') === raw ? new Uint8Array(bytes) : null;
}
