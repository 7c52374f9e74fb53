import { Socket } from 'node:net';
import { LastWords } from './lastWords.ts';

type Target = {
  /** false for TCP. */
  readonly path: string | false;
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** With TLS, postgres.js puts a socket of its own around ours. */
  readonly ssl: unknown;
  readonly connection: { options?: string };
};

/** From here on postgres.js writes at once what it otherwise writes in a setImmediate. */
const writtenAtOnceBytes = 1_024;

/** Messages have a type before their length; the first of a session is a length below 2^24. */
function withoutUnsent(bytes: Buffer): Buffer {
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) at += 1 + bytes.readUInt32BE(at + 1);
  return bytes.subarray(at);
}

/**
 * A socket whose end leaves nothing behind in postgres.js (3.4.9), which uses its state of one
 * connection for the next:
 * - told `error` first and `close` a turn later, it keeps a statement sent in between, and the
 *   answers of the next connection go to the wrong statements. Both are told in one go.
 * - the error with which a server ends a running statement is also what it tells the first one of
 *   the next connection. That error is kept from it and told as the socket's own.
 * - a statement that was to be written when the end came is written before the next connection's
 *   first message, or keeps that from being written. It is cut off, and the message is so long
 *   (`openPrompt`) that it is written at once.
 */
class PromptSocket extends Socket {
  #failure: Error | null = null;
  #isFirst = true;
  readonly #lastWords: LastWords | null;

  constructor(lastWords: LastWords | null) {
    super();
    this.#lastWords = lastWords;
  }

  override emit(event: string | symbol, ...told: unknown[]): boolean {
    const [what] = told;
    if (event === 'error' && what instanceof Error) {
      this.#failure ??= what;
      return true;
    }
    if (event === 'data' && this.#lastWords !== null && Buffer.isBuffer(what)) {
      const bytes = this.#lastWords.letThrough(what);
      return bytes.length === 0 || super.emit(event, bytes);
    }
    if (event === 'close') {
      const failure = this.#lastWords?.error ?? this.#failure;
      if (failure !== null) super.emit('error', failure);
      return super.emit(event, failure !== null);
    }
    return super.emit(event, ...told);
  }

  override _write(bytes: Buffer, encoding: BufferEncoding, done: () => void): void {
    const sent = this.#isFirst ? withoutUnsent(bytes) : bytes;
    this.#isFirst = false;
    super._write(sent, encoding, done);
  }
}

/**
 * The socket for a postgres.js client, with Nagle's algorithm off. postgres.js leaves it on, and a
 * COPY, which ends in a small packet, then waits for the server's delayed acknowledgement: 40 ms
 * a COPY and 40 ms for the statement after it.
 *
 * The socket is given while it still connects: what is written waits inside it. A socket that is
 * waited for, and refused, takes its connection out of the pool for ever (postgres.js 3.4.9,
 * createSocket), and after as many refusals as there are connections every query waits for ever.
 */
async function openPrompt(target: Target): Promise<Socket> {
  // A failure is told in the next tick; postgres.js listens before it when we are called from here.
  await Promise.resolve();
  // The server takes spaces there for nothing.
  target.connection.options = (target.connection.options ?? '').padEnd(writtenAtOnceBytes);
  const socket = new PromptSocket(target.ssl ? null : new LastWords());
  if (target.path === false) {
    socket.setNoDelay(true);
    socket.connect({ host: target.host[0], port: target.port[0] });
  } else {
    socket.connect(target.path);
  }
  // What postgres.js itself notes on its sockets: the name that TLS verifies.
  return Object.assign(socket, { host: target.host[0], port: target.port[0] });
}

/** Spread into the options; the option `socket` is read by postgres.js but missing in its types. */
export const promptSocket: object = { socket: openPrompt };
