import postgres from 'postgres';

/** https://www.postgresql.org/docs/18/protocol-error-fields.html, named as postgres.js does. */
const fieldNames: Readonly<Record<string, string>> = {
  S: 'severity_local',
  V: 'severity',
  C: 'code',
  M: 'message',
  D: 'detail',
  H: 'hint',
  P: 'position',
  W: 'where',
  F: 'file',
  L: 'line',
  R: 'routine',
};

/** A message has a byte of its type and four of its length, which counts itself. */
const headerBytes = 5;
const errorResponse = 'E'.charCodeAt(0);

/** The error that an ErrorResponse tells, when the server ends the connection with it. */
function fatalError(message: Buffer): Error | null {
  const fields: Record<string, string> = {};
  const texts = message.toString('utf8', headerBytes).split('\0');
  for (const text of texts) {
    const name = fieldNames[text.slice(0, 1)];
    if (name !== undefined) fields[name] = text.slice(1);
  }
  if (fields['severity'] !== 'FATAL' && fields['severity'] !== 'PANIC') return null;
  // Its constructor takes all fields; the types of postgres.js know only that of Error.
  return Reflect.construct(postgres.PostgresError, [fields]);
}

/** Keeps from the stream of a server's messages the one with which it ends the connection. */
export class LastWords {
  /** What was kept: why the server has ended the connection. */
  error: Error | null = null;
  /** Bytes of a message that has begun and has been let through. */
  #expected = 0;
  #held: Buffer | null = null;

  /** The bytes that are let through; those of an unfinished error wait for the rest of it. */
  letThrough(chunk: Buffer): Buffer {
    const bytes = this.#held === null ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = null;
    let at = Math.min(this.#expected, bytes.length);
    this.#expected -= at;
    while (at + headerBytes <= bytes.length) {
      const end = at + 1 + bytes.readUInt32BE(at + 1);
      if (bytes[at] === errorResponse) {
        if (end > bytes.length) break;
        this.error ??= fatalError(bytes.subarray(at, end));
        if (this.error !== null) return bytes.subarray(0, at);
      } else if (end > bytes.length) {
        this.#expected = end - bytes.length;
        return bytes;
      }
      at = end;
    }
    if (at < bytes.length) this.#held = bytes.subarray(at);
    return bytes.subarray(0, at);
  }
}
