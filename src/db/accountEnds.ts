import type { Statement } from './connect.ts';

/** SQL of what keeps an account from being paid out. */

export type OpenEnds = {
  /** In force, or to come. */
  readonly agreements: number;
  readonly openBills: number;
  readonly heldBills: number;
};

/**
 * A bill is open, too, where its last one may not have begun: without a reading behind the end, or
 * with one that waits to be rated again.
 */
export async function findOpenEnds(
  tx: Statement,
  {
    accountId,
    nowMs,
    silentMs,
  }: {
    readonly accountId: number;
    readonly nowMs: number;
    /** So long after its end a bill closes without a reading. */
    readonly silentMs: number;
  },
): Promise<OpenEnds> {
  const now = new Date(nowMs);
  const silentSince = new Date(nowMs - silentMs);
  const [row] = await tx<OpenEnds[]>`
    with own as (
      select id, service_point_id, valid_to from agreement where account_id = ${accountId})
    select (select count(*)::int4 from own where valid_to is null or valid_to > ${now})
             as agreements,
           (select count(*)::int4 from charge c
            where c.agreement_id in (select id from own) and c.open_until is not null)
           + (select count(*)::int4 from own join meter m using (service_point_id)
              join series_head h on h.meter_id = m.id and h.channel = 1
              where own.valid_to > ${silentSince} and h.last_read_at < own.valid_to)
           + (select count(*)::int4 from own join meter m using (service_point_id)
              join rerate_duty d on d.meter_id = m.id
              where d.from_day <= extract(epoch from own.valid_to) / 86400) as "openBills",
           (select count(*)::int4 from charge_hold h
            where h.agreement_id in (select id from own)) as "heldBills"`;
  return row ?? { agreements: 0, openBills: 0, heldBills: 0 };
}
