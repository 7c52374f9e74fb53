import { streamProgressMs, tailPollMs } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { createApiServer } from '../schema/server.ts';
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
};

export type StartedApi = { readonly graphql: string; readonly origin: string };

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

/** Role `api`: GraphQL over HTTP, server-sent events and WebSocket. */
export async function startApi(
  parts: Parts,
  options: ApiOptions,
): Promise<Outcome<StartedApi, 'PORT_TAKEN'>> {
  const { writer, bells, clock, log, closing } = parts;
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
    if (!isTaken(error)) throw error;
    if (options.isPortAsked) {
      return refuse(
        'PORT_TAKEN',
        `Port ${options.port} is taken. Stop what listens there, or choose another with --port.`,
      );
    }
    port = await api.listen(0, host);
  }
  const origin = `http://${host}:${port}`;
  return accept({ graphql: `${origin}/graphql`, origin });
}
