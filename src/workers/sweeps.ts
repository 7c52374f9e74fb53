import { hasProviderWork } from '../db/autoTopUps.ts';
import type { Sql } from '../db/connect.ts';
import { ensureLogPartitions } from '../db/log.ts';
import { assertNever } from '../domain/assert.ts';
import type { Bell } from '../domain/bell.ts';
import { commandSweepMs } from '../domain/command/limits.ts';
import { accrualSweepMs, logPartitionsAheadDays, logPartitionSweepMs } from '../domain/limits.ts';
import { chargeSilentMs } from '../domain/payment/limits.ts';
import { accrueTime } from '../operations/accrueTime.ts';
import type { NoticeSender } from '../domain/prepaid/notice.ts';
import { eachApart } from '../operations/eachApart.ts';
import { expirePendings } from '../operations/expirePendings.ts';
import { beginModes } from '../operations/prepaid/beginModes.ts';
import { deliverNotices } from '../operations/prepaid/deliverNotices.ts';
import { noteIdleDays } from '../operations/prepaid/noteIdleDays.ts';
import { orderGivenUpNotices } from '../operations/prepaid/orderGivenUpNotices.ts';
import { recoverDebts } from '../operations/prepaid/recoverDebt.ts';
import { warnAccounts } from '../operations/prepaid/warnAccounts.ts';
import { sweepCommands } from '../operations/sweepCommands.ts';
import { sweepSupplies } from '../operations/sweepSupplies.ts';
import { watchSupplies } from '../operations/supply/watchSupply.ts';
import type { JobPayload } from './jobs.ts';
import type { JobQueue } from './queues.ts';

export type SweepDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  wake(bell: Bell): void;
  /** The way to customers; without one notices wait. */
  readonly sender: NoticeSender | null;
};

async function ringForCommands(deps: SweepDeps): Promise<void> {
  const { due, faults } = await sweepCommands(deps);
  if (due.length > 0) deps.wake({ kind: 'commands' });
  if (faults.length > 0) throw new AggregateError(faults, 'commands could not be ended');
}

async function ringForProviders({ sql, clock, wake }: SweepDeps): Promise<void> {
  const due = { nowMs: clock.nowMs(), silentMs: chargeSilentMs };
  if (await hasProviderWork(sql, due)) wake({ kind: 'providers' });
}

async function sendNotices({ sender, ...deps }: SweepDeps): Promise<void> {
  if (sender !== null) await deliverNotices({ ...deps, sender });
}

async function chargeTime(deps: SweepDeps): Promise<void> {
  const { agreements } = await accrueTime(deps);
  if (agreements > 0) deps.wake({ kind: 'rating' });
}

async function chargeIdleDays(deps: SweepDeps): Promise<void> {
  const { days } = await noteIdleDays(deps);
  if (days > 0) deps.wake({ kind: 'rating' });
}

/** Does one sweep; public so that a start need not wait for the first beat. */
export async function sweep(deps: SweepDeps, { what }: JobPayload<'sweep'>): Promise<void> {
  switch (what) {
    case 'commands': {
      // What fails in one of them must not keep another from being done at any beat.
      const parts = [
        beginModes,
        sweepSupplies,
        watchSupplies,
        expirePendings,
        ringForCommands,
        warnAccounts,
        ringForProviders,
        sendNotices,
        orderGivenUpNotices,
      ];
      await eachApart(parts, async (part) => void (await part(deps)));
      return;
    }
    case 'time':
      await eachApart(
        [chargeTime, chargeIdleDays, recoverDebts],
        async (part) => void (await part(deps)),
      );
      return;
    case 'logPartitions':
      await ensureLogPartitions(deps.sql, {
        nowMs: deps.clock.nowMs(),
        days: logPartitionsAheadDays,
      });
      return;
    default:
      assertNever(what);
  }
}

/** Keeps the sweeps beating; the queue gives each beat to one worker, however many there are. */
export async function startSweeps(deps: SweepDeps, queue: JobQueue<'sweep'>): Promise<void> {
  await queue.work((payload) => sweep(deps, payload), { concurrency: 1 });
  await queue.keepSchedules(new Set(['commands', 'log-partitions', 'time']));
  await queue.schedule('commands', commandSweepMs, { what: 'commands' });
  await queue.schedule('time', accrualSweepMs, { what: 'time' });
  await queue.schedule('log-partitions', logPartitionSweepMs, { what: 'logPartitions' });
}
