import type { CommandCause, SupplyFacts, SwitchKind } from '../domain/command/supplyPolicy.ts';
import { supplyFollowUpMsMax } from '../domain/limits.ts';
import { integersOf, wordsOf } from './arrays.ts';
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

/** One meter's supply, with the account and the open command that a decision would touch. */
export type MeterSupply = {
  readonly meterId: number;
  readonly hasContactor: boolean;
  readonly openCommandId: string | null;
  /** So far: numbers the next one. */
  readonly commands: number;
  /** Null where nobody has an agreement now. */
  readonly accountId: number | null;
  readonly facts: SupplyFacts | null;
  /** What the last verified command left; a meter without one is connected. */
  readonly supply: SupplyFacts['supply'];
};

type SupplyRow = {
  meterId: number;
  hasContactor: boolean;
  accountId: number | null;
  mode: 'prepaid' | 'postpaid' | null;
  balanceMicros: bigint | null;
  balanceLimitMicros: bigint;
  reconnectMicros: bigint;
  supplyState: 'connected' | 'disconnected' | null;
  supplyCause: CommandCause | null;
  lastReadAt: Date | null;
  isDoubted: boolean;
  commands: number;
  openId: string | null;
  openKind: SwitchKind;
  openCause: CommandCause;
  openState: CommandState;
  triedKind: SwitchKind | null;
  triedCause: CommandCause;
  triedState: CommandState;
  mayRepeatAt: Date;
};

function supplyOfRow(row: SupplyRow, nowMs: number): MeterSupply {
  const isUncertain = row.triedKind === 'disconnect' && row.triedState !== 'verified';
  const supply = isUncertain ? 'uncertain' : (row.supplyState ?? 'connected');
  const isUnderway = row.openState === 'sent' || row.openState === 'acknowledged';
  const facts: SupplyFacts | null =
    row.mode === null || row.balanceMicros === null
      ? null
      : {
          mode: row.mode,
          balanceMicros: row.balanceMicros,
          balanceLimitMicros: row.balanceLimitMicros,
          reconnectMicros: row.reconnectMicros,
          supply,
          supplyCause: isUncertain ? row.triedCause : (row.supplyCause ?? 'automatic'),
          openCommand:
            row.openId === null ? null : { kind: row.openKind, cause: row.openCause, isUnderway },
          readAgeMs: row.lastReadAt === null ? null : nowMs - row.lastReadAt.getTime(),
          isDoubted: row.isDoubted,
          coolDown:
            row.triedKind === null || row.triedState === 'verified'
              ? null
              : { kind: row.triedKind, remainingMs: row.mayRepeatAt.getTime() - nowMs },
        };
  const { meterId, hasContactor, accountId, openId: openCommandId, commands } = row;
  return { meterId, hasContactor, accountId, openCommandId, commands, facts, supply };
}

/**
 * What decides over the supply of these accounts' meters, or of one meter. For accounts only
 * meters with a contactor, and of them only those where a decision may be due (a superset of what
 * the policy then decides): below the limit, disconnected, a command open, or a last one that did
 * not end well. Channel 1 is the import register behind the balance.
 */
export async function readMeterSupplies(
  tx: Statement,
  query: { readonly companyId: number; readonly nowMs: number } & (
    | { readonly accountIds: readonly number[]; readonly meterId?: undefined }
    | { readonly meterId: number }
  ),
): Promise<readonly MeterSupply[]> {
  const filter =
    query.meterId === undefined
      ? tx`g.account_id = any(${integersOf(query.accountIds)}::int4[])
           and m.contactor_unit_id is not null
           and (b.balance_micros <= g.balance_limit_micros or o.id is not null
                or s.state = 'disconnected' or t.state <> 'verified')`
      : tx`m.id = ${query.meterId}`;
  const now = new Date(query.nowMs);
  const rows = await tx<SupplyRow[]>`
    select m.id as "meterId", m.contactor_unit_id is not null as "hasContactor",
           g.account_id as "accountId", g.mode, b.balance_micros as "balanceMicros",
           g.balance_limit_micros as "balanceLimitMicros", g.reconnect_micros as "reconnectMicros",
           s.state as "supplyState", s.cause as "supplyCause", h.last_read_at as "lastReadAt",
           exists (
             select from agreement own
             join meter beside on beside.company_id = own.company_id
               and beside.service_point_id = own.service_point_id
             join vee_decision d on d.meter_id = beside.id
             where own.account_id = g.account_id and d.outcome = 'hold' and d.withdrawn_at is null
               and not exists (
                 select from vee_resolution r
                 where r.decision_id = d.id and r.kind = 'released')) as "isDoubted",
           (select count(*) from command c where c.meter_id = m.id)::int4 as commands,
           o.id as "openId", o.kind as "openKind", o.cause as "openCause", o.state as "openState",
           t.kind as "triedKind", t.cause as "triedCause", t.state as "triedState",
           t.next_attempt_at as "mayRepeatAt"
    from meter m
    left join agreement g on g.company_id = m.company_id and g.service_point_id = m.service_point_id
      and g.valid_from <= ${now} and (g.valid_to is null or g.valid_to > ${now})
    left join account_balance b on b.account_id = g.account_id
    left join supply s on s.meter_id = m.id
    left join series_head h on h.meter_id = m.id and h.channel = 1
    left join command o on o.meter_id = m.id
      and o.state in ('requested', 'queued', 'sent', 'acknowledged')
    left join lateral (
      select kind, cause, state, next_attempt_at from command c
      where c.meter_id = m.id and c.attempts > 0
        and c.state not in ('requested', 'queued', 'sent', 'acknowledged')
      order by c.requested_at desc, c.next_attempt_at desc limit 1
    ) t on true
    where m.company_id = ${query.companyId} and ${filter}
    order by m.id`;
  return rows.map((row) => supplyOfRow(row, query.nowMs));
}

export type NewCommand = {
  readonly id: string;
  readonly companyId: number;
  readonly meterId: number;
  readonly accountId: number | null;
  readonly kind: SwitchKind;
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
    insert into command (id, company_id, meter_id, account_id, kind, cause, reason, state,
                         requested_by, requested_at, not_after, attempts, next_attempt_at)
    values (${command.id}::uuid, ${command.companyId}, ${command.meterId}, ${command.accountId},
            ${command.kind}, ${command.cause}, ${command.reason}, 'requested',
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
  readonly kind: SwitchKind;
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
           c.account_id as "accountId", c.kind, c.cause, c.reason, c.state, c.attempts,
           c.not_after as "notAfter", c.next_attempt_at as "nextAttemptAt", m.bus_id as "busId",
           m.unit_id as "unitId", m.map_name as "mapName",
           m.contactor_unit_id as "contactorUnitId", m.contactor_coil as "contactorCoil"
    from command c join meter m on m.id = c.meter_id
    where c.id = ${commandId}::uuid for update of c`;
  if (row === undefined) return null;
  const { notAfter, nextAttemptAt, ...rest } = row;
  return { ...rest, notAfterMs: notAfter.getTime(), nextAttemptAtMs: nextAttemptAt.getTime() };
}

export type DueCommand = {
  readonly id: string;
  readonly busId: number | null;
  readonly notAfterMs: number;
};

/** Open commands whose next try is due, oldest first. */
export async function findDueCommands(
  statement: Statement,
  { nowMs, limit }: { nowMs: number; limit: number },
): Promise<readonly DueCommand[]> {
  const rows = await statement<{ id: string; busId: number | null; notAfter: Date }[]>`
    select c.id, m.bus_id as "busId", c.not_after as "notAfter"
    from command c join meter m on m.id = c.meter_id
    where c.state in ('requested', 'queued', 'sent', 'acknowledged')
      and c.next_attempt_at <= ${new Date(nowMs)}
    order by c.next_attempt_at, c.id limit ${limit}`;
  return rows.map(({ notAfter, ...row }) => ({ ...row, notAfterMs: notAfter.getTime() }));
}

/**
 * Accounts whose supply may be due for a decision that no reading and no payment will ask for: an
 * automatic cut that the balance no longer justifies, and tries that ended without being verified.
 */
export async function findUnsettledAccounts(
  statement: Statement,
  { nowMs, limit }: { nowMs: number; limit: number },
): Promise<readonly { readonly companyId: number; readonly accountId: number }[]> {
  const now = new Date(nowMs);
  return statement<{ companyId: number; accountId: number }[]>`
    select distinct g.company_id as "companyId", g.account_id as "accountId"
    from (
      select meter_id, true as is_cut from supply
      where state = 'disconnected' and cause = 'automatic'
      union all
      select meter_id, false from command
      where state in ('failed', 'expired', 'cancelled') and attempts > 0
        and next_attempt_at between ${new Date(nowMs - supplyFollowUpMsMax)} and ${now}
    ) u
    join meter m on m.id = u.meter_id
    join agreement g on g.company_id = m.company_id and g.service_point_id = m.service_point_id
      and g.valid_from <= ${now} and (g.valid_to is null or g.valid_to > ${now})
    join account_balance b on b.account_id = g.account_id
    where (not u.is_cut or g.mode = 'postpaid' or b.balance_micros >= g.reconnect_micros)
      and not exists (select from command o where o.meter_id = m.id
                      and o.state in ('requested', 'queued', 'sent', 'acknowledged'))
    order by 1, 2 limit ${limit}`;
}

/** What a verified command left behind. Writer's role. */
export async function upsertSupply(
  tx: Statement,
  supply: {
    readonly meterId: number;
    readonly companyId: number;
    readonly state: 'connected' | 'disconnected';
    readonly cause: CommandCause;
    readonly sinceMs: number;
  },
): Promise<void> {
  await tx`
    insert into supply (meter_id, company_id, state, cause, since)
    values (${supply.meterId}, ${supply.companyId}, ${supply.state}, ${supply.cause},
            ${new Date(supply.sinceMs)})
    on conflict (meter_id) do update
    set state = excluded.state, cause = excluded.cause, since = excluded.since`;
}
