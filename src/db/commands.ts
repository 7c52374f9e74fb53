import type { CommandCause, CommandKind } from '../domain/command/supplyFacts.ts';
import { wordsOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of commands and of what they leave behind. */

export type CommandState =
  | 'requested'
  | 'queued'
  | 'sent'
  | 'acknowledged'
  | 'verified'
  | 'failed'
  | 'expired'
  | 'cancelled';

const openStates = ['requested', 'queued', 'sent', 'acknowledged'] as const;

export function isOpen(state: CommandState): boolean {
  return openStates.some((open) => open === state);
}

export type NewCommand = {
  readonly id: string;
  readonly companyId: number;
  readonly meterId: number;
  readonly accountId: number | null;
  readonly kind: CommandKind;
  /** Of a limit, and of it alone. */
  readonly limitW: number | null;
  readonly cause: CommandCause;
  readonly reason: string;
  readonly requestedBy: string;
  readonly requestedAtMs: number;
  readonly notAfterMs: number;
};

/** With its first step. False when the meter has an open command: nothing is written then. */
export async function insertCommand(tx: Statement, command: NewCommand): Promise<boolean> {
  const requestedAt = new Date(command.requestedAtMs);
  const inserted = await tx`
    insert into command (id, company_id, meter_id, account_id, kind, limit_w, cause, reason,
                         state, requested_by, requested_at, not_after, attempts, next_attempt_at)
    values (${command.id}::uuid, ${command.companyId}, ${command.meterId}, ${command.accountId},
            ${command.kind}, ${command.limitW}, ${command.cause}, ${command.reason}, 'requested',
            ${command.requestedBy}, ${requestedAt}, ${new Date(command.notAfterMs)}, 0,
            ${requestedAt})
    on conflict do nothing`;
  if (inserted.count === 0) return false;
  await insertStep(tx, command.id, {
    state: 'requested',
    atMs: command.requestedAtMs,
    detail: command.reason,
  });
  return true;
}

export type Step = {
  readonly state: CommandState;
  readonly atMs: number;
  readonly detail: string;
};

async function insertStep(tx: Statement, commandId: string, step: Step): Promise<void> {
  await tx`
    insert into command_step (command_id, ordinal, company_id, account_id, state, at, detail)
    select c.id, (select count(*) from command_step s where s.command_id = c.id), c.company_id,
           c.account_id, ${step.state}, ${new Date(step.atMs)}, ${step.detail}
    from command c where c.id = ${commandId}::uuid`;
}

/** Moves a command out of one of these states, with its step; false if it had left them. */
export async function moveCommand(
  tx: Statement,
  commandId: string,
  step: Step & {
    readonly from: readonly CommandState[];
    readonly nextAttemptAtMs: number;
    readonly failureCode: string | null;
  },
): Promise<boolean> {
  const moved = await tx`
    update command set state = ${step.state}, failure_code = ${step.failureCode},
                       next_attempt_at = ${new Date(step.nextAttemptAtMs)}
    where id = ${commandId}::uuid and state = any(${wordsOf(step.from)}::text[])`;
  if (moved.count === 0) return false;
  await insertStep(tx, commandId, step);
  return true;
}

/** Writer's role. */
export async function countAttempt(tx: Statement, commandId: string): Promise<void> {
  await tx`update command set attempts = attempts + 1 where id = ${commandId}::uuid`;
}

export type CommandRow = {
  readonly id: string;
  readonly companyId: number;
  readonly meterId: number;
  readonly accountId: number | null;
  readonly kind: CommandKind;
  readonly limitW: number | null;
  readonly cause: CommandCause;
  readonly reason: string;
  readonly state: CommandState;
  readonly attempts: number;
  readonly notAfterMs: number;
  readonly nextAttemptAtMs: number;
  /** Where it goes; null where the meter has no bus of ours or no contactor. */
  readonly busId: number | null;
  readonly unitId: number | null;
  readonly mapName: string;
  readonly contactorUnitId: number | null;
  readonly contactorCoil: number | null;
  readonly limiterRegister: number | null;
};

type StoredCommand = Omit<CommandRow, 'notAfterMs' | 'nextAttemptAtMs'> & {
  notAfter: Date;
  nextAttemptAt: Date;
};

/** Whose account has to be locked before the command itself. */
export async function findCommandAccount(
  tx: Statement,
  commandId: string,
): Promise<{ readonly companyId: number; readonly accountId: number | null } | null> {
  const [row] = await tx<{ companyId: number; accountId: number | null }[]>`
    select company_id as "companyId", account_id as "accountId" from command
    where id = ${commandId}::uuid`;
  return row ?? null;
}

export async function lockCommand(tx: Statement, commandId: string): Promise<CommandRow | null> {
  const [row] = await tx<StoredCommand[]>`
    select c.id, c.company_id as "companyId", c.meter_id as "meterId",
           c.account_id as "accountId", c.kind, c.limit_w as "limitW", c.cause,
           c.reason, c.state, c.attempts,
           c.not_after as "notAfter", c.next_attempt_at as "nextAttemptAt", m.bus_id as "busId",
           m.unit_id as "unitId", m.map_name as "mapName",
           m.contactor_unit_id as "contactorUnitId", m.contactor_coil as "contactorCoil",
           m.limiter_register as "limiterRegister"
    from command c join meter m on m.id = c.meter_id
    where c.id = ${commandId}::uuid for update of c for share of m`;
  if (row === undefined) return null;
  const { notAfter, nextAttemptAt, ...rest } = row;
  return { ...rest, notAfterMs: notAfter.getTime(), nextAttemptAtMs: nextAttemptAt.getTime() };
}

export type DueCommand = {
  readonly id: string;
  readonly busId: number | null;
  readonly notAfterMs: number;
  readonly nextAttemptAtMs: number;
};

/** Open commands whose next try is due, oldest first; a page after a command. */
export async function findDueCommands(
  statement: Statement,
  { nowMs, after, limit }: { nowMs: number; after: DueCommand | null; limit: number },
): Promise<readonly DueCommand[]> {
  const rows = await statement<
    { id: string; busId: number | null; notAfter: Date; nextAttemptAt: Date }[]
  >`
    select c.id, m.bus_id as "busId", c.not_after as "notAfter",
           c.next_attempt_at as "nextAttemptAt"
    from command c join meter m on m.id = c.meter_id
    where c.state in ('requested', 'queued', 'sent', 'acknowledged')
      and c.next_attempt_at <= ${new Date(nowMs)}
      and ${
        after === null
          ? statement`true`
          : statement`(c.next_attempt_at, c.id)
                      > (${new Date(after.nextAttemptAtMs)}, ${after.id}::uuid)`
      }
    order by c.next_attempt_at, c.id limit ${limit}`;
  return rows.map(({ notAfter, nextAttemptAt, ...row }) => ({
    ...row,
    notAfterMs: notAfter.getTime(),
    nextAttemptAtMs: nextAttemptAt.getTime(),
  }));
}
