import { findDueCommands } from '../db/commands.ts';
import { commandsPerSweepMax } from '../domain/limits.ts';
import { expireCommand } from './sendCommand.ts';
import type { CommandDeps } from './sendCommand.ts';

export type CommandSweep = {
  /** To be sent now, each by the process that owns its bus. */
  readonly due: readonly { readonly commandId: string; readonly busId: number | null }[];
  readonly expired: readonly string[];
};

/**
 * Finds what is due whatever bells or jobs were lost, and ends what came too late. Queues hold
 * nothing that this does not find again.
 */
export async function sweepCommands(deps: CommandDeps): Promise<CommandSweep> {
  const nowMs = deps.clock.nowMs();
  const expired: string[] = [];
  const due: CommandSweep['due'][number][] = [];
  for (const row of await findDueCommands(deps.sql, { nowMs, limit: commandsPerSweepMax })) {
    if (row.notAfterMs >= nowMs) due.push({ commandId: row.id, busId: row.busId });
    else if (await expireCommand(deps, row.id)) expired.push(row.id);
  }
  return { due, expired };
}
