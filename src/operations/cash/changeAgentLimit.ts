import { setAgentLimit } from '../../db/cash.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import { sameAmount, textOf } from '../onceByKey.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { parsePaid } from '../payments/paidAmount.ts';
import type { AmountCode } from '../payments/paidAmount.ts';
import { staffChange } from '../supply/staffChange.ts';
import type { StaffCode } from '../supply/staffChange.ts';
import { agentUnknown, lockHeldCash } from './heldCash.ts';

export type ChangeAgentLimitInput = {
  readonly idempotencyKey: string;
  /** By name. */
  readonly agent: string;
  readonly floatLimit: string;
  readonly reason: string;
};

export type ChangeAgentLimitCode = StaffCode | AmountCode | 'AGENT_UNKNOWN' | 'AGENT_HOLDS_MORE';

export type ChangedLimit = {
  readonly agentId: number;
  readonly isReplay: boolean;
};

/**
 * The most that an agent may hold from now on. Not less than is held: cash that was taken within
 * one limit would stand above another.
 */
export async function changeAgentLimit(
  deps: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  input: ChangeAgentLimitInput,
): Promise<Outcome<ChangedLimit, ChangeAgentLimitCode>> {
  const { idempotencyKey, agent: name, floatLimit, reason } = input;
  const { companyId } = viewer;
  const outcome = await staffChange<ChangeAgentLimitCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.changeAgentLimit',
      action: 'paymentAgent.limit',
      idempotencyKey,
      input: [name, sameAmount(floatLimit)],
      reason,
    },
    async (tx) => {
      const held = await lockHeldCash(tx, { companyId, name });
      if (held === null) return agentUnknown;
      const { agent, channel, heldMicros } = held;
      const limit = parsePaid({ amount: floatLimit, currency: channel.currency });
      if (!limit.ok) return { ...limit, path: ['floatLimit'] };
      const floatLimitMicros = limit.value;
      if (floatLimitMicros < heldMicros) {
        const holds = moneyText(heldMicros, channel.currency);
        const message = `${name} holds ${holds}. Let some be handed over first.`;
        return refuse('AGENT_HOLDS_MORE', message, ['floatLimit']);
      }
      await setAgentLimit(tx, { agentId: agent.id, floatLimitMicros });
      return accept({
        answer: { agentId: String(agent.id) },
        subject: `payment_agent/${agent.id}`,
        before: { floatLimitMicros: agent.floatLimitMicros.toString() },
        after: { floatLimitMicros: floatLimitMicros.toString() },
      });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({ agentId: Number(textOf(answer, 'agentId')), isReplay });
}
