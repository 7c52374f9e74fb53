import type { PaymentChannel } from '../../db/payments.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { parseCompanyId } from '../../domain/ids.ts';

/** On whose behalf a provider's word is heard: of the channel's company, whatever it says. */
export function channelViewer({ id, companyId }: PaymentChannel): Viewer {
  const company = parseCompanyId(companyId);
  assert(company.ok, 'a channel is of a company');
  return {
    companyId: company.value,
    role: 'operator',
    accountId: null,
    actor: `payment_channel:${id}`,
    persistedOnly: false,
  };
}
