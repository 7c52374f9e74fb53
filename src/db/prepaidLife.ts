import type { Statement } from './connect.ts';

/** SQL of a prepaid customer's life: emergency credit, debts and their plans. */

export type PrepaidAccount = {
  readonly accountId: number;
  readonly companyId: number;
  readonly currency: string;
  readonly balanceMicros: bigint;
  readonly reservedMicros: bigint;
  /** Set aside and not paid yet; zero or above. */
  readonly debtMicros: bigint;
  /** Of the agreement now, a prepaid one before others; nulls where there is none. */
  readonly agreementId: number | null;
  readonly mode: 'prepaid' | 'postpaid' | null;
  readonly balanceLimitMicros: bigint | null;
  readonly zone: string | null;
  /** Taken and not paid back. */
  readonly emergencyId: string | null;
  readonly emergencyMicros: bigint | null;
  readonly emergencyTakenAt: Date | null;
};

/** How an account stands now; null where the viewer sees none. */
export async function readPrepaidAccount(
  tx: Statement,
  { accountId, nowMs }: { readonly accountId: number; readonly nowMs: number },
): Promise<PrepaidAccount | null> {
  const now = new Date(nowMs);
  const [row] = await tx<PrepaidAccount[]>`
    select a.id as "accountId", a.company_id as "companyId", a.currency,
           coalesce(b.balance_micros, 0) as "balanceMicros",
           coalesce(b.reserved_micros, 0) as "reservedMicros",
           -- A debt stands as a debit. Without its ledger account no transfer is looked at.
           coalesce((select sum(case when t.debit_id = l.id then t.amount_micros
                                     else -t.amount_micros end)
                     from transfer t where l.id is not null and t.account_id = a.id
                       and l.id in (t.debit_id, t.credit_id)), 0)::int8 as "debtMicros",
           g.id as "agreementId", g.mode, g.balance_limit_micros as "balanceLimitMicros",
           g.time_zone as zone, e.id as "emergencyId", e.amount_micros as "emergencyMicros",
           e.taken_at as "emergencyTakenAt"
    from account a
    left join account_balance b on b.account_id = a.id
    left join ledger_account l on l.company_id = a.company_id and l.account_id = a.id
      and l.code = 'debt' and l.currency = a.currency
    left join lateral (
      select g.id, g.mode, g.balance_limit_micros, p.time_zone
      from agreement g join service_point p on p.id = g.service_point_id
      where g.company_id = a.company_id and g.account_id = a.id and g.valid_from <= ${now}
        and (g.valid_to is null or g.valid_to > ${now})
      order by g.mode = 'prepaid' desc, g.id limit 1
    ) g on true
    left join lateral (
      select e.id, e.amount_micros, e.taken_at from emergency_credit e
      where e.account_id = a.id
        and not exists (select from emergency_credit_end x where x.credit_id = e.id)
      order by e.taken_at limit 1
    ) e on true
    where a.id = ${accountId}`;
  return row ?? null;
}

export async function insertEmergencyCredit(
  tx: Statement,
  credit: {
    readonly id: string;
    readonly companyId: number;
    readonly accountId: number;
    readonly amountMicros: bigint;
    readonly atMs: number;
    readonly actor: string;
  },
): Promise<void> {
  await tx`
    insert into emergency_credit (id, company_id, account_id, amount_micros, taken_at, taken_by)
    values (${credit.id}::uuid, ${credit.companyId}, ${credit.accountId},
            ${credit.amountMicros.toString()}::int8, ${new Date(credit.atMs)}, ${credit.actor})`;
}

/** Of all that the account has open. */
export async function endEmergencyCredits(
  tx: Statement,
  end: {
    readonly companyId: number;
    readonly accountId: number;
    readonly reason: 'repaid' | 'mode_changed' | 'place_left';
    readonly atMs: number;
  },
): Promise<number> {
  const ended = await tx`
    insert into emergency_credit_end (credit_id, company_id, account_id, ended_at, reason)
    select e.id, e.company_id, e.account_id, ${new Date(end.atMs)}, ${end.reason}
    from emergency_credit e
    where e.account_id = ${end.accountId} and e.company_id = ${end.companyId}
    on conflict do nothing`;
  return ended.count;
}

export type DebtPlan = {
  readonly id: string;
  readonly sharePpm: number;
  readonly weeklyMicros: bigint;
  readonly weeklyCapMicros: bigint | null;
  readonly validFrom: Date;
};

/** The plan that holds at an instant; null: there is none. */
export async function findDebtPlan(
  tx: Statement,
  { accountId, atMs }: { readonly accountId: number; readonly atMs: number },
): Promise<DebtPlan | null> {
  const [row] = await tx<DebtPlan[]>`
    select id, share_ppm as "sharePpm", weekly_micros as "weeklyMicros",
           weekly_cap_micros as "weeklyCapMicros", valid_from as "validFrom"
    from debt_plan where account_id = ${accountId} and valid_from <= ${new Date(atMs)}
    order by valid_from desc limit 1`;
  return row ?? null;
}

/** False when another plan of the account begins at this very instant. */
export async function insertDebtPlan(
  tx: Statement,
  plan: {
    readonly id: string;
    readonly companyId: number;
    readonly accountId: number;
    readonly sharePpm: number;
    readonly weeklyMicros: bigint;
    readonly weeklyCapMicros: bigint | null;
    readonly validFromMs: number;
    readonly atMs: number;
    readonly actor: string;
    readonly reason: string;
  },
): Promise<boolean> {
  const inserted = await tx`
    insert into debt_plan (id, company_id, account_id, share_ppm, weekly_micros, weekly_cap_micros,
                           valid_from, recorded_at, recorded_by, reason)
    values (${plan.id}::uuid, ${plan.companyId}, ${plan.accountId}, ${plan.sharePpm},
            ${plan.weeklyMicros.toString()}::int8,
            ${plan.weeklyCapMicros?.toString() ?? null}::int8, ${new Date(plan.validFromMs)},
            ${new Date(plan.atMs)}, ${plan.actor}, ${plan.reason})
    on conflict do nothing`;
  return inserted.count > 0;
}

/** What was taken for the account's debt since an instant, by top-ups and by days together. */
export async function recoveredSince(
  tx: Statement,
  { accountId, fromMs }: { readonly accountId: number; readonly fromMs: number },
): Promise<bigint> {
  const [row] = await tx<{ micros: bigint }[]>`
    select coalesce(sum(amount_micros), 0)::int8 as micros from transfer
    where account_id = ${accountId} and posted_at >= ${new Date(fromMs)}
      and code = 'debt_recovered'`;
  return row?.micros ?? 0n;
}

export type WeeklyDue = {
  readonly accountId: number;
  readonly companyId: number;
  readonly zone: string;
  /** The last local day that was dealt with; null: none yet. */
  readonly lastDay: number | null;
};

/** Prepaid accounts with a weekly plan and a day that was not dealt with yet. Writer's role. */
export async function findWeeklyDues(
  statement: Statement,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<readonly WeeklyDue[]> {
  const now = new Date(nowMs);
  return statement<WeeklyDue[]>`
    select distinct on (g.account_id) g.account_id as "accountId", g.company_id as "companyId",
           p.time_zone as zone, d.last_day as "lastDay"
    from (select distinct on (account_id) account_id, weekly_micros from debt_plan
          where valid_from <= ${now} order by account_id, valid_from desc) w
    join agreement g on g.account_id = w.account_id and g.mode = 'prepaid'
      and g.valid_from <= ${now} and (g.valid_to is null or g.valid_to > ${now})
    join service_point p on p.id = g.service_point_id
    left join lateral (select max(local_day) as last_day from debt_day
                       where account_id = w.account_id) d on true
    where w.weekly_micros > 0
      and coalesce(d.last_day, 0) < (${now} at time zone p.time_zone)::date - date '1970-01-01'
    order by g.account_id, g.id limit ${limit}`;
}

/** False when the day was dealt with before. */
export async function insertDebtDay(
  tx: Statement,
  day: {
    readonly accountId: number;
    readonly companyId: number;
    readonly localDay: number;
    readonly transferId: string | null;
    readonly skipped: string | null;
  },
): Promise<boolean> {
  const inserted = await tx`
    insert into debt_day (account_id, local_day, company_id, transfer_id, skipped)
    values (${day.accountId}, ${day.localDay}, ${day.companyId}, ${day.transferId}::uuid,
            ${day.skipped})
    on conflict do nothing`;
  return inserted.count > 0;
}
