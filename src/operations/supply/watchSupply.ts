import type { CommandRow } from '../../db/commands.ts';
import type { Sql, Statement } from '../../db/connect.ts';
import { appendEvent, eventShardOf, plainEvent } from '../../db/events.ts';
import { dropWatch, insertWatch, readWatches, updateWatch } from '../../db/supplyWatches.ts';
import type { WatchedSupply } from '../../db/supplyWatches.ts';
import { openWorkOrder } from '../../db/workOrders.ts';
import { bypassBehind, overLimit } from '../../domain/command/supplyWatch.ts';
import { watchedPerSweepMax } from '../../domain/command/limits.ts';
import { derivedId } from '../derivedId.ts';
import { eachApart, pagesOf } from '../eachApart.ts';
import type { CommandDeps } from '../sendCommand.ts';
import type { KnownSupply } from './supplyFacts.ts';

/** From a verified cut or limit on its meter is watched, until it is undone. */
export async function watchSupply(
  tx: Statement,
  { command, seen }: { command: CommandRow; seen: KnownSupply | null },
  nowMs: number,
): Promise<void> {
  const { id: commandId, meterId, companyId, kind, limitW } = command;
  if (kind === 'reconnect' || kind === 'unlimit') {
    await dropWatch(tx, meterId);
    return;
  }
  const tripAfterMs = kind === 'limit' ? (seen?.facts?.policy.loadLimit?.tripAfterMs ?? 0) : null;
  await insertWatch(tx, { meterId, companyId, commandId, sinceMs: nowMs, limitW, tripAfterMs });
}

type Told = { readonly kind: 'bypass' | 'load_limit_tripped'; readonly detail: object };
type Looked = {
  readonly registerWh: bigint | null;
  readonly overSinceMs: number | null;
  readonly told: Told | null;
};

/** What the newest reading says of a watched supply; null: nothing new. */
function look(watch: WatchedSupply): Looked | null {
  const { limitW, tripAfterMs, overSince, lastPowerW, registerWh } = watch;
  const atMs = watch.seenAt.getTime();
  if (limitW !== null) {
    if (lastPowerW === null) return null;
    const overSinceMs = overSince?.getTime() ?? null;
    const limit = { limitW, tripAfterMs: tripAfterMs ?? 0, overSinceMs };
    const over = overLimit(limit, { atMs, powerW: lastPowerW });
    const told: Told | null = over.isTripped
      ? { kind: 'load_limit_tripped', detail: { limitW, powerW: lastPowerW } }
      : null;
    if (told === null && over.overSinceMs === overSinceMs) return null;
    return { registerWh, overSinceMs: over.overSinceMs, told };
  }
  const cut = { sinceMs: watch.since.getTime(), registerWh };
  const behind = bypassBehind(cut, { atMs, registerWh: watch.lastValueWh });
  if (behind === null) return null;
  const told: Told | null = behind.isBypass
    ? { kind: 'bypass', detail: { energyWh: Number(behind.energyWh) } }
    : null;
  if (told === null && behind.registerWh === registerWh) return null;
  return { registerWh: behind.registerWh, overSinceMs: null, told };
}

async function tell(
  tx: Statement,
  { watch, looked, nowMs }: { watch: WatchedSupply; looked: Looked; nowMs: number },
): Promise<boolean> {
  const { meterId, companyId, commandId, accountId } = watch;
  const { told, ...seen } = looked;
  const toldAtMs = told === null ? null : nowMs;
  const isOurs = await updateWatch(tx, { meterId, commandId, ...seen, toldAtMs });
  if (!isOurs || told === null) return false;
  const detail = { ...told.detail, commandId, readAt: watch.seenAt.toISOString() };
  const id = derivedId('work_order', told.kind, commandId);
  const order = { id, companyId, meterId, kind: told.kind, detail, atMs: nowMs } as const;
  const workOrderId = await openWorkOrder(tx, order);
  const subjects = [{ meterId, accountId: accountId ?? 0 }];
  const event = { what: told.kind, workOrderId, ...detail };
  await appendEvent(
    tx,
    plainEvent({ companyId, kind: 'supply', atMs: nowMs, subjects, detail: event }),
  );
  return true;
}

/**
 * Looks at every watched supply: energy behind a cut is a bypass, more power than a limit allows
 * is a limiter that has to be seen to. Rating pays nothing for it: only what is cut or limited is
 * looked at, by its newest reading. Each is told once.
 */
export async function watchSupplies({
  sql,
  clock,
  wake,
}: Pick<CommandDeps, 'clock' | 'wake'> & { readonly sql: Sql }): Promise<{
  readonly told: number;
}> {
  const nowMs = clock.nowMs();
  let told = 0;
  const limit = watchedPerSweepMax;
  const watches = pagesOf<WatchedSupply>(limit, (after) =>
    readWatches(sql, { afterMeterId: after?.meterId ?? 0, limit }),
  );
  await eachApart(watches, async (watch) => {
    const looked = look(watch);
    if (looked === null) return;
    const isTold = await sql.begin((tx) => tell(tx, { watch, looked, nowMs }));
    if (!isTold) return;
    told += 1;
    wake({ kind: 'events', shard: eventShardOf(watch.companyId) });
  });
  return { told };
}
