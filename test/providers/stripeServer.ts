import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { Stripe } from 'stripe';

/**
 * The far end: a server of the shapes of Stripe's API, asked by the real SDK over HTTP. Source:
 * docs.stripe.com/api, payment intents, refunds, balance transactions, events, idempotency.
 */

type Fault = 'status 500' | 'status 429' | 'cut before' | 'cut after' | 'declined';

type Intent = {
  readonly id: string;
  readonly object: 'payment_intent';
  readonly amount: number;
  amount_received: number;
  readonly currency: string;
  readonly client_secret: string;
  readonly metadata: Record<string, string>;
  status: string;
};

export type StripeServer = {
  readonly apiBase: string;
  readonly apiKey: string;
  readonly webhookSecret: string;
  readonly intents: ReadonlyMap<string, Intent>;
  /** Made, not asked for: a repeated request makes no second one. */
  readonly refunds: readonly { id: string; payment_intent: string; amount: number }[];
  /** Entries by payout. */
  readonly balance: Map<string, { type: string; amount: number; fee: number }[]>;
  /** The next requests end so. */
  readonly faults: Fault[];
  requests(): number;
  pay(intentId: string): Intent;
  event(type: string, object: object, part?: object): string;
  sign(body: string, options?: { secret?: string; atMs?: number }): string;
  close(): Promise<void>;
};

/** `metadata[a]=b` as Stripe's forms have it. */
function metadataOf(form: URLSearchParams): Record<string, string> {
  const tags: [string, string][] = [];
  for (const [name, value] of form) {
    const tag = /^metadata\[(\w+)\]$/.exec(name)?.[1];
    if (tag !== undefined) tags.push([tag, value]);
  }
  return Object.fromEntries(tags);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

function errorBody(type: string, code: string) {
  return { error: { type, code, message: 'Ada Lovelace’s card ending in 4242 has no funds.' } };
}

export async function startStripeServer(): Promise<StripeServer> {
  const intents = new Map<string, Intent>();
  const refunds: { id: string; payment_intent: string; amount: number }[] = [];
  const balance: StripeServer['balance'] = new Map();
  const faults: Fault[] = [];
  const answers = new Map<string, { form: string; status: number; body: object }>();
  const apiKey = 'sk_test_0123456789';
  const webhookSecret = 'whsec_0123456789';
  const stripe = new Stripe(apiKey);
  let requestCount = 0;
  let eventCount = 0;

  const createIntent = (form: URLSearchParams): object => {
    const id = `pi_${intents.size + 1}`;
    const amount = Number(form.get('amount'));
    const isPaid = form.get('confirm') === 'true';
    const intent: Intent = {
      id,
      object: 'payment_intent',
      amount,
      amount_received: isPaid ? amount : 0,
      currency: form.get('currency') ?? '',
      client_secret: `${id}_secret_${randomUUID()}`,
      metadata: metadataOf(form),
      status: isPaid ? 'succeeded' : 'requires_payment_method',
    };
    intents.set(id, intent);
    return intent;
  };
  const createRefund = (form: URLSearchParams): object => {
    const payment = form.get('payment_intent') ?? '';
    const refund = { id: `re_${refunds.length + 1}`, payment_intent: payment };
    refunds.push({ ...refund, amount: Number(form.get('amount')) });
    return { ...refund, object: 'refund', status: 'pending' };
  };
  const listBalance = (url: URL): [number, object] => {
    const payout = url.searchParams.get('payout') ?? '';
    // Of a manual payout its transactions are not known.
    if (payout.startsWith('po_manual')) {
      return [400, errorBody('invalid_request_error', 'payouts_not_allowed')];
    }
    const all = (balance.get(payout) ?? []).map((entry, index) => ({
      id: `txn_${payout}_${index}`,
      object: 'balance_transaction',
      currency: 'eur',
      ...entry,
    }));
    const last = url.searchParams.get('starting_after');
    const from = last === null ? 0 : all.findIndex(({ id }) => id === last) + 1;
    const data = all.slice(from, from + Number(url.searchParams.get('limit') ?? 10));
    const hasMore = from + data.length < all.length;
    return [200, { object: 'list', url: '/v1/balance_transactions', has_more: hasMore, data }];
  };
  const work = (method: string, url: URL, form: URLSearchParams): [number, object] => {
    const intent = /^\/v1\/payment_intents\/(\w+)$/.exec(url.pathname)?.[1];
    if (method === 'GET' && intent !== undefined) {
      const found = intents.get(intent);
      return found === undefined
        ? [404, errorBody('invalid_request_error', 'resource_missing')]
        : [200, found];
    }
    switch (`${method} ${url.pathname}`) {
      case 'POST /v1/payment_intents':
        return [200, createIntent(form)];
      case 'POST /v1/refunds':
        return [200, createRefund(form)];
      case 'GET /v1/balance_transactions':
        return listBalance(url);
      default:
        return [404, errorBody('invalid_request_error', 'resource_missing')];
    }
  };
  const answer = (response: ServerResponse, status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    requestCount += 1;
    const text = await bodyOf(request);
    const fault = faults.shift();
    if (fault === 'cut before') return request.socket.destroy();
    if (fault === 'status 500') return answer(response, 500, errorBody('api_error', 'internal'));
    if (fault === 'status 429') {
      return answer(response, 429, errorBody('invalid_request_error', 'rate_limit'));
    }
    if (fault === 'declined') return answer(response, 402, errorBody('card_error', 'declined'));
    const authorization = request.headers.authorization ?? '';
    if (authorization !== `Bearer ${apiKey}`) {
      return answer(response, 401, errorBody('invalid_request_error', 'api_key_invalid'));
    }
    const url = new URL(request.url ?? '', 'http://localhost');
    const key = request.headers['idempotency-key'];
    const known = typeof key === 'string' ? answers.get(key) : undefined;
    if (known !== undefined && known.form !== `${url.pathname}?${text}`) {
      return answer(response, 400, errorBody('idempotency_error', 'idempotency_key_in_use'));
    }
    const made = known ?? { form: `${url.pathname}?${text}`, status: 0, body: {} };
    if (known === undefined) {
      const [status, body] = work(request.method ?? '', url, new URLSearchParams(text));
      Object.assign(made, { status, body });
      if (typeof key === 'string') answers.set(key, made);
    }
    if (fault === 'cut after') return request.socket.destroy();
    return answer(response, made.status, made.body);
  };
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  return {
    apiBase: `http://127.0.0.1:${port}`,
    apiKey,
    webhookSecret,
    intents,
    refunds,
    balance,
    faults,
    requests: () => requestCount,
    pay(intentId) {
      const intent = intents.get(intentId);
      if (intent === undefined) throw new Error(`no intent ${intentId}`);
      intent.amount_received = intent.amount;
      intent.status = 'succeeded';
      return intent;
    },
    event(type, object, part = {}) {
      eventCount += 1;
      return JSON.stringify({
        id: `evt_${eventCount}`,
        object: 'event',
        api_version: '2026-10-29',
        created: 1_772_366_400 + eventCount,
        livemode: false,
        pending_webhooks: 1,
        type,
        data: { object },
        ...part,
      });
    },
    sign(body, { secret = webhookSecret, atMs } = {}) {
      const timestamp = Math.floor((atMs ?? 0) / 1_000);
      return stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
