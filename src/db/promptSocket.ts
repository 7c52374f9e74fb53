import { connect } from 'node:net';
import type { Socket } from 'node:net';

type Target = {
  /** false for TCP. */
  readonly path: string | false;
  readonly host: readonly string[];
  readonly port: readonly number[];
};

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
  const socket =
    target.path === false
      ? connect({ host: target.host[0], port: target.port[0], noDelay: true })
      : connect(target.path);
  // What postgres.js itself notes on its sockets: the name that TLS verifies.
  return Object.assign(socket, { host: target.host[0], port: target.port[0] });
}

/** Spread into the options; the option `socket` is read by postgres.js but missing in its types. */
export const promptSocket: object = { socket: openPrompt };
