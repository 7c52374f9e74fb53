import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { ChannelClosedCode } from '../domain/payment/providerNews.ts';
import { readChannelSecret } from './channelSecret.ts';
import type { SecretPlaces } from './channelSecret.ts';
import { createStripe, stripeSettings } from './stripe.ts';

type Channel = { readonly id: number; readonly kind: string; readonly settings: unknown };

/**
 * Who speaks for each channel. Secrets are read at each use, so that one that was changed counts
 * from then on.
 */
export function providersWith(places: SecretPlaces) {
  return (channel: Channel): Outcome<ReturnType<typeof createStripe>, ChannelClosedCode> => {
    if (channel.kind !== 'stripe') {
      const message = 'Payments of this channel are not made by a provider that can be called.';
      return refuse('CHANNEL_WITHOUT_PROVIDER', message);
    }
    const settings = stripeSettings.safeParse(channel.settings);
    if (!settings.success) {
      const at = settings.error.issues.map((issue) => issue.path.join('.')).join(', ');
      const message = `The channel's settings are malformed at: ${at}. Correct them.`;
      return refuse('CHANNEL_SETTINGS_MALFORMED', message);
    }
    const secret = readChannelSecret(channel.id, places);
    if (!secret.ok) return secret;
    const { id: channelId } = channel;
    return accept(createStripe({ channelId, settings: settings.data, secret: secret.value }));
  };
}
