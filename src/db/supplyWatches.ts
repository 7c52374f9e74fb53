import type { Statement } from './connect.ts';

/** SQL of what is watched behind cut and limited supplies. Writer's role. */

export async function insertWatch(
  tx: Statement,
  watch: {
    readonly meterId: number;
    readonly companyId: number;
    readonly commandId: string;
    readonly sinceMs: number;
    readonly limitW: number | null;
    readonly tripAfterMs: number | null;
  },
): Promise<void> {
  await tx`
    insert into supply_watch (meter_id, company_id, command_id, since, limit_w, trip_after_ms)
    values (${watch.meterId}, ${watch.companyId}, ${watch.commandId}::uuid,
            ${new Date(watch.sinceMs)}, ${watch.limitW}, ${watch.tripAfterMs})
    on conflict (meter_id) do update
    set command_id = excluded.command_id, since = excluded.since, limit_w = excluded.limit_w,
        trip_after_ms = excluded.trip_after_ms, register_wh = null, over_since = null,
        told_at = null`;
}

export async function dropWatch(tx: Statement, meterId: number): Promise<void> {
  await tx`delete from supply_watch where meter_id = ${meterId}`;
}

export type WatchedSupply = {
  readonly meterId: number;
  readonly companyId: number;
  readonly accountId: number | null;
  readonly commandId: string;
  readonly since: Date;
  readonly limitW: number | null;
  readonly tripAfterMs: number | null;
  readonly registerWh: bigint | null;
  readonly overSince: Date | null;
  /** Of the register behind a cut, of the power behind a limit. */
  readonly seenAt: Date;
  readonly lastValueWh: bigint;
  readonly lastPowerW: number | null;
};

/** Watched meters of which nobody was told yet, with their newest reading; a page by meter. */
export async function readWatches(
  tx: Statement,
  { afterMeterId, limit }: { afterMeterId: number; limit: number },
): Promise<readonly WatchedSupply[]> {
  return tx<WatchedSupply[]>`
    select w.meter_id as "meterId", w.company_id as "companyId", c.account_id as "accountId",
           w.command_id as "commandId", w.since, w.limit_w as "limitW",
           w.trip_after_ms as "tripAfterMs", w.register_wh as "registerWh",
           w.over_since as "overSince", seen.at as "seenAt",
           h.last_value_wh as "lastValueWh", h.last_power_w as "lastPowerW"
    from supply_watch w
    join command c on c.id = w.command_id
    join series_head h on h.meter_id = w.meter_id and h.channel = 1
    cross join lateral (
      select case when w.limit_w is null then h.last_read_at else h.last_power_at end as at) seen
    where w.told_at is null and seen.at >= w.since and w.meter_id > ${afterMeterId}
    order by w.meter_id limit ${limit}`;
}

/**
 * False when the supply has been switched, or its meter exchanged, since it was read. The meter is
 * held first, as an exchange holds it before the watch: what is written of it next refers to it.
 */
export async function updateWatch(
  tx: Statement,
  watch: {
    readonly meterId: number;
    readonly commandId: string;
    readonly registerWh: bigint | null;
    readonly overSinceMs: number | null;
    readonly toldAtMs: number | null;
  },
): Promise<boolean> {
  const { overSinceMs, toldAtMs } = watch;
  await tx`select from meter where id = ${watch.meterId} for key share`;
  const updated = await tx`
    update supply_watch
    set register_wh = ${watch.registerWh === null ? null : watch.registerWh.toString()}::text::int8,
        over_since = ${overSinceMs === null ? null : new Date(overSinceMs)},
        told_at = ${toldAtMs === null ? null : new Date(toldAtMs)}
    where meter_id = ${watch.meterId} and command_id = ${watch.commandId}::uuid
      and told_at is null`;
  return updated.count > 0;
}
