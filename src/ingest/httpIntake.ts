import { createPublicKey } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { assert } from '../domain/assert.ts';
import {
  batchBytesMax,
  intakeAnswerMsMax,
  intakeArrivingBytesMax,
  intakeBodyMsMax,
  intakeConnectionsMax,
  intakeHeadBytesMax,
  intakeHeadMsMax,
  intakeJsonBytesMax,
  intakeRetryAfterS,
  intakeStreamIdleMsMax,
} from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { OpenCode } from '../wire/batch.ts';
import type { SigningKey } from '../wire/envelope.ts';
import { carriedOfJson, carriedOfParts } from '../wire/jsonEnvelope.ts';
import { receiptJson, sealReceiptJson } from '../wire/receipt.ts';
import { createArrivalRoom, discardRest, readBody } from './httpBody.ts';
import type { ArrivalRoom } from './httpBody.ts';
import { batchStreamType, serveBatchStream } from './httpStream.ts';
import type { Intake, IntakeResult } from './intake.ts';
import {
  problemOf,
  problemText,
  receiptEnvelope,
  receiptOf,
  signedReceipt,
} from './intakeAnswer.ts';
import type { Problem } from './intakeAnswer.ts';
import type { IntakeTls } from './intakeTls.ts';

export type HttpIntakeOptions = {
  readonly intake: Intake;
  /** Signs receipts. */
  readonly key: SigningKey;
  /** HTTPS with TLS 1.3 alone; plain HTTP while it is null. */
  readonly tls: IntakeTls | null;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  report(problem: { readonly code: string; readonly error: unknown }): void;
  readonly answerMs?: number;
  readonly bodyMs?: number;
  readonly headMs?: number;
};

export type HttpIntake = { readonly url: string; close(): Promise<void> };

type Deps = HttpIntakeOptions & { readonly room: ArrivalRoom };
type Form = 'protobuf' | 'jsonEnvelope' | 'jsonText';

const batchType = 'application/x-protobuf';
const receiptType = 'application/x-protobuf';
const packedBody =
  'Bodies are taken as they are. Send it without Content-Encoding; a batch is compressed inside ' +
  'its envelope.';
const jsonType = 'application/json';

function send(
  response: ServerResponse,
  status: number,
  { type, body, ...headers }: { type: string; body: string | Uint8Array; [name: string]: unknown },
): void {
  if (response.destroyed) return;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value));
  response.setHeader('content-length', Buffer.byteLength(body));
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}

function sendProblem(
  response: ServerResponse,
  problem: Problem,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const isLater = problem.status === 429 || problem.status === 503;
  send(response, problem.status, {
    type: 'application/problem+json',
    body: problemText(problem, more),
    ...(isLater && { 'retry-after': intakeRetryAfterS }),
  });
}

function problem(status: number, code: string, detail: string): Problem {
  return { status, code, detail, emsCode: null };
}

const full = problem(429, 'INTAKE_FULL', 'Too many batches wait; keep this one and come back.');

function textHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function formOf(request: IncomingMessage): Form | typeof batchStreamType | null {
  const type = (request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  if (type === batchType) return 'protobuf';
  if (type === batchStreamType) return batchStreamType;
  if (type !== jsonType) return null;
  return textHeader(request, 'joulebook-signature') === undefined ? 'jsonEnvelope' : 'jsonText';
}

/** Bytes are judged as they were signed: nothing unpacks a body before its signature is known. */
function isPacked(request: IncomingMessage): boolean {
  const encoding = textHeader(request, 'content-encoding') ?? '';
  return !['', 'identity'].includes(encoding.trim().toLowerCase());
}

/** The SignedBatch of a body; `readBody` has let one byte too many through, if there were. */
function carriedOf(
  request: IncomingMessage,
  form: Form,
  body: Uint8Array,
): Outcome<Uint8Array, OpenCode> {
  switch (form) {
    case 'protobuf':
      return accept(body);
    case 'jsonEnvelope':
      return carriedOfJson(body);
    case 'jsonText':
      return carriedOfParts(
        body,
        {
          keyId: textHeader(request, 'joulebook-key-id'),
          signature: textHeader(request, 'joulebook-signature'),
        },
        { encoding: 'json', compression: 'none' },
      );
  }
}

function sendAnswer(
  { key }: Deps,
  response: ServerResponse,
  { form, result }: { form: Form; result: IntakeResult },
): void {
  if (result.kind === 'unanswered') {
    sendProblem(response, problem(503, 'BATCH_NOT_COMMITTED', result.message));
    return;
  }
  const { answer } = result;
  const receipt = receiptOf(answer);
  if (!answer.ok) {
    const more =
      receipt === null
        ? {}
        : form === 'protobuf'
          ? { receipt: Buffer.from(signedReceipt(receipt, key)).toString('base64') }
          : { receipt: receiptJson(receipt), ...sealed(receipt, key) };
    sendProblem(response, problemOf(answer), more);
    return;
  }
  assert(receipt !== null, 'an accepted batch has a receipt');
  if (form === 'protobuf') {
    send(response, 200, { type: receiptType, body: signedReceipt(receipt, key) });
  } else if (form === 'jsonEnvelope') {
    send(response, 200, { type: jsonType, body: receiptEnvelope(receipt, key) });
  } else {
    const { text, keyId, signature } = sealReceiptJson(receipt, key);
    const headers = { 'joulebook-key-id': keyId, 'joulebook-signature': signature };
    send(response, 200, { type: jsonType, body: text, ...headers });
  }
}

function sealed(receipt: NonNullable<ReturnType<typeof receiptOf>>, key: SigningKey) {
  const { keyId, signature } = sealReceiptJson(receipt, key);
  return { keyId, signature };
}

/** A batch that waits too long is told to come back; it may be committed all the same. */
async function withinTime(offered: Promise<IntakeResult>, ms: number): Promise<IntakeResult> {
  const { promise, resolve } = Promise.withResolvers<IntakeResult>();
  const message = 'The batch waits for its commit. Send it again later: it counts once.';
  const timer = setTimeout(() => resolve({ kind: 'unanswered', message }), ms);
  const result = await Promise.race([offered, promise]);
  clearTimeout(timer);
  return result;
}

async function serveBatch(
  deps: Deps,
  form: Form,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const { intake, room } = deps;
  const bytesMax = form === 'jsonEnvelope' ? intakeJsonBytesMax : batchBytesMax;
  const msMax = deps.bodyMs ?? intakeBodyMsMax;
  const body = await readBody(request, { bytesMax, room, msMax });
  if (!request.complete) {
    response.setHeader('connection', 'close');
    discardRest(request);
  }
  if (!body.ok) {
    const status = body.code === 'INTAKE_FULL' ? 429 : 408;
    sendProblem(response, problem(status, body.code, body.message));
    return;
  }
  const carried = carriedOf(request, form, body.value);
  // A JSON envelope is longer than its batch, whose own length is looked at by whoever opens it.
  const isTooLong = body.value.length > bytesMax;
  // What is no batch is offered as it came: it is kept aside, counted and audited like any other.
  const bytes = carried.ok && !isTooLong ? carried.value : body.value;
  const source = request.socket.remoteAddress ?? 'unknown';
  const offered = intake.offer(bytes.slice(0, batchBytesMax + 1), source);
  if (offered === 'full') {
    sendProblem(response, full);
    return;
  }
  const result = await withinTime(offered, deps.answerMs ?? intakeAnswerMsMax);
  // A SignedBatch that came as JSON is one all the same: what was committed is told as committed.
  const isNone = result.kind === 'answered' && !result.answer.ok;
  if (!carried.ok && !isTooLong && isNone) {
    const { code, message } = carried;
    sendProblem(response, problemOf({ code, message }));
    return;
  }
  sendAnswer(deps, response, { form, result });
}

/** What senders need to believe receipts. */
function receiptKeyJson({ keyId, privateKey }: SigningKey): string {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return JSON.stringify({
    keyId: Buffer.from(keyId).toString('hex'),
    // The last 32 bytes of a SubjectPublicKeyInfo are the key. Source: RFC 8410, 4.
    publicKey: der.subarray(-32).toString('hex'),
  });
}

async function serve(
  deps: Deps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0];
  const isBatches = path === '/v1/batches';
  const allowed = isBatches ? 'POST' : 'GET';
  if (!isBatches && path !== '/v1/receipt-key' && path !== '/v1/health') {
    const detail = 'Send batches to /v1/batches; /v1/receipt-key and /v1/health can be read.';
    sendProblem(response, problem(404, 'PATH_UNKNOWN', detail));
  } else if (request.method !== allowed) {
    response.setHeader('allow', allowed);
    sendProblem(response, problem(405, 'METHOD_NOT_ALLOWED', `Send ${allowed}.`));
  } else if (path === '/v1/receipt-key') {
    send(response, 200, { type: jsonType, body: receiptKeyJson(deps.key) });
  } else if (path === '/v1/health') {
    const { isHealthy, batches } = deps.intake.stats();
    const state = isHealthy ? 'ready' : 'waiting for the database';
    send(response, isHealthy ? 200 : 503, {
      type: jsonType,
      body: JSON.stringify({ state, batches }),
    });
  } else if (isPacked(request)) {
    response.setHeader('accept-encoding', 'identity'); // RFC 9110, 15.5.16
    sendProblem(response, problem(415, 'BATCH_ENCODING_UNKNOWN', packedBody));
  } else {
    const form = formOf(request);
    if (form === batchStreamType) await serveBatchStream(deps, request, response);
    else if (form !== null) await serveBatch(deps, form, { request, response });
    else {
      const detail = `Send ${batchType}, ${jsonType} or ${batchStreamType}.`;
      sendProblem(response, problem(415, 'BATCH_TYPE_UNKNOWN', detail));
    }
  }
  if (!request.complete) discardRest(request);
}

function handlerOf(deps: Deps): RequestListener {
  return (request, response) => {
    serve(deps, request, response).catch((error: unknown) => {
      // A sender that went away ends its own request and is no fault of ours.
      if (!request.destroyed) deps.report({ code: 'INTAKE_REQUEST_FAILED', error });
      response.destroy();
    });
  };
}

function makeServer(deps: Deps): Server {
  const options = {
    noDelay: true, // receipts are small and waited for: requirement 000.43
    maxHeaderSize: intakeHeadBytesMax,
    headersTimeout: deps.headMs ?? intakeHeadMsMax,
    requestTimeout: 0, // a stream is one request; bodies have their own time
    connectionsCheckingInterval: 1_000,
  };
  const server =
    deps.tls === null
      ? createServer(options, handlerOf(deps))
      : createTlsServer(
          {
            ...options,
            ...deps.tls,
            minVersion: 'TLSv1.3',
            requestCert: deps.tls.ca !== undefined,
            rejectUnauthorized: true,
          },
          handlerOf(deps),
        );
  server.maxConnections = intakeConnectionsMax;
  server.timeout = intakeStreamIdleMsMax;
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

/** `POST /v1/batches`, for one batch, its JSON twin, or a stream of batches. */
export async function startHttpIntake(
  options: HttpIntakeOptions,
): Promise<Outcome<HttpIntake, 'PORT_TAKEN'>> {
  const { host, tls } = options;
  const server = makeServer({ ...options, room: createArrivalRoom(intakeArrivingBytesMax) });
  const listening = Promise.withResolvers<number | null>();
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE' || error.code === 'EACCES') listening.resolve(null);
    else listening.reject(error);
  });
  server.listen({ port: options.port, host, exclusive: true }, () => {
    const address = server.address();
    assert(typeof address === 'object' && address !== null, 'a TCP server has an address');
    listening.resolve(address.port);
  });
  const port = await listening.promise;
  if (port === null) {
    return refuse(
      'PORT_TAKEN',
      `Port ${options.port} on ${host}, for batches, is taken by another program; stop it, or ` +
        'set JOULEBOOK_INTAKE_PORT.',
    );
  }
  const name = host.includes(':') ? `[${host}]` : host;
  return accept({
    url: `${tls === null ? 'http' : 'https'}://${name}:${port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), intakeHeadMsMax / 10);
      await closed;
      clearTimeout(late);
    },
  });
}
