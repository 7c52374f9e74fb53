import { insertAudit } from '../../db/audit.ts';
import { findChannelNamed } from '../../db/bank.ts';
import { insertAgent } from '../../db/cash.ts';
import { asViewer } from '../../db/viewer.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { derivedId } from '../derivedId.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { parsePaid } from '../payments/paidAmount.ts';
import type { AmountCode } from '../payments/paidAmount.ts';

export type AddAgentCode =
  | AmountCode
  | 'NOT_PERMITTED'
  | 'PAYMENT_CHANNEL_UNKNOWN'
  | 'AGENT_NAME_MALFORMED'
  | 'AGENT_EXISTS';

/** Somebody who takes cash for the company, up to a limit of what may be held. */
export async function addAgent(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  agent: { readonly channel: string; readonly name: string; readonly floatLimit: string },
): Promise<Outcome<number, AddAgentCode>> {
  if (viewer.role !== 'administrator') {
    return refuse('NOT_PERMITTED', 'Agents are added by an administrator.');
  }
  const { name } = agent;
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,59}$/u.test(name)) {
    const message = 'An agent has a name of up to 60 letters, digits, spaces and dashes.';
    return refuse('AGENT_NAME_MALFORMED', message, ['name']);
  }
  const { companyId, actor } = viewer;
  return asViewer(sql, viewer, async (tx): Promise<Outcome<number, AddAgentCode>> => {
    const channel = await findChannelNamed(tx, { companyId, name: agent.channel });
    if (channel === null || channel.kind !== 'cash') {
      return refuse('PAYMENT_CHANNEL_UNKNOWN', 'The company has no such channel of kind cash.');
    }
    const limit = parsePaid({ amount: agent.floatLimit, currency: channel.currency });
    if (!limit.ok) return limit;
    const floatLimitMicros = limit.value;
    const row = { companyId, channelId: channel.id, name, floatLimitMicros };
    const id = await insertAgent(tx, row);
    if (id === null) return refuse('AGENT_EXISTS', 'There is an agent of this name.', ['name']);
    await insertAudit(tx, {
      id: derivedId('agent_added', String(id)),
      companyId,
      atMs: clock.nowMs(),
      actor,
      action: 'paymentAgent.add',
      subject: `payment_agent/${id}`,
      before: null,
      after: { name, channel: channel.name, floatLimitMicros: floatLimitMicros.toString() },
    });
    return accept(id);
  });
}
