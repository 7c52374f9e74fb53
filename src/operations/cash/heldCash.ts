import { lockAgent, readHeldCash } from '../../db/cash.ts';
import type { Agent } from '../../db/cash.ts';
import type { Transaction } from '../../db/connect.ts';
import { findLedgerAccount } from '../../db/ledger.ts';
import { findChannel } from '../../db/payments.ts';
import type { PaymentChannel } from '../../db/payments.ts';
import { assert } from '../../domain/assert.ts';
import { refuse } from '../../domain/outcome.ts';

export type HeldCash = {
  readonly agent: Agent;
  readonly channel: PaymentChannel;
  /** Of the agent's cash. */
  readonly ledgerId: number;
  readonly heldMicros: bigint;
};

export const agentUnknown = refuse('AGENT_UNKNOWN', 'The company has no such agent.', ['agent']);

/** An agent and what stands against it, locked until the transaction ends. */
export async function lockHeldCash(
  tx: Transaction,
  agentKey: { companyId: number; name: string },
): Promise<HeldCash | null> {
  const agent = await lockAgent(tx, agentKey);
  if (agent === null || !agent.isActive) return null;
  const channel = await findChannel(tx, agent.channelId);
  assert(channel !== null, 'an agent has its channel');
  const { companyId } = agent;
  const { currency } = channel;
  const of = { companyId, currency, code: 'agent_cash', agentId: agent.id } as const;
  const ledgerId = await findLedgerAccount(tx, of);
  const heldMicros = await readHeldCash(tx, { agentId: agent.id, ledgerId });
  return { agent, channel, ledgerId, heldMicros };
}
