import { doctorRowsPerPage } from '../../domain/limits.ts';
import type { Statement } from '../connect.ts';

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

/** Automatic cuts of accounts that were protected when they were requested. */
export async function cutsOfProtected(
  tx: Statement,
): Promise<readonly { readonly id: string; readonly kind: string }[]> {
  return tx<{ id: string; kind: string }[]>`
    select c.id, p.kind from command c
    join protection p on p.account_id = c.account_id and p.from_at <= c.requested_at
      and p.recorded_at <= c.requested_at and (p.to_at is null or p.to_at > c.requested_at)
    left join protection_end e on e.protection_id = p.id
    where c.cause = 'automatic' and c.kind in ('disconnect', 'limit')
      and (e.ended_at is null or e.ended_at > c.requested_at)
    order by c.id`;
}
