import { integersOf } from './arrays.ts';
import type { Duty } from './charges.ts';
import type { Statement } from './connect.ts';
import type { BatchPlace } from './logReads.ts';

/** SQL of duties that could not be worked off, and of those whose look goes on. */

export type SetAsideDuty = {
  readonly companyId: number;
  readonly meterId: number;
  readonly fromDay: number;
  readonly reason: string;
};

/** Takes a duty out of the queue and keeps it, with what went wrong; null: it waits no more. */
export async function setDutyAside(
  tx: Statement,
  { id, failure, atMs }: { id: bigint; failure: string; atMs: number },
): Promise<SetAsideDuty | null> {
  const [row] = await tx<SetAsideDuty[]>`
    update rerate_duty set failed_at = ${new Date(atMs)}, failure = ${failure}
    where id = ${id.toString()}::int8 and failed_at is null
    returning company_id as "companyId", meter_id as "meterId", from_day as "fromDay", reason`;
  return row ?? null;
}

/** The same of a duty to validate. */
export async function setVeeDutyAside(
  tx: Statement,
  { id, failure, atMs }: { id: bigint; failure: string; atMs: number },
): Promise<SetAsideDuty | null> {
  const [row] = await tx<SetAsideDuty[]>`
    update vee_duty set failed_at = ${new Date(atMs)}, failure = ${failure}
    where id = ${id.toString()}::int8 and failed_at is null
    returning company_id as "companyId", meter_id as "meterId",
              floor(extract(epoch from from_at) / 86400)::int4 as "fromDay",
              'validation' as reason`;
  return row ?? null;
}

export type FailedDuty = {
  readonly meterId: number;
  /** `validation`, or why it should have been rated again. */
  readonly reason: string;
  readonly failedAt: Date;
  readonly failure: string;
};

export async function readFailedDuties(
  tx: Statement,
  companyId: number,
): Promise<readonly FailedDuty[]> {
  return tx<FailedDuty[]>`
    select meter_id as "meterId", reason, failed_at as "failedAt", failure from rerate_duty
    where company_id = ${companyId} and failed_at is not null
    union all
    select meter_id, 'validation', failed_at, failure from vee_duty
    where company_id = ${companyId} and failed_at is not null
    order by "failedAt", "meterId"`;
}

/** A fresh duty beside each that was set aside; the old one goes once the fresh one is done. */
export async function askFailedDutiesAgain(
  tx: Statement,
  { companyId, meterId }: { companyId: number; meterId: number | null },
): Promise<number> {
  const asked = await tx`
    insert into rerate_duty (company_id, meter_id, from_day, reason, after)
    select distinct company_id, meter_id, from_day, reason, after from rerate_duty
    where company_id = ${companyId} and failed_at is not null
      and ${meterId === null ? tx`true` : tx`meter_id = ${meterId}`}`;
  const judged = await tx`
    insert into vee_duty (meter_id, company_id, from_at)
    select meter_id, company_id, min(from_at) from vee_duty
    where company_id = ${companyId} and failed_at is not null
      and ${meterId === null ? tx`true` : tx`meter_id = ${meterId}`}
    group by meter_id, company_id order by meter_id
    on conflict (meter_id) where failed_at is null
    do update set from_at = least(vee_duty.from_at, excluded.from_at)`;
  return asked.count + judged.count;
}

/** The same duties once more, going on behind a place, where their last look was not further. */
export async function insertFurtherLooks(
  tx: Statement,
  dutyIds: readonly bigint[],
  { edgeId, stream, epoch, sequence }: BatchPlace,
): Promise<void> {
  const after = integersOf([edgeId, stream, epoch, sequence]);
  await tx`
    insert into rerate_duty (company_id, meter_id, from_day, reason, after)
    select company_id, meter_id, from_day, reason, greatest(after, ${after}::int8[])
    from rerate_duty where id = any(${integersOf(dutyIds)}::int8[]) order by id`;
}

/** Duties that are done, and those set aside before that these have made up for. */
export async function dropDuties(tx: Statement, duties: readonly Duty[]): Promise<void> {
  if (duties.length === 0) return;
  const ids = integersOf(duties.map((duty) => duty.id));
  await tx`
    delete from rerate_duty f using rerate_duty d
    where d.id = any(${ids}::int8[]) and f.meter_id = d.meter_id
      and (f.id = d.id
           or f.failed_at is not null and f.reason = d.reason and f.from_day >= d.from_day
              and coalesce(f.after, '{}') >= coalesce(d.after, '{}'))`;
}
