import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  webhookBodyMsMax,
  webhookBytesMax,
  webhookRefusalsPerMinuteMax,
  webhookRetryAfterS,
  webhooksAtOnceMax,
} from '../domain/payment/limits.ts';
import { hearProvider } from '../operations/payments/hearProvider.ts';
import type { HearCode, HearDeps } from '../operations/payments/hearProvider.ts';

/** The entrance of payment providers: `POST /v1/payments/<channel id>/events`. */

const address = /^\/v1\/payments\/([1-9]\d{0,8})\/events$/;

/** The channel that a path is of; null: it is no address of this entrance. */
export function channelOfPath(path: string): number | null {
  const digits = address.exec(path)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Below 300: the provider need not send it again; it was heard, whatever came of it. */
function statusOf(code: HearCode): number {
  switch (code) {
    case 'PAYMENT_CURRENCY_MISMATCH':
    case 'PAYMENT_ACCOUNT_MISMATCH':
    case 'PAYMENT_AMOUNT_INVALID':
    case 'PAYMENT_EVENT_REUSED':
    case 'PAYMENT_EVENT_FOREIGN':
    case 'PAYMENT_REFUND_ABOVE_CAPTURED':
      return 200;
    case 'PAYMENT_SIGNATURE_WRONG':
    case 'PAYMENT_EVENT_TOO_OLD':
    case 'PAYMENT_EVENT_MALFORMED':
      return 400;
    case 'PAYMENT_CHANNEL_UNKNOWN':
    case 'CHANNEL_WITHOUT_PROVIDER':
      return 404;
    case 'PAYMENT_EVENT_TOO_LARGE':
      return 413;
    case 'CHANNEL_SETTINGS_MALFORMED':
    case 'CHANNEL_SECRET_MISSING':
    case 'CHANNEL_SECRET_EXPOSED':
    case 'CHANNEL_SECRET_MALFORMED':
    case 'PROVIDER_UNAVAILABLE':
    case 'PROVIDER_REFUSED':
    case 'PAYMENT_DECLINED':
    case 'PAYMENT_AMOUNT_UNSUPPORTED':
      return 503;
  }
}

/** Null: more than is read. Rejects when the sender goes away or takes too long. */
function readBytes(request: IncomingMessage): Promise<Uint8Array | null> {
  if (Number(request.headers['content-length'] ?? 0) > webhookBytesMax) {
    return Promise.resolve(null);
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let byteCount = 0;
    const timer = setTimeout(() => request.destroy(), webhookBodyMsMax);
    const done = (bytes: Uint8Array | null) => {
      clearTimeout(timer);
      resolve(bytes);
    };
    request.on('data', (chunk: Buffer) => {
      byteCount += chunk.length;
      if (byteCount <= webhookBytesMax) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      done(null);
    });
    request.on('end', () => done(Buffer.concat(chunks)));
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.on('close', () => {
      clearTimeout(timer);
      reject(new Error('the sender went away before its message was read'));
    });
  });
}

function answer(response: ServerResponse, status: number, told: Record<string, unknown>): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(told));
}

/** How many refusals of a channel stand in the audit of the present minute. */
function createAuditBudget(nowMs: () => number) {
  const minutes = new Map<number, { minute: number; count: number }>();
  return (channelId: number): boolean => {
    const minute = Math.floor(nowMs() / 60_000);
    const known = minutes.get(channelId);
    const count = known?.minute === minute ? known.count + 1 : 1;
    minutes.set(channelId, { minute, count });
    return count <= webhookRefusalsPerMinuteMax;
  };
}

export type PaymentEntrance = (
  channelId: number,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void>;

/**
 * Hears providers, so many messages at once; the rest are told to come back, which providers do.
 * A stranger who knows the address costs a hash a message, and so many audit rows a minute.
 */
export function createPaymentEntrance(deps: HearDeps): PaymentEntrance {
  const isInBudget = createAuditBudget(() => deps.clock.nowMs());
  let working = 0;
  const hear: PaymentEntrance = async (channelId, request, response) => {
    const body = await readBytes(request);
    if (body === null) response.setHeader('connection', 'close'); // the rest is not waited for
    let isNoise = false;
    const message = { channelId, body, headers: request.headers };
    const heard = await hearProvider(deps, message, () => {
      isNoise = !isInBudget(channelId);
      return !isNoise;
    });
    if (heard.ok) return answer(response, 200, { result: heard.value.result });
    const status = isNoise ? 429 : statusOf(heard.code);
    if (status === 429 || status === 503) {
      response.setHeader('retry-after', String(webhookRetryAfterS));
    }
    answer(response, status, { result: 'refused', code: heard.code, message: heard.message });
  };
  return async (channelId, request, response) => {
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      return answer(response, 405, { result: 'refused', code: 'METHOD_NOT_ALLOWED' });
    }
    if (working >= webhooksAtOnceMax) {
      response.setHeader('retry-after', String(webhookRetryAfterS));
      response.setHeader('connection', 'close');
      return answer(response, 503, { result: 'refused', code: 'SERVICE_BUSY' });
    }
    working += 1;
    try {
      await hear(channelId, request, response);
    } finally {
      working -= 1;
    }
  };
}
