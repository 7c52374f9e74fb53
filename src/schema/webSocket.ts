import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError, parse, specifiedRules, validate } from 'graphql';
import type { ExecutionArgs, GraphQLSchema } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import {
  connectionInitMsMax,
  documentTokensMax,
  subscriptionsPerConnectionMax,
  tokenCloseLeadMs,
  webSocketCloseMsMax,
  webSocketConnectionsMax,
  webSocketMessageBytesMax,
} from '../domain/limits.ts';
import { coded, codedRefusal, maskError } from './coded.ts';
import { createContext } from './context.ts';
import type { ServedDeps } from './context.ts';
import type { PersistedDocuments } from './persistedDocuments.ts';
import { verifyToken } from './token.ts';
import type { TokenVerifier, VerifiedToken } from './token.ts';

/** Codes 4403, 1012 and 1013 make the stock client come back; 4401 would make it give up. */
const closeForbidden = 4403;
const closeRestart = 1012;
/** setTimeout takes no longer delay; such a token is looked at again by its streams. */
const timerMsMax = 2_147_483_647;

type Extra = { verified?: VerifiedToken; closeTimer?: NodeJS.Timeout };

export type WebSocketOptions = {
  readonly schema: GraphQLSchema;
  readonly deps: ServedDeps;
  readonly documents: PersistedDocuments;
  readonly tokens: TokenVerifier;
  isOriginAllowed(request: IncomingMessage): boolean;
  readonly connectionsMax?: number;
};

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** The codes that the same mistakes have over HTTP. */
function withCode(error: GraphQLError, code: string): GraphQLError {
  if (error.originalError instanceof GraphQLError) return error;
  const { message, nodes = null, source = null, positions = null } = error;
  return new GraphQLError(message, { nodes, source, positions, extensions: { code } });
}

/** The operation of a subscribe message, or why it is refused. */
async function executionArgsOf(
  { schema, deps, documents }: WebSocketOptions,
  verified: VerifiedToken,
  payload: SubscribePayload,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  const document = await documents.documentFor(verified.viewer, payload);
  if (!document.ok) return [codedRefusal(document)];
  try {
    const parsed = parse(document.value, { maxTokens: documentTokensMax });
    const errors = validate(schema, parsed, specifiedRules);
    if (errors.length > 0) {
      return errors.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED'));
    }
    return {
      schema,
      document: parsed,
      operationName: payload.operationName ?? null,
      variableValues: payload.variables ?? null,
      contextValue: createContext(deps, verified),
    };
  } catch (error) {
    // The parser has no other way to say what it does not understand.
    if (error instanceof GraphQLError) return [withCode(error, 'GRAPHQL_PARSE_FAILED')];
    throw error;
  }
}

/** graphql-transport-ws on the server's upgrade; the returned function closes all sockets. */
export function acceptWebSockets(server: Server, options: WebSocketOptions): () => Promise<void> {
  const { deps, tokens } = options;
  const connectionsMax = options.connectionsMax ?? webSocketConnectionsMax;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: webSocketMessageBytesMax,
    perMessageDeflate: false, // its memory, some 300 kB a socket, is what 12,000 cannot have
    handleProtocols: (protocols) =>
      protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false,
  });
  const mask = (error: unknown): GraphQLError => maskError(error, deps.onError);
  const disposable = useServer<Record<string, unknown>, Extra>(
    {
      schema: options.schema,
      connectionInitWaitTimeout: connectionInitMsMax,
      async onConnect({ connectionParams, extra }) {
        const token = connectionParams?.['token'];
        const nowMs = deps.clock.nowMs();
        const verified = await verifyToken(tokens, typeof token === 'string' ? token : '', nowMs);
        if (!verified.ok) return false; // 4403
        extra.verified = verified.value;
        const leftMs = verified.value.expiresAtMs - nowMs - tokenCloseLeadMs;
        extra.closeTimer = setTimeout(
          () => extra.socket.close(closeForbidden, 'The token ends: come back with a new one'),
          Math.min(Math.max(leftMs, 0), timerMsMax),
        );
        return true;
      },
      onClose({ extra }) {
        clearTimeout(extra.closeTimer);
      },
      async onSubscribe({ extra, subscriptions }, _id, payload) {
        const { verified } = extra;
        if (verified === undefined)
          return [coded('UNAUTHENTICATED', 'Send connection_init first.')];
        if (Object.keys(subscriptions).length > subscriptionsPerConnectionMax) {
          const message =
            `A connection has at most ${subscriptionsPerConnectionMax} operations at a time. ` +
            'Complete one first.';
          return [coded('TOO_MANY_SUBSCRIPTIONS', message)];
        }
        return executionArgsOf(options, verified, payload);
      },
      onError: (_context, _id, _payload, errors) => errors.map((error) => mask(error).toJSON()),
      onNext: (_context, _id, _payload, _args, { data = null, errors }) =>
        errors === undefined
          ? { data }
          : { data, errors: errors.map((each) => mask(each).toJSON()) },
    },
    sockets,
  );
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const path = (request.url ?? '').split('?')[0];
    if (path !== '/graphql') return refuseUpgrade(socket, '404 Not Found');
    if (!options.isOriginAllowed(request)) return refuseUpgrade(socket, '403 Forbidden');
    if (sockets.clients.size >= connectionsMax) {
      return refuseUpgrade(socket, '503 Service Unavailable\r\nretry-after: 5');
    }
    sockets.handleUpgrade(request, socket, head, (accepted) => {
      sockets.emit('connection', accepted, request);
      // graphql-ws would print each to the console; ws itself closes what a client does wrong.
      accepted.removeAllListeners('error');
      accepted.on('error', (error) => {
        if (!('code' in error)) deps.onError(error);
      });
    });
  };
  server.on('upgrade', onUpgrade);
  return async () => {
    server.off('upgrade', onUpgrade);
    for (const client of sockets.clients) client.close(closeRestart, 'Restarting');
    // A dead client would answer after ws' own 30 s, or never.
    const last = setTimeout(() => {
      for (const client of sockets.clients) client.terminate();
    }, webSocketCloseMsMax);
    await disposable.dispose();
    clearTimeout(last);
  };
}
