import { assert } from '../domain/assert.ts';
import { isUuid } from '../domain/uuid.ts';
import type { Statement } from './connect.ts';
import type { Json } from './events.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';

/** SQL of what people have to do on site or at a desk. */

export type WorkOrderKind = 'command_failed' | 'bypass' | 'load_limit_tripped' | 'notice_given_up';

/**
 * The open order of the meter for this, which is an earlier one where that has not ended: who goes
 * there once sees to all of it. Of failed commands each kind has its own. Once for its id.
 */
export async function openWorkOrder(
  tx: Statement,
  order: {
    readonly id: string;
    readonly companyId: number;
    readonly meterId: number;
    readonly kind: WorkOrderKind;
    readonly detail: Json;
    readonly atMs: number;
  },
): Promise<string> {
  const detail = tx`${JSON.stringify(order.detail)}::text::jsonb`;
  const ofTheSame = tx`
    o.meter_id = ${order.meterId} and o.kind = ${order.kind}
    and coalesce(o.detail->>'command', '') = coalesce(${detail}->>'command', '')`;
  // Whoever opens one at the same moment has the same ordinal, and is waited for.
  await tx`
    insert into work_order (id, company_id, meter_id, kind, detail, opened_at, ordinal)
    select ${order.id}::uuid, ${order.companyId}, ${order.meterId}, ${order.kind}, ${detail},
           ${new Date(order.atMs)}, (select count(*) from work_order o where ${ofTheSame})
    where not exists (
      select from work_order o where ${ofTheSame}
        and not exists (select from work_order_end e where e.work_order_id = o.id))
    on conflict do nothing`;
  const [newest] = await tx<{ id: string }[]>`
    select o.id from work_order o where ${ofTheSame} order by o.ordinal desc limit 1`;
  assert(newest !== undefined, 'an order was opened, or another one was there');
  return newest.id;
}

export type WorkOrderView = {
  readonly id: string;
  readonly meterId: number;
  readonly serial: string;
  readonly kind: WorkOrderKind;
  readonly detail: Json;
  readonly openedAt: Date;
  readonly endedAt: Date | null;
  readonly endedBy: string | null;
  readonly outcome: string | null;
};

function selected(tx: Statement) {
  return tx`
    select o.id, o.meter_id as "meterId", m.serial, o.kind, o.detail, o.opened_at as "openedAt",
           e.ended_at as "endedAt", e.ended_by as "endedBy", e.outcome
    from work_order o join meter m on m.id = o.meter_id
    left join work_order_end e on e.work_order_id = o.id`;
}

export async function findWorkOrders(
  tx: Statement,
  ids: readonly string[],
): Promise<readonly WorkOrderView[]> {
  const known = ids.filter(isUuid).join(',');
  return tx<WorkOrderView[]>`
    ${selected(tx)} where o.id = any(string_to_array(${known}, ',')::uuid[])`;
}

/** Newest first; those that are open alone, or all. */
export async function pageWorkOrders(
  tx: Statement,
  { openOnly, companyId }: { readonly openOnly: boolean; readonly companyId: number },
  page: TimePage,
): Promise<WorkOrderView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  return tx<WorkOrderView[]>`
    ${selected(tx)}
    where o.company_id = ${companyId} and (${!openOnly} or e.work_order_id is null)
      and (o.opened_at, o.id::text) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (o.opened_at, o.id::text) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by o.opened_at ${page.inverted ? tx`` : tx`desc`},
             o.id::text ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}

/** False when it has ended already. */
export async function insertWorkOrderEnd(
  tx: Statement,
  end: {
    readonly workOrderId: string;
    readonly companyId: number;
    readonly actor: string;
    readonly outcome: string;
    readonly atMs: number;
  },
): Promise<boolean> {
  const inserted = await tx`
    insert into work_order_end (work_order_id, company_id, ended_at, ended_by, outcome)
    values (${end.workOrderId}::uuid, ${end.companyId}, ${new Date(end.atMs)}, ${end.actor},
            ${end.outcome})
    on conflict do nothing`;
  return inserted.count > 0;
}
