import type { Statement } from './connect.ts';
import type { ChargeCall } from './providerCalls.ts';

/** SQL of standing orders: credit is bought by itself when little is left. */

export type AutoTopUp = {
  readonly accountId: number;
  readonly companyId: number;
  readonly channelId: number;
  readonly instrument: string;
  readonly belowMicros: bigint;
  readonly amountMicros: bigint;
  readonly dailyMaxMicros: bigint;
  readonly isActive: boolean;
  /** Charges so far. */
  readonly breaches: number;
  readonly pausedCode: string | null;
};

function columns(tx: Statement) {
  return tx`account_id as "accountId", company_id as "companyId", channel_id as "channelId",
            instrument, below_micros as "belowMicros", amount_micros as "amountMicros",
            daily_max_micros as "dailyMaxMicros", is_active as "isActive", breaches,
            paused_code as "pausedCode" from auto_top_up`;
}

export async function findAutoTopUp(tx: Statement, accountId: number): Promise<AutoTopUp | null> {
  const [row] = await tx<AutoTopUp[]>`select ${columns(tx)} where account_id = ${accountId}`;
  return row ?? null;
}

/** Sets it to work, or anew; charges so far stay counted. */
export async function putAutoTopUp(
  tx: Statement,
  order: Omit<AutoTopUp, 'isActive' | 'breaches' | 'pausedCode'>,
): Promise<void> {
  await tx`
    insert into auto_top_up (account_id, company_id, channel_id, instrument, below_micros,
                             amount_micros, daily_max_micros, is_active)
    values (${order.accountId}, ${order.companyId}, ${order.channelId}, ${order.instrument},
            ${order.belowMicros.toString()}::int8, ${order.amountMicros.toString()}::int8,
            ${order.dailyMaxMicros.toString()}::int8, true)
    on conflict (account_id) do update
    set channel_id = excluded.channel_id, instrument = excluded.instrument,
        below_micros = excluded.below_micros, amount_micros = excluded.amount_micros,
        daily_max_micros = excluded.daily_max_micros, is_active = true, paused_code = null`;
}

/** False when it did not work before. A code says why; null: its customer has stopped it. */
export async function endAutoTopUp(
  tx: Statement,
  { accountId, pausedCode }: { readonly accountId: number; readonly pausedCode: string | null },
): Promise<boolean> {
  const ended = await tx`
    update auto_top_up set is_active = false, paused_code = ${pausedCode}
    where account_id = ${accountId} and (is_active or ${pausedCode}::text is null)`;
  return ended.count > 0;
}

export async function countBreach(tx: Statement, accountId: number): Promise<void> {
  await tx`update auto_top_up set breaches = breaches + 1 where account_id = ${accountId}`;
}

/** A charge is underway: asked for, or taken on by the provider and neither come nor failed. */
function underway(tx: Statement) {
  return tx`
    exists (select from provider_call c where c.account_id = o.account_id and c.kind = 'charge'
            and (c.ended_at is null or c.outcome = 'accepted' and not exists (
              select from payment_step s where s.payment_id = c.payment_id
                and s.kind in ('captured', 'failed'))))`;
}

/** Accounts with less than their order says, and no charge underway. Writer's role. */
export async function findDueTopUps(
  statement: Statement,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly { readonly accountId: number; readonly companyId: number }[]> {
  return statement<{ accountId: number; companyId: number }[]>`
    select o.account_id as "accountId", o.company_id as "companyId"
    from auto_top_up o join account_balance b on b.account_id = o.account_id
    where o.is_active and o.account_id > ${after}
      and b.balance_micros - b.reserved_micros < o.below_micros
      and not ${underway(statement)}
    order by o.account_id limit ${limit}`;
}

export async function isUnderway(tx: Statement, accountId: number): Promise<boolean> {
  const [row] = await tx`
    select from auto_top_up o where o.account_id = ${accountId} and ${underway(tx)}`;
  return row !== undefined;
}

/** What the order was charged for on a local day, without what failed. */
export async function chargedOn(
  tx: Statement,
  { accountId, localDay }: { readonly accountId: number; readonly localDay: number },
): Promise<bigint> {
  const [row] = await tx<{ micros: bigint }[]>`
    select coalesce(sum(amount_micros), 0)::int8 as micros from provider_call
    where account_id = ${accountId} and kind = 'charge' and local_day = ${localDay}
      and outcome is distinct from 'failed'`;
  return row?.micros ?? 0n;
}

export type BrokenCharge = Pick<ChargeCall, 'id' | 'companyId' | 'channelId' | 'accountId'> &
  Pick<ChargeCall, 'amountMicros' | 'currency' | 'breach'> & { readonly reason: string };

/** Newest charges of working orders that the provider took on and then told as failed. */
export async function findBrokenCharges(
  statement: Statement,
  { limit }: { readonly limit: number },
): Promise<readonly BrokenCharge[]> {
  return statement<BrokenCharge[]>`
    select c.id, c.company_id as "companyId", c.channel_id as "channelId",
           c.account_id as "accountId", c.amount_micros as "amountMicros", c.currency, c.breach,
           f.detail as reason
    from auto_top_up o
    join provider_call c on c.account_id = o.account_id and c.breach = o.breaches
      and c.kind = 'charge' and c.outcome = 'accepted'
    join payment_step f on f.payment_id = c.payment_id and f.kind = 'failed'
    where o.is_active and not exists (
      select from payment_step s where s.payment_id = c.payment_id and s.kind = 'captured')
    order by c.id limit ${limit}`;
}

export type SilentCharge = Omit<BrokenCharge, 'reason'> & {
  readonly paymentId: string;
  readonly acceptedAt: Date;
};

function silent(tx: Statement, { nowMs, silentMs }: { nowMs: number; silentMs: number }) {
  return tx`
    from auto_top_up o
    join provider_call c on c.account_id = o.account_id and c.breach = o.breaches
      and c.kind = 'charge' and c.outcome = 'accepted'
    where c.ended_at <= ${new Date(nowMs - silentMs)} and c.next_try_at <= ${new Date(nowMs)}
      and not exists (select from payment_step s where s.payment_id = c.payment_id
                      and s.kind in ('captured', 'failed'))`;
}

/**
 * Newest charges that the provider took on and has told nothing of since, each taken until it is
 * asked after again. Writer's role.
 */
export async function claimSilentCharges(
  statement: Statement,
  query: { readonly nowMs: number; readonly silentMs: number; readonly limit: number },
): Promise<readonly SilentCharge[]> {
  return statement<SilentCharge[]>`
    update provider_call set next_try_at = ${new Date(query.nowMs + query.silentMs)}
    where id in (select c.id ${silent(statement, query)}
                 order by c.next_try_at, c.id limit ${query.limit} for update of c skip locked)
    returning id, company_id as "companyId", channel_id as "channelId",
              account_id as "accountId", amount_micros as "amountMicros", currency, breach,
              payment_id as "paymentId", ended_at as "acceptedAt"`;
}

/** Whether somebody should be woken for providers. Writer's role. */
export async function hasProviderWork(
  statement: Statement,
  { nowMs, silentMs }: { readonly nowMs: number; readonly silentMs: number },
): Promise<boolean> {
  const [row] = await statement`
    select where exists (select from provider_call
                         where ended_at is null and next_try_at <= ${new Date(nowMs)})
       or exists (select ${silent(statement, { nowMs, silentMs })})`;
  if (row !== undefined) return true;
  const [due] = await findDueTopUps(statement, { after: 0, limit: 1 });
  return due !== undefined || (await findBrokenCharges(statement, { limit: 1 })).length > 0;
}
