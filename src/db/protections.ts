import type { AdvisoryKind, ProtectionKind } from '../domain/command/supplyFacts.ts';
import { breakerPeople } from '../domain/command/limits.ts';
import { noticeAgeMsMax, noticeTriesMax } from '../domain/prepaid/limits.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of what decides over a cut besides the meter and its balance: promises and protections. */

/** The published policy of an account at an instant; nulls where nothing is published. */
export type AccountRulesRow = {
  readonly accountId: number;
  readonly policyId: number | null;
  readonly document: unknown;
  readonly emergencyCreditMicros: bigint;
  readonly protections: readonly { readonly kind: ProtectionKind; readonly toMs: number | null }[];
  readonly noticeSentAt: Date | null;
  readonly noticeDeliveredAt: Date | null;
  readonly isNoticeGivenUp: boolean;
};

type StoredRules = Omit<AccountRulesRow, 'protections' | 'emergencyCreditMicros'> & {
  emergencyCreditMicros: string;
  protections: { kind: ProtectionKind; to_at: string | null }[] | null;
};

/**
 * By account, in one statement however many they are. A cut notice counts while the breach that it
 * told of lasts: a top-up that re-arms its threshold asks for a new one. What failed on its way
 * was not sent.
 */
export async function readAccountRules(
  tx: Statement,
  { accountIds, atMs }: { accountIds: readonly number[]; atMs: number },
): Promise<ReadonlyMap<number, AccountRulesRow>> {
  if (accountIds.length === 0) return new Map();
  const at = new Date(atMs);
  const rows = await tx<StoredRules[]>`
    select a.id as "accountId", p.id as "policyId", p.document,
           (select coalesce(sum(e.amount_micros), 0)::text from emergency_credit e
            where e.account_id = a.id and not exists (
              select from emergency_credit_end x where x.credit_id = e.id)
           ) as "emergencyCreditMicros",
           (select jsonb_agg(jsonb_build_object('kind', r.kind, 'to_at', r.to_at) order by r.id)
            from protection r
            where r.account_id = a.id and r.from_at <= ${at}
              and (r.to_at is null or r.to_at > ${at}) and not exists (
                select from protection_end x where x.protection_id = r.id and x.ended_at <= ${at})
           ) as protections,
           n.sent_at as "noticeSentAt", n.delivered_at as "noticeDeliveredAt",
           coalesce(n.is_given_up, false) as "isNoticeGivenUp"
    from account a
    left join lateral (
      select w.policy_name from account_policy w
      where w.account_id = a.id and w.valid_from <= ${at} order by w.valid_from desc limit 1
    ) w on true
    left join lateral (
      select p.id, p.document from prepaid_policy p
      where p.company_id = a.company_id and p.name = coalesce(w.policy_name, 'standard')
        and p.valid_from <= ${at}
      order by p.id desc limit 1
    ) p on true
    left join lateral (
      select min(s.at) filter (where s.state in ('sent', 'delivered')
                               and s.ordinal > coalesce(f.ordinal, 0)) as sent_at,
             min(s.at) filter (where s.state = 'delivered') as delivered_at,
             bool_and(s.state in ('queued', 'failed') or s.ordinal < coalesce(f.ordinal, 0))
               and (max(f.tries) >= ${noticeTriesMax}
                    or min(n.at) <= ${new Date(atMs - noticeAgeMsMax)}) as is_given_up
      from notice n join notice_step s on s.notice_id = n.id
      cross join lateral (select max(ordinal) as ordinal, count(*) as tries from notice_step
                          where notice_id = n.id and state = 'failed') f
      where n.account_id = a.id and n.kind = 'cut_notice' and not exists (
        select from notice_arm m
        where m.account_id = n.account_id and m.kind = n.kind and m.threshold = n.threshold
          and (m.is_armed or m.breach <> n.breach))
    ) n on true
    where a.id = any(${integersOf(accountIds)}::int4[])`;
  return new Map(
    rows.map(({ protections, emergencyCreditMicros, ...row }) => [
      row.accountId,
      {
        ...row,
        emergencyCreditMicros: BigInt(emergencyCreditMicros),
        protections: (protections ?? []).map(({ kind, to_at: toAt }) => ({
          kind,
          toMs: toAt === null ? null : Date.parse(toAt),
        })),
      },
    ]),
  );
}

export type RegionRules = {
  readonly advisories: readonly {
    readonly kind: AdvisoryKind;
    readonly fromMs: number;
    readonly toMs: number;
  }[];
  /** The trip that two people have not looked at yet. */
  readonly openTripId: string | null;
  /** When the last trip was let go; cuts before it are not counted again. */
  readonly resetAtMs: number | null;
};

/**
 * By region of a company, whether weather holds cuts back and whether its breaker has tripped. An
 * advisory of the region '' is for all of them; of several that begin together the last counts.
 */
export async function readRegionRules(
  tx: Statement,
  query: {
    readonly companyId: number;
    readonly regions: readonly string[];
    readonly fromMs: number;
  },
): Promise<ReadonlyMap<string, RegionRules>> {
  const { companyId, regions } = query;
  if (regions.length === 0) return new Map();
  const rows = await tx<
    {
      region: string;
      advisories: { kind: AdvisoryKind; from_at: string; to_at: string }[] | null;
      openTripId: string | null;
      resetAt: Date | null;
    }[]
  >`
    select r.region,
           (select jsonb_agg(jsonb_build_object('kind', w.kind, 'from_at', w.from_at,
                                                'to_at', w.to_at) order by w.from_at, w.kind)
            from (select distinct on (w.region, w.kind, w.from_at) w.* from weather_advisory w
                  where w.company_id = ${companyId} and w.region in (r.region, '')
                  order by w.region, w.kind, w.from_at, w.recorded_at desc, w.id) w
            where w.to_at > ${new Date(query.fromMs)}) as advisories,
           (select t.id from breaker_trip t
            where t.company_id = ${companyId} and t.region = r.region
              and (select count(*) from approval a where a.company_id = t.company_id
                   and a.subject = 'breaker/' || t.id) < ${breakerPeople}
            order by t.tripped_at, t.id limit 1) as "openTripId",
           -- By the one who was the last that it took: a later yes lets nothing more go.
           (select max(a.at) from breaker_trip t
            cross join lateral (
              select a.at from approval a
              where a.company_id = t.company_id and a.subject = 'breaker/' || t.id
              order by a.at, a.actor offset ${breakerPeople - 1} limit 1) a
            where t.company_id = ${companyId} and t.region = r.region) as "resetAt"
    from unnest(array(select jsonb_array_elements_text(${JSON.stringify(regions)}::text::jsonb)))
      as r(region)`;
  return new Map(
    rows.map(({ region, advisories, openTripId, resetAt }) => [
      region,
      {
        advisories: (advisories ?? []).map(({ kind, from_at: from, to_at: to }) => ({
          kind,
          fromMs: Date.parse(from),
          toMs: Date.parse(to),
        })),
        openTripId,
        resetAtMs: resetAt?.getTime() ?? null,
      },
    ]),
  );
}

/** Whether nothing of a restore is open: a database that never was restored is reconciled. */
export async function isReconciled(tx: Statement): Promise<boolean> {
  const [row] = await tx<{ kind: string }[]>`
    select kind from restore_mark where kind in ('restored', 'reconciled')
    order by id desc limit 1`;
  return row === undefined || row.kind === 'reconciled';
}

/**
 * Meters of a region that were cut by themselves since an instant, or are about to be. One that
 * was called back before it was sent was not cut.
 */
export async function countRegionCuts(
  tx: Statement,
  query: { readonly companyId: number; readonly region: string; readonly sinceMs: number },
): Promise<number> {
  const [row] = await tx<{ cuts: number }[]>`
    select count(distinct c.meter_id)::int4 as cuts
    from command c
    join meter m on m.id = c.meter_id
    join service_point s on s.id = m.service_point_id
    where c.company_id = ${query.companyId} and s.region = ${query.region}
      and c.cause = 'automatic' and c.kind in ('disconnect', 'limit')
      and c.requested_at > ${new Date(query.sinceMs)}
      and not (c.state in ('cancelled', 'expired') and c.attempts = 0)`;
  return row?.cuts ?? 0;
}

/**
 * Cuts of a company are counted one after another: its events' number is taken by each of them in
 * any case and held until the commit.
 */
export async function holdCuts(tx: Statement, shard: number): Promise<void> {
  await tx`select from event_head where shard = ${shard} for update`;
}

export async function insertBreakerTrip(
  tx: Statement,
  trip: {
    readonly id: string;
    readonly companyId: number;
    readonly region: string;
    readonly cuts: number;
    readonly atMs: number;
  },
): Promise<void> {
  await tx`
    insert into breaker_trip (id, company_id, region, cuts, tripped_at)
    values (${trip.id}::uuid, ${trip.companyId}, ${trip.region}, ${trip.cuts},
            ${new Date(trip.atMs)})
    on conflict do nothing`;
}

export async function insertCertificate(
  tx: Statement,
  certificate: {
    readonly commandId: string;
    readonly stage: 'requested' | 'sent';
    readonly companyId: number;
    readonly accountId: number | null;
    /** Canonical JSON, whose bytes the hash is of. */
    readonly text: string;
    readonly hash: Uint8Array;
    readonly atMs: number;
  },
): Promise<void> {
  await tx`
    insert into command_certificate (command_id, stage, company_id, account_id, document, hash, at)
    values (${certificate.commandId}::uuid, ${certificate.stage}, ${certificate.companyId},
            ${certificate.accountId}, ${certificate.text}::text::jsonb,
            ${Buffer.from(certificate.hash)}, ${new Date(certificate.atMs)})
    on conflict do nothing`;
}

/** Who stands behind a command, by the certificate of its request. */
export async function readCommandPeople(
  tx: Statement,
  commandId: string,
): Promise<readonly string[]> {
  const rows = await tx<{ person: string }[]>`
    select jsonb_array_elements_text(document->'people') as person from command_certificate
    where command_id = ${commandId}::uuid and stage = 'requested'`;
  return rows.map(({ person }) => person);
}

/** When cuts that are due are decided again; null drops what waited. One statement. */
export async function writeSupplyWaits(
  tx: Statement,
  waits: readonly {
    readonly meterId: number;
    readonly companyId: number;
    readonly accountId: number;
    readonly askAgainMs: number | null;
  }[],
): Promise<void> {
  if (waits.length === 0) return;
  // All lock them in the order of meters, also whoever hastens those of a whole company.
  await tx`select from supply_wait
           where meter_id = any(${integersOf(waits.map(({ meterId }) => meterId))}::int4[])
           order by meter_id for update`;
  const gone = waits.filter(({ askAgainMs }) => askAgainMs === null);
  if (gone.length > 0) {
    await tx`delete from supply_wait
             where meter_id = any(${integersOf(gone.map(({ meterId }) => meterId))}::int4[])`;
  }
  const kept = waits.filter(({ askAgainMs }) => askAgainMs !== null);
  if (kept.length === 0) return;
  await tx`
    insert into supply_wait (meter_id, company_id, account_id, ask_again_at)
    select m, c, a, to_timestamp(t / 1000.0)
    from unnest(${integersOf(kept.map(({ meterId }) => meterId))}::int4[],
                ${integersOf(kept.map(({ companyId }) => companyId))}::int4[],
                ${integersOf(kept.map(({ accountId }) => accountId))}::int4[],
                ${integersOf(kept.map(({ askAgainMs }) => askAgainMs))}::int8[]) as w(m, c, a, t)
    order by m
    on conflict (meter_id) do update
    set account_id = excluded.account_id, ask_again_at = excluded.ask_again_at
    where (supply_wait.account_id, supply_wait.ask_again_at)
      is distinct from (excluded.account_id, excluded.ask_again_at)`;
}

/** What may have become possible by somebody's word is asked at once. */
export async function hastenSupplyWaits(
  tx: Statement,
  query: { readonly companyId: number; readonly accountId: number | null; readonly atMs: number },
): Promise<void> {
  await tx`
    with waiting as materialized (
      select meter_id from supply_wait
      where company_id = ${query.companyId}
        and (${query.accountId}::int4 is null or account_id = ${query.accountId}::int4)
        and ask_again_at > ${new Date(query.atMs)}
      order by meter_id for update
    )
    update supply_wait w set ask_again_at = ${new Date(query.atMs)}
    from waiting where w.meter_id = waiting.meter_id`;
}
