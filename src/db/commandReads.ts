import type { CommandKind } from '../domain/command/supplyFacts.ts';
import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';
import type { commandStates } from './tables/command.ts';

/** Commands as a viewer sees them: statements for `asViewer`. */

export type CommandState = (typeof commandStates)[number];

export type CommandView = {
  readonly id: string;
  readonly meterId: number;
  readonly accountId: number | null;
  readonly kind: CommandKind;
  /** Of a limit. */
  readonly limitW: number | null;
  readonly cause: 'automatic' | 'manual';
  readonly reason: string;
  readonly state: CommandState;
  readonly requestedAt: Date;
  readonly notAfter: Date;
  readonly attempts: number;
  readonly failureCode: string | null;
};

function columnsOf(tx: Statement) {
  return tx`
    id, meter_id as "meterId", account_id as "accountId", kind, limit_w as "limitW",
    cause, reason, state,
    requested_at as "requestedAt", not_after as "notAfter", attempts,
    failure_code as "failureCode"`;
}

export async function findCommands(
  tx: Statement,
  ids: readonly string[],
): Promise<readonly CommandView[]> {
  return tx<CommandView[]>`
    select ${columnsOf(tx)} from command
    where id = any(string_to_array(${ids.join(',')}, ',')::uuid[])`;
}

/** Newest first; of one meter when it is given. */
export async function pageCommands(
  tx: Statement,
  meterId: number | null,
  page: TimePage,
): Promise<CommandView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  return tx<CommandView[]>`
    select ${columnsOf(tx)} from command
    where ${meterId === null ? tx`true` : tx`meter_id = ${meterId}`}
      and (requested_at, id::text) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (requested_at, id::text) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by requested_at ${page.inverted ? tx`` : tx`desc`},
             id::text ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
}

export type CommandStepView = {
  readonly commandId: string;
  readonly state: CommandState;
  readonly at: Date;
  readonly detail: string;
};

export async function findCommandSteps(
  tx: Statement,
  commandIds: readonly string[],
): Promise<readonly CommandStepView[]> {
  return tx<CommandStepView[]>`
    select command_id as "commandId", state, at, detail from command_step
    where command_id = any(string_to_array(${commandIds.join(',')}, ',')::uuid[])
    order by command_id, ordinal`;
}

/** A command and the event number that its state is of: one statement, one snapshot. */
export async function snapshotCommand(
  tx: Statement,
  { shard, commandId }: { shard: number; commandId: string },
): Promise<{ readonly sequence: bigint; readonly command: CommandView } | null> {
  const [row] = await tx<(CommandView & { sequence: bigint })[]>`
    select e.sequence, c.* from event_head e
    cross join (select ${columnsOf(tx)} from command where id = ${commandId}::uuid) c
    where e.shard = ${shard}`;
  if (row === undefined) return null;
  const { sequence, ...command } = row;
  return { sequence, command };
}
