import { doctorAccountsPerPage } from '../../domain/limits.ts';
import type { Statement } from '../connect.ts';

/** SQL of checks that go through accounts and agreements, a stretch of their ids at a time. */

export type IdStretch = { readonly after: number; readonly last: number };

export async function nextAccounts(
  tx: Statement,
  after: number,
): Promise<{ readonly lastKey: number | null; readonly looked: number }> {
  const [row] = await tx<{ lastKey: number | null; looked: number }[]>`
    select max(id) as "lastKey", count(*)::int4 as looked from (
      select id from account where id > ${after} order by id limit ${doctorAccountsPerPage}) a`;
  return row ?? { lastKey: null, looked: 0 };
}

export type BalanceDifference = {
  readonly currency: string;
  readonly accountId: number;
  /** Null: the account has no balance row. */
  readonly balanceMicros: bigint | null;
  readonly entriesMicros: bigint;
  readonly reservedMicros: bigint | null;
  readonly pendingMicros: bigint;
};

/** Accounts whose balance is not the sum of their entries, or whose reserve is not what pends. */
export function findBalanceDifferences(
  tx: Statement,
  { after, last }: IdStretch,
): Promise<BalanceDifference[]> {
  return tx<BalanceDifference[]>`
    with entries as (
      select t.account_id,
             sum(case when l.id = t.credit_id then t.amount_micros else -t.amount_micros end)
               as micros
      from transfer t join ledger_account l
        on l.account_id = t.account_id and l.code = 'customer' and l.id in (t.debit_id, t.credit_id)
      where t.account_id > ${after} and t.account_id <= ${last} group by t.account_id
    ), pending as (
      select p.account_id, sum(p.amount_micros) as micros
      from pending_transfer p
      join ledger_account l on l.id = p.debit_id and l.code = 'customer'
      where p.account_id > ${after} and p.account_id <= ${last}
        and not exists (select from pending_end e where e.pending_id = p.id)
      group by p.account_id
    )
    select a.id as "accountId", a.currency, b.balance_micros as "balanceMicros",
           coalesce(e.micros, 0)::int8 as "entriesMicros", b.reserved_micros as "reservedMicros",
           coalesce(p.micros, 0)::int8 as "pendingMicros"
    from account a
    left join account_balance b on b.account_id = a.id
    left join entries e on e.account_id = a.id
    left join pending p on p.account_id = a.id
    where a.id > ${after} and a.id <= ${last}
      and (b.balance_micros is distinct from coalesce(e.micros, 0)
           or b.reserved_micros is distinct from coalesce(p.micros, 0))
    order by a.id`;
}

export type ChargeSum = {
  readonly agreementId: number;
  readonly meterId: number;
  readonly periodStart: Date;
  readonly currency: string;
  readonly chargedMicros: bigint;
  readonly postedMicros: bigint;
};

export async function nextAgreements(
  tx: Statement,
  after: number,
): Promise<{ readonly lastKey: number | null; readonly looked: number }> {
  const [row] = await tx<{ lastKey: number | null; looked: number }[]>`
    select max(id) as "lastKey", count(*)::int4 as looked from (
      select id from agreement where id > ${after} order by id
      limit ${doctorAccountsPerPage}) a`;
  return row ?? { lastKey: null, looked: 0 };
}

/** Charges of agreements that are not the sum of their transfers. */
export function findChargeDifferences(
  tx: Statement,
  { after, last }: IdStretch,
): Promise<ChargeSum[]> {
  return tx<ChargeSum[]>`
    with charged as (
      select agreement_id, meter_id, period_start, tariff_version_id, amount_micros as micros
      from charge where agreement_id > ${after} and agreement_id <= ${last}
    ), posted as (
      select t.agreement_id, t.meter_id, t.period_start, t.tariff_version_id,
             sum(case when l.code = 'customer' then t.amount_micros else -t.amount_micros end)
               as micros
      from transfer t join ledger_account l on l.id = t.debit_id
      where t.agreement_id > ${after} and t.agreement_id <= ${last}
        and t.account_id in (
          select account_id from agreement where id > ${after} and id <= ${last})
      group by 1, 2, 3, 4
    )
    select agreement_id as "agreementId", meter_id as "meterId", period_start as "periodStart",
           a.currency, coalesce(c.micros, 0)::int8 as "chargedMicros",
           coalesce(p.micros, 0)::int8 as "postedMicros"
    from charged c full join posted p
      using (agreement_id, meter_id, period_start, tariff_version_id)
    join agreement g on g.id = agreement_id
    join account a on a.id = g.account_id
    where coalesce(c.micros, 0) <> coalesce(p.micros, 0)
    order by 1, 2, 3`;
}
