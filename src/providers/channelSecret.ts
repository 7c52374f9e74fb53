import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { ChannelClosedCode } from '../domain/payment/providerNews.ts';

/** Where secrets are looked for: never in the database. */
export type SecretPlaces = {
  readonly dataDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
};

const secretShape = z.strictObject({
  /** With which we call the provider. */
  apiKey: z.string().min(1).max(500),
  /** With which the provider signs what it tells. */
  webhookSecret: z.string().min(1).max(500),
});
export type ChannelSecret = z.infer<typeof secretShape>;

function parse(text: string, from: string): Outcome<ChannelSecret, ChannelClosedCode> {
  try {
    const parsed = secretShape.safeParse(JSON.parse(text));
    if (parsed.success) return accept(parsed.data);
  } catch {
    // What is wrong with it is not told: the text is a secret.
  }
  return refuse(
    'CHANNEL_SECRET_MALFORMED',
    `${from} is not {"apiKey": "...", "webhookSecret": "..."}. Write it so.`,
  );
}

/** Of the variable JOULEBOOK_PAYMENT_CHANNEL_<id>, else of payment-channel-<id>.json. */
export function readChannelSecret(
  channelId: number,
  { dataDirectory, env }: SecretPlaces,
): Outcome<ChannelSecret, ChannelClosedCode> {
  const variable = `JOULEBOOK_PAYMENT_CHANNEL_${channelId}`;
  const value = env[variable];
  if (value !== undefined) return parse(value, variable);
  const file = path.join(dataDirectory, `payment-channel-${channelId}.json`);
  let text: string;
  try {
    const mode = statSync(file).mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const message = `${file} has mode ${mode.toString(8)}, so others can read it. chmod 600 it.`;
      return refuse('CHANNEL_SECRET_EXPOSED', message);
    }
    text = readFileSync(file, 'utf8');
  } catch {
    const message = `The channel has no secret here: write ${file} (0600) or set ${variable}.`;
    return refuse('CHANNEL_SECRET_MISSING', message);
  }
  return parse(text, file);
}
