import { generateKeyPairSync } from 'node:crypto';
import { providersWith } from '../../src/providers/paymentProviders.ts';
import { createApiServer } from '../../src/schema/server.ts';
import { startTail } from '../../src/stream/tail.ts';
import { openPayments } from '../operations/payments/paymentGround.ts';
import type { PaymentGround } from '../operations/payments/paymentGround.ts';
import { startStripeServer } from '../providers/stripeServer.ts';
import type { StripeServer } from '../providers/stripeServer.ts';

export type PaymentWorld = {
  readonly ground: PaymentGround;
  readonly stripe: StripeServer;
  readonly providerOf: ReturnType<typeof providersWith>;
  readonly errors: unknown[];
  /** As the provider sends it; without a header it is signed now. */
  send(
    body: string | Uint8Array,
    options?: { header?: string; channelId?: number; method?: string },
  ): Promise<{ status: number; answer: Record<string, unknown>; retryAfter: string | null }>;
  close(): Promise<void>;
};

/** A company with a card channel at a server of Stripe's shapes, and the API that hears it. */
export async function openPaymentWorld(name: string): Promise<PaymentWorld> {
  const stripe = await startStripeServer();
  const ground = await openPayments(name, { apiBase: stripe.apiBase });
  const secret = JSON.stringify({ apiKey: stripe.apiKey, webhookSecret: stripe.webhookSecret });
  const env = { [`JOULEBOOK_PAYMENT_CHANNEL_${ground.channelId}`]: secret };
  const providerOf = providersWith({ dataDirectory: '/nowhere', env });
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const tail = await startTail(ground.writer.sql, { pollMs: 1_000, onError });
  const server = createApiServer({
    deps: {
      sql: ground.api.sql,
      clock: ground.clock,
      wake: (bell) => ground.bells.push(bell),
      tail,
      onError,
      streamProgressMs: 15_000,
      payments: { writer: ground.writer.sql, providerOf },
    },
    tokens: {
      issuer: 'https://issuer.test',
      audience: 'joulebook',
      publicKey: generateKeyPairSync('ed25519').publicKey,
    },
    sandbox: false,
    allowedOrigins: [],
  });
  const port = await server.listen(0, '127.0.0.1');
  return {
    ground,
    stripe,
    providerOf,
    errors,
    async send(body, { header, channelId = ground.channelId, method = 'POST' } = {}) {
      const text = typeof body === 'string' ? body : Buffer.from(body).toString('latin1');
      const signature = header ?? stripe.sign(text, { atMs: ground.clock.nowMs() });
      const response = await fetch(`http://127.0.0.1:${port}/v1/payments/${channelId}/events`, {
        method,
        headers: { 'stripe-signature': signature, 'content-type': 'application/json' },
        ...(method === 'POST' && { body: Buffer.from(body) }),
      });
      const answer: unknown = await response.json();
      return {
        status: response.status,
        answer: Object.fromEntries(Object.entries(answer ?? {})),
        retryAfter: response.headers.get('retry-after'),
      };
    },
    async close() {
      await server.close();
      await tail.close();
      await ground.close();
      await stripe.close();
    },
  };
}
