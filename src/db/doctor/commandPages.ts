import { doctorAccountsPerPage, doctorRowsPerPage } from '../../domain/limits.ts';
import type { Statement } from '../connect.ts';
import type { Json } from '../events.ts';
import type { Wrong } from './lifePages.ts';

/** SQL of checks that go through commands in the order of their ids. */

export type WrongCommand = { readonly id: string; readonly code: string };

/**
 * A page of commands whose steps, certificates or supply do not fit them. A cut that was sent must
 * have been decided at both stages, and a verified one has its change of supply. Certificates are
 * written since the first of them was: commands from before have none.
 */
export async function wrongCommands(tx: Statement, after: string) {
  const [stretch] = await tx<{ lastKey: string | null; looked: number }[]>`
    select (array_agg(id order by id desc))[1] as "lastKey", count(*)::int4 as looked from (
      select id from command where id > ${after}::uuid order by id
      limit ${doctorRowsPerPage}) t`;
  if (stretch === undefined || stretch.lastKey === null) {
    return { lastKey: null, looked: 0, rows: [] };
  }
  const rows = await tx<WrongCommand[]>`
    with page as (
      select c.*, (
        select count(*) from command_step s where s.command_id = c.id
          and s.state in ('verified', 'failed', 'expired', 'cancelled')) as ends,
        (select s.state from command_step s where s.command_id = c.id
         order by s.ordinal desc limit 1) as told,
        c.requested_at >= (select min(k.at) from command_certificate k) as is_certified
      from command c where c.id > ${after}::uuid and c.id <= ${stretch.lastKey}::uuid
    )
    select c.id, v.code from page c
    cross join lateral (values
      ('COMMAND_ENDED_TWICE', c.ends > 1),
      ('COMMAND_STATE_UNTOLD', c.told is distinct from c.state),
      ('COMMAND_WITHOUT_CERTIFICATE', c.is_certified and not exists (
        select from command_certificate k where k.command_id = c.id and k.stage = 'requested')),
      ('CUT_SENT_UNDECIDED', c.is_certified and c.attempts > 0 and c.kind in ('disconnect', 'limit')
        and not exists (
          select from command_certificate k where k.command_id = c.id and k.stage = 'sent')),
      ('CUT_AGAINST_A_RULE', c.cause = 'automatic' and c.kind in ('disconnect', 'limit')
        and exists (
        select from command_certificate k, jsonb_array_elements(k.document->'findings') f
        where k.command_id = c.id and (f->>'prevents')::boolean)),
      ('SENT_TOO_LATE', exists (
        select from command_step s where s.command_id = c.id and s.state = 'sent'
          and s.at > c.not_after)),
      ('VERIFIED_WITHOUT_CHANGE', c.is_certified and c.state = 'verified' and not exists (
        select from supply_change s where s.command_id = c.id))
    ) as v(code, holds)
    where v.holds order by c.id, v.code`;
  return { ...stretch, rows };
}

/**
 * Automatic cuts of accounts that were protected when they were requested. Of the same instant
 * either may have been the first.
 */
export async function cutsOfProtected(
  tx: Statement,
): Promise<readonly { readonly id: string; readonly kind: string }[]> {
  return tx<{ id: string; kind: string }[]>`
    select c.id, p.kind from command c
    join protection p on p.account_id = c.account_id and p.from_at <= c.requested_at
      and p.recorded_at < c.requested_at and (p.to_at is null or p.to_at > c.requested_at)
    left join protection_end e on e.protection_id = p.id
    where c.cause = 'automatic' and c.kind in ('disconnect', 'limit')
      and (e.ended_at is null or e.ended_at > c.requested_at)
    order by c.id`;
}

export type StoredCertificate = {
  readonly commandId: string;
  readonly stage: string;
  readonly document: Json;
  readonly hash: Uint8Array;
};

/** A page of certificates, whole commands at a time. */
export async function nextCertificates(tx: Statement, after: string) {
  const rows = await tx<StoredCertificate[]>`
    select k.command_id as "commandId", k.stage, k.document, k.hash
    from command_certificate k join (
      select distinct command_id from command_certificate where command_id > ${after}::uuid
      order by command_id limit ${doctorAccountsPerPage}) c using (command_id)
    order by k.command_id, k.stage`;
  return { lastKey: rows.at(-1)?.commandId ?? null, looked: rows.length, rows };
}

/**
 * Supplies that are not what their last verified command left, and prepaid customers who have paid
 * and are still cut although nothing stands in the way, nor did within the patience. What was
 * verified last alone: after a try of unknown end the sweep and a work order look after it.
 */
export function findWrongSupplies(
  tx: Statement,
  { nowMs, patienceMs }: { readonly nowMs: number; readonly patienceMs: number },
): Promise<Wrong[]> {
  const now = new Date(nowMs);
  const late = new Date(nowMs - patienceMs);
  return tx<Wrong[]>`
    with newest as (
      select distinct on (meter_id) meter_id, state, at from supply_change
      order by meter_id, at desc
    )
    select 'SUPPLY_NOT_ITS_LAST_CHANGE' as code, 'meter/' || n.meter_id as subject
    from newest n left join supply s on s.meter_id = n.meter_id
    where s.state is distinct from n.state or s.since is distinct from n.at
    union all
    select 'CHANGE_WITHOUT_COMMAND', 'meter/' || h.meter_id
    from supply_change h left join command c on c.id = h.command_id
    where c.state is distinct from 'verified' or c.meter_id <> h.meter_id
       or h.state <> case c.kind when 'disconnect' then 'disconnected' when 'limit' then 'limited'
                     else 'connected' end
    union all
    select 'PAID_AND_STILL_CUT', 'meter/' || s.meter_id
    from supply s join meter m on m.id = s.meter_id and m.contactor_unit_id is not null
    join agreement g on g.company_id = m.company_id and g.service_point_id = m.service_point_id
      and g.valid_from <= ${late} and (g.valid_to is null or g.valid_to > ${now})
    join account_balance b on b.account_id = g.account_id
    where s.state in ('disconnected', 'limited') and s.cause = 'automatic' and s.since <= ${late}
      and g.mode = 'prepaid' and b.balance_micros >= g.reconnect_micros
      and b.balance_micros > g.balance_limit_micros
      and not exists (select from transfer t where t.account_id = g.account_id
                      and t.posted_at > ${late})
      and not exists (select from command c where c.meter_id = m.id
                      and (c.state in ('requested', 'queued', 'sent', 'acknowledged')
                           or c.attempts > 0 and c.requested_at > s.since
                           or exists (select from command_step e
                                      where e.command_id = c.id and e.at > ${late})))
    union all
    select 'COMMAND_OVERDUE', 'command/' || c.id
    from command c
    where c.state in ('requested', 'queued', 'sent', 'acknowledged')
      and c.not_after <= ${late} and c.next_attempt_at <= ${late}
    order by 1, 2`;
}

/**
 * Automatic cuts of a region whose breaker had tripped and not been let go by enough people, and
 * of a restored database that nobody had reconciled. Clocks of two processes differ by less than
 * the patience.
 */
export function findStoppedCuts(
  tx: Statement,
  { people, patienceMs }: { readonly people: number; readonly patienceMs: number },
): Promise<Wrong[]> {
  const patience = `${patienceMs} milliseconds`;
  return tx<Wrong[]>`
    with cuts as (
      select c.id, c.company_id, c.requested_at, p.region from command c
      join meter m on m.id = c.meter_id join service_point p on p.id = m.service_point_id
      where c.cause = 'automatic' and c.kind in ('disconnect', 'limit')
    ), trips as (
      select t.company_id, t.region, t.tripped_at, (
        select a.at from approval a where a.company_id = t.company_id
          and a.subject = 'breaker/' || t.id
        order by a.at offset ${people - 1} limit 1) as let_go_at
      from breaker_trip t
    ), restores as (
      select r.at, (select min(e.at) from restore_mark e
                    where e.id > r.id and e.kind = 'reconciled') as ended_at
      from restore_mark r where r.kind = 'restored'
    )
    select 'CUT_WHILE_TRIPPED' as code, 'command/' || c.id as subject
    from cuts c join trips t on t.company_id = c.company_id and t.region = c.region
      and c.requested_at > t.tripped_at + ${patience}::interval
      and (t.let_go_at is null or c.requested_at < t.let_go_at - ${patience}::interval)
    union
    select 'CUT_BEFORE_RECONCILED', 'command/' || c.id
    from cuts c join restores r on c.requested_at > r.at + ${patience}::interval
      and (r.ended_at is null or c.requested_at < r.ended_at - ${patience}::interval)
    order by 1, 2`;
}
