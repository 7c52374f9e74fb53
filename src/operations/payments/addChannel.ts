import { insertAudit } from '../../db/audit.ts';
import type { Json } from '../../db/events.ts';
import { insertChannel } from '../../db/payments.ts';
import type { ChannelKind } from '../../db/payments.ts';
import { asViewer } from '../../db/viewer.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { derivedId } from '../derivedId.ts';
import type { RequestDeps } from '../onceByKey.ts';

export type NewChannel = {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly currency: string;
  /** Checked by whoever knows the provider; never a secret. */
  readonly settings: Json;
};

export type AddChannelCode =
  | 'NOT_PERMITTED'
  | 'CHANNEL_NAME_MALFORMED'
  | 'CHANNEL_EXISTS'
  | 'CURRENCY_UNKNOWN';

/** Opens a way by which money comes in. Its secrets are put beside the server, not here. */
export async function addChannel(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  channel: NewChannel,
): Promise<Outcome<number, AddChannelCode>> {
  if (viewer.role !== 'administrator') {
    return refuse('NOT_PERMITTED', 'Payment channels are opened by an administrator.');
  }
  const { name, kind, currency, settings } = channel;
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,59}$/u.test(name)) {
    const message = 'A channel has a name of up to 60 letters, digits, spaces and dashes.';
    return refuse('CHANNEL_NAME_MALFORMED', message, ['name']);
  }
  if (minorDigitsOf(currency) === undefined) {
    const message = 'The currency is not an ISO 4217 code in use; write one such as EUR.';
    return refuse('CURRENCY_UNKNOWN', message, ['currency']);
  }
  const { companyId, actor } = viewer;
  return asViewer(sql, viewer, async (tx) => {
    const id = await insertChannel(tx, { companyId, name, kind, currency, settings });
    if (id === null) {
      return refuse('CHANNEL_EXISTS', 'The company has a channel of this name.', ['name']);
    }
    await insertAudit(tx, {
      id: derivedId('channel_added', String(id)),
      companyId,
      atMs: clock.nowMs(),
      actor,
      action: 'paymentChannel.add',
      subject: `payment_channel/${id}`,
      before: null,
      after: { name, kind, currency, settings },
    });
    return accept(id);
  });
}
