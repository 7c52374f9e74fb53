import { randomUUID } from 'node:crypto';
import { listAgents } from '../../db/cash.ts';
import { findAccountId } from '../../db/directory.ts';
import { asViewer } from '../../db/viewer.ts';
import { formatMicros } from '../../domain/exact.ts';
import { accept } from '../../domain/outcome.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import { addAgent } from '../../operations/cash/agents.ts';
import { changeAgentLimit } from '../../operations/cash/changeAgentLimit.ts';
import { handOverCash } from '../../operations/cash/handOverCash.ts';
import { takeCash } from '../../operations/cash/takeCash.ts';
import type { Answer } from '../answer.ts';
import { atDesk } from '../moneyDesk.ts';
import type { DeskOptions } from '../moneyDesk.ts';

export type AddAgentOptions = DeskOptions & {
  readonly channel: string;
  readonly name: string;
  readonly limit: string;
};

export async function addCashAgent(options: AddAgentOptions): Promise<Answer> {
  return atDesk(options, 'administrator', async ({ deps, viewer }) => {
    const { channel, name, limit: floatLimit } = options;
    const added = await addAgent(deps, viewer, { channel, name, floatLimit });
    if (!added.ok) return added;
    const sentence = `Agent "${name}" may hold up to ${floatLimit}.`;
    return accept({ sentence, facts: { agentId: added.value, name, floatLimit } });
  });
}

export type AgentLimitOptions = DeskOptions & {
  readonly agent: string;
  readonly limit: string;
  readonly reason: string;
  readonly key: string | undefined;
};

export async function changeLimitByHand(options: AgentLimitOptions): Promise<Answer> {
  return atDesk(options, 'administrator', async ({ deps, viewer }) => {
    const { agent, limit: floatLimit, reason } = options;
    const idempotencyKey = options.key ?? randomUUID();
    const asked = { idempotencyKey, agent, floatLimit, reason };
    const done = await changeAgentLimit(deps, viewer, asked);
    if (!done.ok) return done;
    const { agentId, isReplay } = done.value;
    const sentence = `${agent} may hold up to ${floatLimit} from now on.`;
    return accept({ sentence, facts: { agentId, agent, floatLimit, isReplay } });
  });
}

export async function listCashAgents(options: DeskOptions): Promise<Answer> {
  return atDesk(options, 'operator', async ({ deps, viewer }) => {
    const agents = await asViewer(deps.sql, viewer, (tx) => listAgents(tx, viewer.companyId));
    const told = agents.map(({ name, floatLimitMicros, currency, isActive }) => {
      return { name, floatLimit: moneyText(floatLimitMicros, currency), isActive };
    });
    const lines = told.map(({ name, floatLimit }) => `${name} may hold up to ${floatLimit}.`);
    const sentence = lines.length === 0 ? 'The company has no agents.' : lines.join('\n');
    return accept({ sentence, facts: { agents: told } });
  });
}

export type CashOptions = DeskOptions & {
  readonly agent: string;
  readonly amount: string;
  readonly key: string | undefined;
};

export async function takeCashByHand(
  options: CashOptions & { readonly account: string },
): Promise<Answer> {
  return atDesk(options, 'operator', async ({ deps, viewer }) => {
    const { agent, amount } = options;
    const { companyId } = viewer;
    const account = { companyId, number: options.account };
    const accountId = (await asViewer(deps.sql, viewer, (tx) => findAccountId(tx, account))) ?? 0;
    const idempotencyKey = options.key ?? randomUUID();
    const taken = await takeCash(deps, viewer, { idempotencyKey, agent, accountId, amount });
    if (!taken.ok) return taken;
    const { paymentId, receiptNumber, currency, isReplay } = taken.value;
    const [balance, held] = [taken.value.balanceMicros, taken.value.heldMicros].map(
      (micros) => `${formatMicros(micros, 2)} ${currency}`,
    );
    return accept({
      sentence: isReplay
        ? `Receipt ${receiptNumber} had been given before under this key; ` +
          `the balance then: ${balance}. ${agent} held ${held}.`
        : `Receipt ${receiptNumber}; the balance: ${balance}. ${agent} holds ${held}.`,
      facts: { paymentId, receiptNumber, balance, held, isReplay },
    });
  });
}

export async function handOverByHand(options: CashOptions): Promise<Answer> {
  return atDesk(options, 'operator', async ({ deps, viewer }) => {
    const { agent, amount } = options;
    const idempotencyKey = options.key ?? randomUUID();
    const done = await handOverCash(deps, viewer, { idempotencyKey, agent, amount });
    if (!done.ok) return done;
    const { transferId, currency, isReplay } = done.value;
    const held = `${formatMicros(done.value.heldMicros, 2)} ${currency}`;
    const sentence = isReplay
      ? `${agent} had handed over ${amount} before under this key, and held ${held} then.`
      : `${agent} handed over ${amount} and holds ${held}.`;
    return accept({ sentence, facts: { transferId, held, isReplay } });
  });
}
