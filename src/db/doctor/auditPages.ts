import { doctorRowsPerPage } from '../../domain/limits.ts';
import type { Statement } from '../connect.ts';
import { ratedTransferCodes } from '../tables/ledger.ts';
import type { Wrong } from './lifePages.ts';

/** SQL of the check that each change has its audit row: of the same company and transaction. */

function audited(tx: Statement, row: string) {
  return tx`exists (select from audit_entry u where u.xact = ${tx(row)}.xact
                    and u.company_id = ${tx(row)}.company_id)`;
}

/**
 * A page of transfers that people or payments made. What the rater posts has the log behind it, and
 * what a weekly plan takes has its plan and its day.
 */
export async function unauditedTransfers(tx: Statement, after: string) {
  const [stretch] = await tx<{ lastKey: string | null; looked: number }[]>`
    select (array_agg(id order by id desc))[1] as "lastKey", count(*)::int4 as looked from (
      select id from transfer where id > ${after}::uuid order by id
      limit ${doctorRowsPerPage}) t`;
  if (stretch === undefined || stretch.lastKey === null) {
    return { lastKey: null, looked: 0, rows: [] };
  }
  const rows = await tx<Wrong[]>`
    select 'TRANSFER_WITHOUT_AUDIT' as code, 'transfer/' || t.id as subject
    from transfer t
    where t.id > ${after}::uuid and t.id <= ${stretch.lastKey}::uuid
      and t.code <> all(string_to_array(${ratedTransferCodes.join(',')}, ','))
      and (t.code <> 'debt_recovered' or t.payment_id is not null)
      and not ${audited(tx, 't')}
    order by 2`;
  return { ...stretch, rows };
}

/** Words of people and providers besides transfers. */
export function findUnaudited(tx: Statement, limit: number): Promise<Wrong[]> {
  return tx<Wrong[]>`
    select * from (
      select 'PAYMENT_STEP_WITHOUT_AUDIT' as code, 'payment/' || s.payment_id as subject
      from payment_step s where not ${audited(tx, 's')}
      union all
      select 'APPROVAL_WITHOUT_AUDIT', 'approval/' || a.subject
      from approval a where not ${audited(tx, 'a')}
      union all
      select 'COMMAND_WITHOUT_AUDIT', 'command/' || c.id
      from command c join command_step s on s.command_id = c.id and s.ordinal = 0
      where c.cause = 'manual' and not ${audited(tx, 's')}
      union all
      select 'EMERGENCY_WITHOUT_AUDIT', 'account/' || e.account_id
      from emergency_credit e
      where not exists (select from audit_entry u where u.company_id = e.company_id
                        and u.subject = 'account/' || e.account_id
                        and u.after->>'creditId' = e.id::text)
      union all
      select 'VOUCHER_END_WITHOUT_AUDIT', 'voucher/' || v.company_id || '/' || v.serial
      from voucher_end v where v."end" = 'revoked'
        and not exists (select from audit_entry u where u.company_id = v.company_id
                        and u.subject = 'voucher_batch/' || v.batch_id
                        and u.action = 'voucher.revoke' and u.at = v.ended_at)
    ) w order by 1, 2 limit ${limit}`;
}
