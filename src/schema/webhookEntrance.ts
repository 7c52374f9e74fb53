import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  webhookBodyMsMax,
  webhookBytesMax,
  webhookRefusalsPerMinuteMax,
  webhookRetryAfterS,
  webhooksAtOnceMax,
} from '../domain/payment/limits.ts';
import { createAuditBudget } from '../operations/auditBudget.ts';
import type { AuditBudget } from '../operations/auditBudget.ts';

/** An entrance for messages of other systems, each signed and about one thing with a number. */

export type WebhookMessage = {
  /** Null: it is too large to be read. */
  readonly body: Uint8Array | null;
  readonly headers: IncomingMessage['headers'];
};

export type WebhookAnswer = {
  readonly status: number;
  readonly told: Readonly<Record<string, unknown>>;
};

/**
 * `isAudited`: asked of each refusal that would be a row of the audit, about the number or, where
 * there is nothing of that number, about 0: strangers choose numbers as they like.
 */
export type HearWebhook = (
  number: number,
  message: WebhookMessage,
  isAudited: AuditBudget<number>,
) => Promise<WebhookAnswer>;

export type WebhookEntrance = (
  number: number,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void>;

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

function answer(response: ServerResponse, { status, told }: WebhookAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(told));
}

/**
 * Hears so many messages at once; the rest are told to come back, which senders of webhooks do. A
 * stranger who knows the address costs a hash a message, and so many audit rows a minute.
 */
export function createWebhookEntrance(nowMs: () => number, listen: HearWebhook): WebhookEntrance {
  const isInBudget = createAuditBudget<number>(nowMs, webhookRefusalsPerMinuteMax);
  let working = 0;
  const hear: WebhookEntrance = async (number, request, response) => {
    const body = await readBytes(request);
    if (body === null) response.setHeader('connection', 'close'); // the rest is not waited for
    let isNoise = false;
    const heard = await listen(number, { body, headers: request.headers }, (about) => {
      isNoise = !isInBudget(about);
      return !isNoise;
    });
    const status = isNoise ? 429 : heard.status;
    if (status === 429 || status === 503) {
      response.setHeader('retry-after', String(webhookRetryAfterS));
    }
    answer(response, { ...heard, status });
  };
  return async (number, request, response) => {
    const refused = (status: number, code: string) =>
      answer(response, { status, told: { result: 'refused', code } });
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      return refused(405, 'METHOD_NOT_ALLOWED');
    }
    if (working >= webhooksAtOnceMax) {
      response.setHeader('retry-after', String(webhookRetryAfterS));
      response.setHeader('connection', 'close');
      return refused(503, 'SERVICE_BUSY');
    }
    working += 1;
    try {
      await hear(number, request, response);
    } finally {
      working -= 1;
    }
  };
}
