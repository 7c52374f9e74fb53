import type { CustomerClass } from '../domain/vee/classDefaults.ts';
import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';
import type { DecisionOutcome } from './veeDecisions.ts';

/** Decisions of validation and estimation as staff see them, and people's words on them. */

export type DecisionView = {
  readonly id: bigint;
  readonly meterId: number;
  readonly serial: string;
  readonly servicePointId: number;
  readonly customerClass: CustomerClass;
  readonly channel: number;
  readonly fromAt: Date;
  readonly toAt: Date;
  readonly rule: string;
  readonly outcome: DecisionOutcome;
  readonly message: string;
  readonly detail: unknown;
  readonly decidedAt: Date;
  /** Null while it is found. */
  readonly withdrawnAt: Date | null;
  readonly resolution: 'confirmed' | 'released' | null;
  readonly resolvedBy: string | null;
  readonly resolvedAt: Date | null;
  readonly reason: string | null;
};

export type DecisionFilter = {
  readonly meterId?: number | null;
  readonly accountId?: number | null;
  readonly customerClass?: CustomerClass | null;
  readonly rule?: string | null;
  readonly outcome?: DecisionOutcome | null;
  /** Found still, and nobody has said anything to it. */
  readonly isOpen?: boolean | null;
};

function columnsOf(tx: Statement) {
  return tx`
    d.id, d.meter_id as "meterId", m.serial, m.service_point_id as "servicePointId",
    s.customer_class as "customerClass", d.channel, d.from_at as "fromAt", d.to_at as "toAt",
    d.rule, d.outcome, d.message, d.detail, d.decided_at as "decidedAt",
    d.withdrawn_at as "withdrawnAt", r.kind as resolution, r.actor as "resolvedBy",
    r.resolved_at as "resolvedAt", r.reason
    from vee_decision d
    join meter m on m.id = d.meter_id
    join service_point s on s.id = m.service_point_id
    left join lateral (
      select kind, actor, resolved_at, reason from vee_resolution
      where decision_id = d.id order by kind = 'released' desc limit 1) r on true`;
}

/** How many decisions hold bills now, with the number of the event that this is of. */
export async function snapshotHolds(
  tx: Statement,
  shard: number,
): Promise<{ readonly sequence: bigint; readonly openHolds: number } | null> {
  const [row] = await tx<{ sequence: bigint; openHolds: number }[]>`
    select e.sequence, (
      select count(*)::int4 from vee_decision d
      where d.outcome = 'hold' and d.withdrawn_at is null and not exists (
        select from vee_resolution r where r.decision_id = d.id and r.kind = 'released')
    ) as "openHolds"
    from event_head e where e.shard = ${shard}`;
  return row ?? null;
}

/** Those decided last first. */
export async function pageDecisions(
  tx: Statement,
  filter: DecisionFilter,
  page: TimePage,
): Promise<DecisionView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  const { meterId = null, accountId = null, customerClass = null } = filter;
  const { rule = null, outcome = null, isOpen = null } = filter;
  // Ids of one width, so that they are ordered as texts too.
  return tx<DecisionView[]>`
    select ${columnsOf(tx)}
    cross join lateral (select lpad(d.id::text, 19, '0') as key) k
    where ${meterId === null ? tx`true` : tx`d.meter_id = ${meterId}`}
      and ${
        accountId === null
          ? tx`true`
          : tx`m.service_point_id in (
                 select service_point_id from agreement where account_id = ${accountId})`
      }
      and ${customerClass === null ? tx`true` : tx`s.customer_class = ${customerClass}`}
      and ${rule === null ? tx`true` : tx`d.rule = ${rule}`}
      and ${outcome === null ? tx`true` : tx`d.outcome = ${outcome}`}
      and ${
        isOpen === null ? tx`true` : tx`(d.withdrawn_at is null and r.kind is null) = ${isOpen}`
      }
      and (d.decided_at, k.key) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (d.decided_at, k.key) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by d.decided_at ${page.inverted ? tx`` : tx`desc`},
             k.key ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}

export function decisionKey({ id }: Pick<DecisionView, 'id'>): string {
  return id.toString().padStart(19, '0');
}

/** In no order; one that the viewer may not see is absent. */
export async function findDecisions(
  tx: Statement,
  ids: readonly string[],
): Promise<DecisionView[]> {
  return tx<DecisionView[]>`
    select ${columnsOf(tx)} where d.id = any(${`{${ids.join(',')}}`}::int8[])`;
}

/** Until the transaction ends nobody else resolves it. */
export async function lockDecision(tx: Statement, id: string): Promise<DecisionView | null> {
  await tx`select pg_advisory_xact_lock(hashtextextended('vee_decision', ${id}::int8))`;
  const [found] = await findDecisions(tx, [id]);
  return found ?? null;
}

export async function insertResolution(
  tx: Statement,
  row: {
    readonly decisionId: string;
    readonly companyId: number;
    readonly kind: 'confirmed' | 'released';
    readonly actor: string;
    readonly reason: string;
    readonly resolvedAtMs: number;
  },
): Promise<void> {
  await tx`
    insert into vee_resolution (decision_id, company_id, kind, actor, reason, resolved_at)
    values (${row.decisionId}::int8, ${row.companyId}, ${row.kind}, ${row.actor}, ${row.reason},
            ${new Date(row.resolvedAtMs)})`;
}

/** The bills of a service point stand under its first meter. */
export async function firstMeterOf(tx: Statement, servicePointId: number): Promise<number | null> {
  const [row] = await tx<{ id: number | null }[]>`
    select min(id) as id from meter where service_point_id = ${servicePointId}`;
  return row?.id ?? null;
}

/** Agreements of a service point that are in force in some of [fromMs, toMs). */
export async function agreementsWithin(
  tx: Statement,
  wanted: { readonly servicePointId: number; readonly fromMs: number; readonly toMs: number },
): Promise<readonly { readonly agreementId: number; readonly currency: string }[]> {
  return tx<{ agreementId: number; currency: string }[]>`
    select g.id as "agreementId", a.currency
    from agreement g join account a on a.id = g.account_id
    where g.service_point_id = ${wanted.servicePointId}
      and g.valid_from < ${new Date(wanted.toMs)}
      and (g.valid_to is null or g.valid_to > ${new Date(wanted.fromMs)})
    order by g.valid_from`;
}
