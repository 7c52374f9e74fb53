import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { lexicographicSortSchema, parse, printSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';
import type { Plugin } from 'graphql-yoga';
import { documentTokensMax } from '../domain/limits.ts';
import { maskError } from './coded.ts';
import { createContext, createServed } from './context.ts';
import type { ApiDeps, ServedDeps } from './context.ts';
import { answerError, readBody, rewriteRequest } from './httpRequest.ts';
import { companyOfPath, createReportEntrance } from './noticeReports.ts';
import { channelOfPath, createPaymentEntrance } from './paymentEvents.ts';
import { createPersistedDocuments } from './persistedDocuments.ts';
import { schema } from './schema.ts';
import { verifyToken } from './token.ts';
import type { TokenVerifier, VerifiedToken } from './token.ts';
import { acceptWebSockets } from './webSocket.ts';

export type ApiServerOptions = {
  readonly deps: ApiDeps;
  readonly tokens: TokenVerifier;
  /** Serves GraphiQL at /graphql. */
  readonly sandbox: boolean;
  /** Web pages of other origins that may call, such as `https://portal.example`. */
  readonly allowedOrigins: readonly string[];
  readonly webSocketConnectionsMax?: number;
};

export type ApiServer = {
  readonly server: Server;
  /** Resolves with the port, which the system chooses for 0. */
  listen(port: number, host: string): Promise<number>;
  close(): Promise<void>;
};

type ServerContext = { readonly verified: VerifiedToken | null };

const unauthenticated = {
  code: 'UNAUTHENTICATED',
  message:
    'Send an access token as "Authorization: Bearer ...". This one is missing, altered, expired ' +
    'or signed for another server. For an npm start make one with ems-cli token make --data DIR.',
};

const limitTokens: Plugin = {
  onParse({ setParseFn }) {
    setParseFn((source: string, options: object | undefined) =>
      parse(source, { ...options, maxTokens: documentTokensMax }),
    );
  },
};

function createHandler(deps: ServedDeps, sandbox: boolean) {
  return createYoga<ServerContext>({
    schema,
    graphqlEndpoint: '/graphql',
    context: ({ verified }) => {
      if (verified === null) throw new Error('a request reached GraphQL without a viewer');
      return createContext(deps, verified);
    },
    graphiql: sandbox ? { headers: '{"authorization": "Bearer "}' } : false,
    landingPage: false,
    batching: false,
    cors: false,
    multipart: false,
    logging: false,
    plugins: [limitTokens],
    maskedErrors: { maskError: (error) => maskError(error, deps.onError) },
  });
}

function isSameHost(origin: string, request: IncomingMessage): boolean {
  return URL.canParse(origin) && new URL(origin).host === request.headers.host;
}

function bearerOf(request: IncomingMessage): string {
  return /^Bearer ([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
}

/** Answers what a browser asks before it sends; true when that was all. */
function answerCors(
  { allowedOrigins }: ApiServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const { origin } = request.headers;
  response.setHeader('vary', 'Origin');
  if (origin !== undefined && allowedOrigins.includes(origin)) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-headers', 'authorization, content-type, accept');
    response.setHeader('access-control-allow-methods', 'GET, POST, OPTIONS');
    response.setHeader('access-control-max-age', '600');
  }
  if (request.method !== 'OPTIONS') return false;
  response.writeHead(204).end();
  return true;
}

/** The API over HTTP, server-sent events and WebSocket. It listens when it is told to. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { tokens, sandbox } = options;
  const deps = createServed(options.deps);
  const yoga = createHandler(deps, sandbox);
  const documents = createPersistedDocuments(deps.sql);
  const sdl = `${printSchema(lexicographicSortSchema(schema))}\n`;

  const serveGraphql = async (request: IncomingMessage, response: ServerResponse) => {
    if (answerCors(options, request, response)) return;
    const method = request.method ?? '';
    const isPage = sandbox && method === 'GET' && /text\/html/.test(request.headers.accept ?? '');
    if (isPage) return yoga(request, response, { verified: null });
    if (method !== 'GET' && method !== 'POST') {
      response.setHeader('allow', 'GET, POST, OPTIONS');
      const message = 'Send GET or POST.';
      return answerError(response, 405, { code: 'METHOD_NOT_ALLOWED', message });
    }
    const verified = await verifyToken(tokens, bearerOf(request), deps.clock.nowMs());
    if (!verified.ok) {
      response.setHeader('www-authenticate', 'Bearer');
      return answerError(response, 401, unauthenticated);
    }
    const body = await readBody(request);
    if (!body.ok) {
      response.setHeader('connection', 'close'); // the rest of the body is not waited for
      return answerError(response, 413, body);
    }
    const contentType = request.headers['content-type'] ?? '';
    const incoming = { method, url: request.url ?? '', contentType };
    const { viewer } = verified.value;
    const rewritten = await rewriteRequest(documents, viewer, incoming, body.value);
    if (!rewritten.ok) return answerError(response, rewritten.status, rewritten);
    // Proxies would hold events back until a buffer is full.
    response.setHeader('x-accel-buffering', 'no');
    const read = Object.assign(request, { url: rewritten.value.url });
    return yoga(
      rewritten.value.body === null ? read : Object.assign(read, { body: rewritten.value.body }),
      response,
      { verified: verified.value },
    );
  };
  const hearProviders = deps.payments && createPaymentEntrance({ ...deps, ...deps.payments });
  const hearReports = deps.notices && createReportEntrance({ ...deps, ...deps.notices });
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const channelId = channelOfPath(path);
    if (channelId !== null && hearProviders !== undefined) {
      return hearProviders(channelId, request, response);
    }
    const reporting = companyOfPath(path);
    if (reporting !== null && hearReports !== undefined) {
      return hearReports(reporting, request, response);
    }
    switch (path) {
      case '/graphql':
        return serveGraphql(request, response);
      case '/schema.graphql':
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(sdl);
        return;
      case '/health': {
        await deps.sql`select 1`;
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}');
        return;
      }
      default: {
        const message = 'There is /graphql, /schema.graphql and /health.';
        answerError(response, 404, { code: 'NOT_FOUND', message });
      }
    }
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      deps.onError(error);
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const message = 'The service cannot answer now. Try again in a moment.';
      answerError(response, 503, { code: 'SERVICE_UNAVAILABLE', message });
    });
  });
  const closeWebSockets = acceptWebSockets(server, {
    schema,
    deps,
    documents,
    tokens,
    isOriginAllowed: (request) => {
      const { origin } = request.headers;
      if (origin === undefined) return true; // not a browser
      return options.allowedOrigins.includes(origin) || isSameHost(origin, request);
    },
    ...(options.webSocketConnectionsMax === undefined
      ? {}
      : { connectionsMax: options.webSocketConnectionsMax }),
  });
  return {
    server,
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          const address = server.address();
          resolve(typeof address === 'object' && address !== null ? address.port : port);
        });
      }),
    async close() {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      await closeWebSockets();
      server.closeAllConnections();
      await closed;
      await yoga.dispose();
    },
  };
}
