import { z } from 'zod';
import { accept, refuse } from '../../domain/outcome.ts';
import { addChannel } from '../../operations/payments/addChannel.ts';
import { bankSettings } from '../../wire/bank/settings.ts';
import { voucherSettings } from '../../wire/voucherCode.ts';
import { stripeSettings } from '../../providers/stripe.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { companyNamed, staffViewer } from '../viewer.ts';

export type AddChannelOptions = {
  readonly company: string;
  readonly name: string;
  readonly kind: string;
  readonly currency: string;
  readonly settings: string;
  readonly database: string | undefined;
};

const kinds = z.enum(['counter', 'stripe', 'bank', 'cash', 'voucher', 'openpaygo']);

function shapeOf(kind: z.output<typeof kinds>) {
  if (kind === 'stripe') return stripeSettings;
  if (kind === 'voucher') return voucherSettings;
  return kind === 'bank' ? bankSettings : z.record(z.string(), z.json());
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // JSON.parse has no other way to say no, and undefined is no JSON
  }
}

/** Opens a channel, and says where its secret is to be put. */
export async function addPaymentChannel(options: AddChannelOptions): Promise<Answer> {
  const kind = kinds.safeParse(options.kind);
  if (!kind.success) {
    return refuse('CHANNEL_KIND_UNKNOWN', `Kinds are ${kinds.options.join(', ')}.`);
  }
  const shape = shapeOf(kind.data);
  const settings = shape.safeParse(parseJson(options.settings));
  if (!settings.success) {
    const at = settings.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
    return refuse('CHANNEL_SETTINGS_MALFORMED', `The settings: ${at.join('; ')}.`);
  }
  const { name, currency } = options;
  return withDatabase(databaseUrl(options.database), 'joulebook_writer', async (sql) => {
    const company = await companyNamed(sql, options.company);
    if (!company.ok) return company;
    const added = await addChannel(
      { sql, clock: { nowMs: Date.now } },
      staffViewer(company.value, 'administrator'),
      { name, kind: kind.data, currency, settings: z.json().parse(settings.data) },
    );
    if (!added.ok) return added;
    const id = added.value;
    const secret =
      kind.data === 'stripe'
        ? ` Write {"apiKey": "...", "webhookSecret": "..."} into payment-channel-${id}.json in ` +
          `the server's data directory, mode 600, and let the provider send its events to ` +
          `/v1/payments/${id}/events.`
        : '';
    return accept({
      sentence: `Channel ${id} "${name}" takes ${currency}.${secret}`,
      facts: { channelId: id, name, kind: kind.data, currency },
    });
  });
}
