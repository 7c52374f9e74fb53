import { findDueCommands } from '../db/commands.ts';
import type { DueCommand } from '../db/commands.ts';
import { commandsPerSweepMax } from '../domain/command/limits.ts';
import { faultsOf, pagesOf } from './eachApart.ts';
import { expireCommand } from './sendCommand.ts';
import type { CommandDeps } from './sendCommand.ts';

export type CommandSweep = {
  /** To be sent now, each by the process that owns its bus. */
  readonly due: readonly { readonly commandId: string; readonly busId: number | null }[];
  readonly expired: readonly string[];
  /** What was thrown where a command could not be ended: it is tried again, the others go on. */
  readonly faults: readonly unknown[];
};

/**
 * Finds what is due whatever bells or jobs were lost, and ends what came too late. Queues hold
 * nothing that this does not find again.
 */
export async function sweepCommands(deps: CommandDeps): Promise<CommandSweep> {
  const nowMs = deps.clock.nowMs();
  const late: string[] = [];
  const expired: string[] = [];
  const due: CommandSweep['due'][number][] = [];
  const limit = commandsPerSweepMax;
  // All of them: those of a bus that nobody serves now stay due, and hide nobody else's.
  const rows = pagesOf<DueCommand>(limit, (after) =>
    findDueCommands(deps.sql, { nowMs, after, limit }),
  );
  for await (const row of rows) {
    if (row.notAfterMs >= nowMs) due.push({ commandId: row.id, busId: row.busId });
    else late.push(row.id);
  }
  const faults = await faultsOf(late, async (commandId) => {
    if (await expireCommand(deps, commandId)) expired.push(commandId);
  });
  return { due, expired, faults };
}
