import type { AdvisoryKind, ProtectionKind } from '../domain/command/supplyFacts.ts';
import { breakerPeople } from '../domain/command/limits.ts';
import { isUuid } from '../domain/uuid.ts';
import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';

/** SQL of protections, advisories, trips and approvals as people write and read them. */

export async function insertProtection(
  tx: Statement,
  protection: {
    readonly id: string;
    readonly companyId: number;
    readonly accountId: number;
    readonly kind: ProtectionKind;
    readonly fromMs: number;
    readonly toMs: number | null;
    readonly reason: string;
    readonly actor: string;
    readonly atMs: number;
  },
): Promise<void> {
  const { toMs } = protection;
  await tx`
    insert into protection (id, company_id, account_id, kind, from_at, to_at, reason, recorded_at,
                            recorded_by)
    values (${protection.id}::uuid, ${protection.companyId}, ${protection.accountId},
            ${protection.kind}, ${new Date(protection.fromMs)},
            ${toMs === null ? null : new Date(toMs)}, ${protection.reason},
            ${new Date(protection.atMs)}, ${protection.actor})`;
}

export type ProtectionView = {
  readonly id: string;
  readonly accountId: number;
  readonly accountNumber: string;
  readonly kind: ProtectionKind;
  readonly from: Date;
  readonly to: Date | null;
  readonly reason: string;
  readonly recordedAt: Date;
  readonly recordedBy: string;
  readonly endedAt: Date | null;
  readonly endedBy: string | null;
  readonly contactProof: string | null;
};

function selectedProtections(tx: Statement) {
  return tx`
    select p.id, p.account_id as "accountId", a.number as "accountNumber", p.kind,
           p.from_at as "from", p.to_at as "to", p.reason, p.recorded_at as "recordedAt",
           p.recorded_by as "recordedBy", e.ended_at as "endedAt", e.ended_by as "endedBy",
           e.contact_proof as "contactProof"
    from protection p join account a on a.id = p.account_id
    left join protection_end e on e.protection_id = p.id`;
}

export async function findProtections(
  tx: Statement,
  ids: readonly string[],
): Promise<readonly ProtectionView[]> {
  return tx<ProtectionView[]>`
    ${selectedProtections(tx)}
    where p.id = any(string_to_array(${ids.filter(isUuid).join(',')}, ',')::uuid[])`;
}

/** Newest first; of one account when it is given. */
export async function pageProtections(
  tx: Statement,
  query: { readonly companyId: number; readonly accountId: number | null },
  page: TimePage,
): Promise<ProtectionView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  return tx<ProtectionView[]>`
    ${selectedProtections(tx)}
    where p.company_id = ${query.companyId}
      and (${query.accountId}::int4 is null or p.account_id = ${query.accountId}::int4)
      and (p.recorded_at, p.id::text) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (p.recorded_at, p.id::text) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by p.recorded_at ${page.inverted ? tx`` : tx`desc`},
             p.id::text ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}

/** False when it has ended already. */
export async function insertProtectionEnd(
  tx: Statement,
  end: {
    readonly protectionId: string;
    readonly companyId: number;
    readonly actor: string;
    readonly contactProof: string;
    readonly atMs: number;
  },
): Promise<boolean> {
  const inserted = await tx`
    insert into protection_end (protection_id, company_id, ended_at, ended_by, contact_proof)
    values (${end.protectionId}::uuid, ${end.companyId}, ${new Date(end.atMs)}, ${end.actor},
            ${end.contactProof})
    on conflict do nothing`;
  return inserted.count > 0;
}

export type Advisory = {
  readonly id: string;
  readonly companyId: number;
  /** '' for every region of the company. */
  readonly region: string;
  readonly kind: AdvisoryKind;
  readonly fromMs: number;
  readonly toMs: number;
  readonly source: string;
  readonly actor: string;
  readonly atMs: number;
};

export async function insertAdvisory(tx: Statement, advisory: Advisory): Promise<void> {
  await tx`
    insert into weather_advisory (id, company_id, region, kind, from_at, to_at, source, recorded_at,
                                  recorded_by)
    values (${advisory.id}::uuid, ${advisory.companyId}, ${advisory.region}, ${advisory.kind},
            ${new Date(advisory.fromMs)}, ${new Date(advisory.toMs)}, ${advisory.source},
            ${new Date(advisory.atMs)}, ${advisory.actor})`;
}

export type AdvisoryView = {
  readonly id: string;
  readonly region: string;
  readonly kind: AdvisoryKind;
  readonly from: Date;
  readonly to: Date;
  readonly source: string;
  readonly recordedAt: Date;
  readonly recordedBy: string;
};

function selectedAdvisories(tx: Statement) {
  return tx`
    select id, region, kind, from_at as "from", to_at as "to", source,
           recorded_at as "recordedAt", recorded_by as "recordedBy" from weather_advisory`;
}

export async function findAdvisory(
  tx: Statement,
  { companyId, id }: { companyId: number; id: string },
): Promise<AdvisoryView | null> {
  if (!isUuid(id)) return null;
  const [row] = await tx<AdvisoryView[]>`
    ${selectedAdvisories(tx)} where company_id = ${companyId} and id = ${id}::uuid`;
  return row ?? null;
}

/** Newest first. */
export async function pageAdvisories(
  tx: Statement,
  companyId: number,
  page: TimePage,
): Promise<AdvisoryView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  return tx<AdvisoryView[]>`
    ${selectedAdvisories(tx)}
    where company_id = ${companyId}
      and (recorded_at, id::text) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (recorded_at, id::text) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by recorded_at ${page.inverted ? tx`` : tx`desc`},
             id::text ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}

export type TripView = {
  readonly id: string;
  readonly region: string;
  readonly cuts: number;
  readonly trippedAt: Date;
  readonly approvals: readonly { readonly actor: string; readonly reason: string }[];
  readonly isOpen: boolean;
};

/** Open ones first, then the newest. */
export async function readTrips(
  tx: Statement,
  query: { readonly companyId: number; readonly limit: number },
): Promise<readonly TripView[]> {
  const rows = await tx<(Omit<TripView, 'isOpen'> & { approvals: TripView['approvals'] | null })[]>`
    select t.id, t.region, t.cuts, t.tripped_at as "trippedAt",
           (select jsonb_agg(jsonb_build_object('actor', a.actor, 'reason', a.reason) order by a.at)
            from approval a where a.company_id = t.company_id and a.subject = 'breaker/' || t.id
           ) as approvals
    from breaker_trip t where t.company_id = ${query.companyId}
    order by (select count(*) from approval a where a.company_id = t.company_id
              and a.subject = 'breaker/' || t.id) < ${breakerPeople} desc,
             t.tripped_at desc, t.id limit ${query.limit}`;
  return rows.map((row) => {
    const approvals = row.approvals ?? [];
    return { ...row, approvals, isOpen: approvals.length < breakerPeople };
  });
}

export async function isTripKnown(
  tx: Statement,
  { companyId, id }: { companyId: number; id: string },
): Promise<boolean> {
  if (!isUuid(id)) return false;
  const rows = await tx`
    select from breaker_trip where company_id = ${companyId} and id = ${id}::uuid`;
  return rows.count > 0;
}
