import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import type { Json } from './events.ts';
import type { noticeKinds } from './tables/prepaid.ts';

/** SQL of what customers are told: thresholds, notices and their way to the customer. */

type NoticeKind = (typeof noticeKinds)[number];

type Arm = { readonly kind: NoticeKind; readonly threshold: string };

/** Thresholds that were breached and told of, with what a day costs as it was forecast last. */
export async function readUnarmed(
  tx: Statement,
  accountId: number,
): Promise<readonly (Arm & { readonly dailyMicros: bigint | null })[]> {
  return tx<(Arm & { dailyMicros: bigint | null })[]>`
    select m.kind, m.threshold, f.daily_micros as "dailyMicros"
    from notice_arm m left join prepaid_forecast f on f.account_id = m.account_id
    where m.account_id = ${accountId} and not m.is_armed`;
}

export async function armAgain(
  tx: Statement,
  accountId: number,
  arms: readonly Arm[],
): Promise<void> {
  const pairs = JSON.stringify(arms.map(({ kind, threshold }) => ({ kind, threshold })));
  await tx`
    update notice_arm m set is_armed = true
    from jsonb_to_recordset(${pairs}::text::jsonb) as l(kind text, threshold text)
    where m.account_id = ${accountId} and m.kind = l.kind and m.threshold = l.threshold`;
}

/** The number of the breach when this one is new; null while an earlier one lasts. */
export async function breachThreshold(
  tx: Statement,
  arm: Arm & { readonly companyId: number; readonly accountId: number },
): Promise<number | null> {
  const [row] = await tx<{ breach: number }[]>`
    insert into notice_arm (account_id, kind, threshold, company_id, is_armed, breach)
    values (${arm.accountId}, ${arm.kind}, ${arm.threshold}, ${arm.companyId}, false, 1)
    on conflict (account_id, kind, threshold) do update
    set is_armed = false, breach = notice_arm.breach + 1 where notice_arm.is_armed
    returning breach`;
  return row?.breach ?? null;
}

type NewNotice = Arm & {
  readonly id: string;
  readonly companyId: number;
  readonly accountId: number;
  readonly breach: number;
  /** Amounts, days and instants as text; no name, no address. */
  readonly detail: Json;
  readonly atMs: number;
};

/** With its first step: it is queued. */
export async function insertNotice(tx: Statement, notice: NewNotice): Promise<void> {
  await tx`
    insert into notice (id, company_id, account_id, kind, threshold, breach, detail, at)
    values (${notice.id}::uuid, ${notice.companyId}, ${notice.accountId}, ${notice.kind},
            ${notice.threshold}, ${notice.breach}, ${JSON.stringify(notice.detail)}::text::jsonb,
            ${new Date(notice.atMs)})`;
  await appendNoticeStep(tx, { noticeId: notice.id, state: 'queued', atMs: notice.atMs });
}

type NoticeState = 'queued' | 'sent' | 'delivered' | 'failed';

/** The next step of a notice; one that was delivered has none. False when nothing was written. */
export async function appendNoticeStep(
  tx: Statement,
  step: {
    readonly noticeId: string;
    readonly state: NoticeState;
    readonly atMs: number;
    /** The sender's own id of it, or why it failed. */
    readonly detail?: string;
  },
): Promise<boolean> {
  const inserted = await tx`
    insert into notice_step (notice_id, ordinal, company_id, account_id, state, at, detail)
    select n.id, (select count(*) from notice_step s where s.notice_id = n.id), n.company_id,
           n.account_id, ${step.state}, ${new Date(step.atMs)}, ${step.detail ?? ''}
    from notice n where n.id = ${step.noticeId}::uuid
      and not exists (select from notice_step d
                      where d.notice_id = n.id and d.state = 'delivered')
    on conflict do nothing`;
  return inserted.count > 0;
}

export type ReportedNotice = {
  readonly companyId: number;
  readonly accountId: number;
  readonly kind: NoticeKind;
  readonly state: NoticeState;
};

/** How a notice of a company stands; null where the company has none of this id. */
export async function findReported(
  tx: Statement,
  { companyId, noticeId }: { readonly companyId: number; readonly noticeId: string },
): Promise<ReportedNotice | null> {
  const [row] = await tx<ReportedNotice[]>`
    select n.company_id as "companyId", n.account_id as "accountId", n.kind, s.state
    from notice n
    join lateral (select state from notice_step where notice_id = n.id
                  order by ordinal desc limit 1) s on true
    where n.company_id = ${companyId} and n.id = ${noticeId}::uuid`;
  return row ?? null;
}

type OpenNotice = Arm & {
  readonly id: string;
  readonly companyId: number;
  readonly accountId: number;
  readonly detail: Json;
  readonly at: Date;
  /** Tries so far. */
  readonly tries: number;
};

/**
 * Notices that are not on their way: queued, or failed and due again. Each waits twice as long as
 * before. Writer's role.
 */
export async function findOpenNotices(
  statement: Statement,
  query: {
    readonly nowMs: number;
    readonly sinceMs: number;
    readonly firstRetryMs: number;
    readonly triesMax: number;
    readonly limit: number;
  },
): Promise<readonly OpenNotice[]> {
  return statement<OpenNotice[]>`
    select n.id, n.company_id as "companyId", n.account_id as "accountId", n.kind, n.threshold,
           n.detail, n.at, s.tries
    from notice n
    join lateral (
      select count(*) filter (where state = 'failed')::int4 as tries,
             (array_agg(state order by ordinal desc))[1] as state, max(at) as at
      from notice_step where notice_id = n.id
    ) s on s.state in ('queued', 'failed')
    where n.at > ${new Date(query.sinceMs)} and s.tries < ${query.triesMax}
      and (s.state = 'queued' or s.at + make_interval(
        secs => ${query.firstRetryMs / 1_000}::float8 * power(2, s.tries - 1))
        <= ${new Date(query.nowMs)})
    order by n.at, n.id limit ${query.limit}`;
}

export type GivenUpNotice = {
  readonly noticeId: string;
  readonly companyId: number;
  readonly meterId: number;
  readonly tries: number;
  /** Why it failed at last; empty where nobody has tried. */
  readonly detail: string;
};

/**
 * Notices of a cut that did not arrive and are not sent any more, of breaches that last, by each
 * meter that waits for them: those that nobody has a work order for. Writer's role.
 */
export async function findGivenUpNotices(
  statement: Statement,
  query: {
    readonly nowMs: number;
    readonly sinceMs: number;
    readonly triesMax: number;
    readonly limit: number;
  },
): Promise<readonly GivenUpNotice[]> {
  const now = new Date(query.nowMs);
  return statement<GivenUpNotice[]>`
    select n.id as "noticeId", n.company_id as "companyId", m.id as "meterId", s.tries, s.detail
    from notice_arm a
    join notice n on n.account_id = a.account_id and n.kind = a.kind
      and n.threshold = a.threshold and n.breach = a.breach
    join lateral (
      select count(*) filter (where state = 'failed')::int4 as tries,
             (array_agg(state order by ordinal desc))[1] as state,
             (array_agg(detail order by ordinal desc))[1] as detail
      from notice_step where notice_id = n.id
    ) s on s.state in ('queued', 'failed')
    join agreement g on g.account_id = n.account_id and g.mode = 'prepaid'
      and g.valid_from <= ${now} and (g.valid_to is null or g.valid_to > ${now})
    join meter m on m.company_id = g.company_id and m.service_point_id = g.service_point_id
      and m.contactor_unit_id is not null
    where a.kind = 'cut_notice' and not a.is_armed
      and (s.tries >= ${query.triesMax} or n.at <= ${new Date(query.sinceMs)})
      and not exists (
        select from work_order o
        where o.meter_id = m.id and o.kind = 'notice_given_up'
          and (o.detail->>'noticeId' = n.id::text or not exists (
            select from work_order_end e where e.work_order_id = o.id)))
    order by n.at, n.id, m.id limit ${query.limit}`;
}

export type NoticeView = Arm & {
  readonly id: string;
  readonly breach: number;
  readonly detail: Json;
  readonly at: Date;
  readonly state: NoticeState;
  readonly stateAt: Date;
};

/** An account's notices, newest first. */
export async function listNotices(
  tx: Statement,
  { accountId, limit }: { readonly accountId: number; readonly limit: number },
): Promise<readonly NoticeView[]> {
  return tx<NoticeView[]>`
    select n.id, n.kind, n.threshold, n.breach, n.detail, n.at, s.state, s.at as "stateAt"
    from notice n
    join lateral (select state, at from notice_step where notice_id = n.id
                  order by ordinal desc limit 1) s on true
    where n.account_id = ${accountId} order by n.at desc, n.id limit ${limit}`;
}

type MovedAccount = { readonly accountId: number; readonly companyId: number };

/**
 * Prepaid accounts that something may have to be told to, those at a threshold first and then those
 * that were looked at longest ago. One that only uses energy comes again at its next threshold, or
 * after `restMs`, when what a day costs is worked out anew: however fast balances move, a sweep has
 * no more to do than there is to tell. Writer's role.
 */
export async function findMovedAccounts(
  statement: Statement,
  query: { readonly nowMs: number; readonly restMs: number; readonly limit: number },
): Promise<readonly MovedAccount[]> {
  const now = new Date(query.nowMs);
  return statement<MovedAccount[]>`
    with news as materialized (
      select company_id, max(greatest(published_at, valid_from)) as at from prepaid_policy
      where valid_from <= ${now} group by company_id
    ), own_news as materialized (
      select account_id, max(greatest(recorded_at, valid_from)) as at from account_policy
      where valid_from <= ${now} group by account_id
    )
    select g.account_id as "accountId", g.company_id as "companyId"
    from agreement g
    join account_balance b on b.account_id = g.account_id
    left join prepaid_forecast f on f.account_id = g.account_id
    left join news on news.company_id = g.company_id
    left join own_news on own_news.account_id = g.account_id
    left join notice_arm m on m.account_id = g.account_id and m.kind = 'cut_notice'
      and m.threshold = 'limit' and m.is_armed and m.breach > 0
    cross join lateral (
      select b.balance_micros - b.reserved_micros <= f.next_micros
             or m.account_id is not null
                and b.balance_micros - b.reserved_micros <= f.cut_micros as is_reached) s
    where g.mode = 'prepaid' and g.valid_from <= ${now}
      and (g.valid_to is null or g.valid_to > ${now})
      and (s.is_reached
           or f.balance_micros is distinct from b.balance_micros
              and (f.looked_at is null or b.balance_micros > f.balance_micros
                   or f.looked_at <= ${new Date(query.nowMs - query.restMs)}
                   or greatest(g.valid_from, news.at, own_news.at) > f.looked_at))
    group by g.account_id, g.company_id
    order by bool_or(s.is_reached) is not true, min(f.looked_at) nulls first, g.account_id
    limit ${query.limit}`;
}

type StoredForecast = {
  readonly dailyMicros: bigint | null;
  readonly reason: string | null;
  /** Of the last look. */
  readonly balanceMicros: bigint;
  readonly computedAt: Date;
};

export async function findForecast(
  tx: Statement,
  accountId: number,
): Promise<StoredForecast | null> {
  const [row] = await tx<StoredForecast[]>`
    select daily_micros as "dailyMicros", reason, balance_micros as "balanceMicros",
           computed_at as "computedAt"
    from prepaid_forecast where account_id = ${accountId}`;
  return row ?? null;
}

/** By account, what an ordinary day costs as it was worked out last; absent where nobody knows. */
export async function readDailies(
  tx: Statement,
  accountIds: readonly number[],
): Promise<ReadonlyMap<number, bigint>> {
  const rows = await tx<{ accountId: number; dailyMicros: bigint }[]>`
    select account_id as "accountId", daily_micros as "dailyMicros" from prepaid_forecast
    where account_id = any(${integersOf(accountIds)}::int4[]) and daily_micros is not null`;
  return new Map(rows.map(({ accountId, dailyMicros }) => [accountId, dailyMicros]));
}

/** Writer's role. */
export async function upsertForecast(
  tx: Statement,
  forecast: {
    readonly accountId: number;
    readonly companyId: number;
    readonly dailyMicros: bigint | null;
    readonly runsOutMs: number | null;
    /** Why nothing can be said. */
    readonly reason: string | null;
    readonly balanceMicros: bigint;
    readonly computedAtMs: number;
    readonly lookedAtMs: number;
    readonly nextMicros: bigint | null;
    readonly cutMicros: bigint | null;
  },
): Promise<void> {
  const runsOutAt = forecast.runsOutMs === null ? null : new Date(forecast.runsOutMs);
  await tx`
    insert into prepaid_forecast (account_id, company_id, daily_micros, runs_out_at, reason,
                                  balance_micros, computed_at, looked_at, next_micros,
                                  cut_micros)
    values (${forecast.accountId}, ${forecast.companyId},
            ${forecast.dailyMicros?.toString() ?? null}::int8, ${runsOutAt}, ${forecast.reason},
            ${forecast.balanceMicros.toString()}::int8, ${new Date(forecast.computedAtMs)},
            ${new Date(forecast.lookedAtMs)}, ${forecast.nextMicros?.toString() ?? null}::int8,
            ${forecast.cutMicros?.toString() ?? null}::int8)
    on conflict (account_id) do update
    set daily_micros = excluded.daily_micros, runs_out_at = excluded.runs_out_at,
        reason = excluded.reason, balance_micros = excluded.balance_micros,
        computed_at = excluded.computed_at, looked_at = excluded.looked_at,
        next_micros = excluded.next_micros, cut_micros = excluded.cut_micros`;
}
