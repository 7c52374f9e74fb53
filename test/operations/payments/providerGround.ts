import { providersWith } from '../../../src/providers/paymentProviders.ts';
import type { PaymentProvider, ProviderOf } from '../../../src/operations/payments/provider.ts';
import type { Sql } from '../../../src/db/connect.ts';
import { accept } from '../../../src/domain/outcome.ts';
import { brittleSql } from '../../simulate/faults.ts';
import type { Fuse } from '../../simulate/faults.ts';
import { startStripeServer } from '../../providers/stripeServer.ts';
import type { StripeServer } from '../../providers/stripeServer.ts';
import { openPayments } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

export type ProviderGround = PaymentGround & {
  readonly stripe: StripeServer;
  readonly providerOf: ProviderOf;
  close(): Promise<void>;
};

/** A company whose card channel leads to a server of Stripe's shapes. */
export async function openProviderGround(name: string): Promise<ProviderGround> {
  const stripe = await startStripeServer();
  const ground = await openPayments(name, { apiBase: stripe.apiBase });
  const secret = JSON.stringify({ apiKey: stripe.apiKey, webhookSecret: stripe.webhookSecret });
  const env = { [`JOULEBOOK_PAYMENT_CHANNEL_${ground.channelId}`]: secret };
  return {
    ...ground,
    stripe,
    providerOf: providersWith({ dataDirectory: '/nowhere', env }),
    async close() {
      await ground.close();
      await stripe.close();
    },
  };
}

/** Database and provider as a process sees them that may die before or after each await. */
export function brittleDeps(
  { providerOf }: Pick<ProviderGround, 'providerOf'>,
  sql: Sql,
  fuse: Fuse,
): { readonly sql: Sql; readonly providerOf: ProviderOf } {
  const within = async <T>(call: () => Promise<T>): Promise<T> => {
    await fuse.pass();
    const answer = await call();
    await fuse.pass();
    return answer;
  };
  const brittle = (provider: PaymentProvider): PaymentProvider => ({
    ...provider,
    chargeInstrument: (request) => within(() => provider.chargeInstrument(request)),
    refund: (request) => within(() => provider.refund(request)),
  });
  return {
    sql: brittleSql(sql, fuse, async () => {}),
    providerOf: (channel) => {
      const found = providerOf(channel);
      return found.ok ? accept(brittle(found.value)) : found;
    },
  };
}
