import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { streamProgressMs, tailPollMs } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import type { ReadReports } from '../domain/prepaid/notice.ts';
import { providersWith } from '../providers/paymentProviders.ts';
import { createApiServer } from '../schema/server.ts';
import { deviceKeysIn } from '../signers/deviceKeys.ts';
import { startTail } from '../stream/tail.ts';
import { tokenRealm } from '../operations/issueToken.ts';
import { openDatabase } from './parts.ts';
import type { Parts, TokenKeys } from './parts.ts';

export type ApiOptions = {
  readonly host: string;
  readonly port: number;
  /** Exactly this port; otherwise any free one when it is taken. */
  readonly isPortAsked: boolean;
  readonly keys: TokenKeys;
  readonly sandbox: boolean;
  /** Signs what people enter; null: this server enters nothing. */
  readonly officeKey: KeyObject | null;
  /** Where the secrets of payment channels and of keypad devices are. */
  readonly dataDirectory: string;
  /** Of the messaging gateway; null: there is none. */
  readonly readReports: ReadReports | null;
};

export type StartedApi = { readonly graphql: string; readonly origin: string };

export type ListenRefusal = 'PORT_TAKEN' | 'PORT_FORBIDDEN' | 'HOST_UNKNOWN';

type Address = Pick<ApiOptions, 'host' | 'port'>;

/** What the machine's answer to listening means; null for a bug. */
function listenRefusal(error: unknown, { host, port }: Address): Refused<ListenRefusal> | null {
  switch (error instanceof Error && 'code' in error ? error.code : null) {
    case 'EADDRINUSE':
      return refuse(
        'PORT_TAKEN',
        `Port ${port} is taken. Stop what listens there, or choose another with --port.`,
      );
    case 'EACCES':
      return refuse(
        'PORT_FORBIDDEN',
        `This user may not listen on port ${port}. Choose one above 1023 with --port.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return refuse('HOST_UNKNOWN', `${host} is no address of this machine. Correct HOST.`);
    default:
      return null;
  }
}

/** Before anything is started: nobody waits for a database to hear that a port is taken. */
export async function checkPort(address: Address): Promise<Outcome<undefined, ListenRefusal>> {
  const probe = createServer();
  try {
    probe.listen(address.port, address.host);
    await once(probe, 'listening');
    return accept(undefined);
  } catch (error) {
    const refusal = listenRefusal(error, address);
    if (refusal === null) throw error;
    return refusal;
  } finally {
    probe.close();
  }
}

/** Role `api`: GraphQL over HTTP, server-sent events and WebSocket. */
export async function startApi(
  parts: Parts,
  options: ApiOptions,
): Promise<Outcome<StartedApi, ListenRefusal>> {
  const { writer, bells, clock, log, closing } = parts;
  const { officeKey } = options;
  const onError = (error: unknown): void => log.error({ err: error }, 'API_ERROR');
  const database = await openDatabase(parts, 'joulebook_api', 'api');
  const tail = await startTail(writer.sql, { pollMs: tailPollMs, onError });
  closing.add('event tail', () => tail.close());
  const api = createApiServer({
    deps: {
      sql: database.sql,
      clock,
      wake: (bell) => bells.wake(bell),
      tail,
      onError,
      streamProgressMs,
      payments: {
        writer: writer.sql,
        providerOf: providersWith({ dataDirectory: options.dataDirectory, env: process.env }),
      },
      deviceKeys: deviceKeysIn(options.dataDirectory),
      ...(options.readReports !== null && {
        notices: { writer: writer.sql, readReports: options.readReports },
      }),
      ...(officeKey !== null && { office: { writer: writer.sql, key: officeKey } }),
    },
    tokens: { ...tokenRealm, publicKey: options.keys.publicKey },
    sandbox: options.sandbox,
    allowedOrigins: [],
  });
  closing.add('API', () => api.close());
  const { host } = options;
  let port: number;
  try {
    port = await api.listen(options.port, host);
  } catch (error) {
    const refusal = listenRefusal(error, options);
    if (refusal === null) throw error;
    if (options.isPortAsked || refusal.code === 'HOST_UNKNOWN') return refusal;
    port = await api.listen(0, host);
  }
  const origin = `http://${host}:${port}`;
  return accept({ graphql: `${origin}/graphql`, origin });
}
