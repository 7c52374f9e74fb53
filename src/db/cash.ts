import type { Statement } from './connect.ts';

/** SQL of agents and the cash that they hold. */

export type Agent = {
  readonly id: number;
  readonly companyId: number;
  readonly channelId: number;
  readonly name: string;
  readonly floatLimitMicros: bigint;
  readonly isActive: boolean;
};

/** With the currency of its channel, which is that of the limit. */
export type ListedAgent = Agent & { readonly currency: string };

function agentColumns(tx: Statement) {
  return tx`id, company_id as "companyId", channel_id as "channelId", name,
            float_limit_micros as "floatLimitMicros", is_active as "isActive" from payment_agent`;
}

/** Null when the company has an agent of that name. */
export async function insertAgent(
  tx: Statement,
  agent: Omit<Agent, 'id' | 'isActive'>,
): Promise<number | null> {
  const [row] = await tx<{ id: number }[]>`
    insert into payment_agent (company_id, channel_id, name, float_limit_micros)
    values (${agent.companyId}, ${agent.channelId}, ${agent.name},
            ${agent.floatLimitMicros.toString()}::int8)
    on conflict do nothing returning id`;
  return row?.id ?? null;
}

export async function listAgents(
  tx: Statement,
  companyId: number,
): Promise<readonly ListedAgent[]> {
  return tx<ListedAgent[]>`
    select a.*, c.currency
    from (select ${agentColumns(tx)} where company_id = ${companyId}) a
    join payment_channel c on c.id = a."channelId"
    order by a.id`;
}

export async function setAgentLimit(
  tx: Statement,
  { agentId, floatLimitMicros }: { readonly agentId: number; readonly floatLimitMicros: bigint },
): Promise<void> {
  await tx`
    update payment_agent set float_limit_micros = ${floatLimitMicros.toString()}::int8
    where id = ${agentId}`;
}

/** Held until the transaction ends: what an agent takes and hands over is done in turn. */
export async function lockAgent(
  tx: Statement,
  { companyId, name }: { companyId: number; name: string },
): Promise<Agent | null> {
  const [row] = await tx<Agent[]>`
    select ${agentColumns(tx)} where company_id = ${companyId} and name = ${name} for update`;
  return row ?? null;
}

/**
 * What stands against agents, added up from their transfers: those of their payments, what people
 * corrected of these, and what is of no customer, such as cash handed over.
 */
export async function readHeldCash(
  tx: Statement,
  agent: { readonly agentId: number; readonly ledgerId: number },
): Promise<bigint> {
  const { agentId, ledgerId } = agent;
  const [row] = await tx<{ micros: bigint }[]>`
    with recursive paid as (
      select s.transfer_id as id from payment p join payment_step s on s.payment_id = p.id
      where p.agent_id = ${agentId} and s.transfer_id is not null
      -- A correction is corrected like any other transfer.
      union select t.id from transfer t join paid on t.corrects = paid.id
    ), named as (
      select id from paid
      union select t.id from transfer t where t.account_id is null and t.debit_id = ${ledgerId}
      union select t.id from transfer t where t.account_id is null and t.credit_id = ${ledgerId}
    )
    select coalesce(sum(case when t.debit_id = ${ledgerId} then t.amount_micros
                             when t.credit_id = ${ledgerId} then -t.amount_micros
                             else 0 end), 0)::int8 as micros
    from named n join transfer t on t.id = n.id`;
  return row?.micros ?? 0n;
}
