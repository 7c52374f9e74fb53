import {
  countAttempt,
  findCommandAccount,
  isOpen,
  lockCommand,
  moveCommand,
  readMeterSupplies,
  upsertSupply,
} from '../db/commands.ts';
import type { CommandRow, CommandState } from '../db/commands.ts';
import type { Sql, Transaction } from '../db/connect.ts';
import { eventShardOf } from '../db/events.ts';
import { lockAccounts } from '../db/ledger.ts';
import type { Bell } from '../domain/bell.ts';
import { decideSupply } from '../domain/command/supplyPolicy.ts';
import {
  commandAttemptsMax,
  commandBackOffMsMin,
  commandCoolDownMsMin,
  commandLeaseMsMax,
} from '../domain/limits.ts';
import type { Outcome } from '../domain/outcome.ts';
import { appendCommandEvent, reviewSupply } from './reviewSupply.ts';

/** The contactor of a meter, and the meter that proves what it did. */
export type SwitchTarget = {
  readonly meterId: number;
  readonly busId: number;
  readonly unitId: number;
  readonly mapName: string;
  readonly contactorUnitId: number;
  readonly contactorCoil: number;
};

/** The way to a device; writing the same twice leaves it as writing it once. */
export type CommandLink = {
  writeSwitch(
    target: SwitchTarget,
    on: boolean,
  ): Promise<Outcome<{ readonly acknowledgedAtMs: number }, string>>;
  verifySwitch(
    target: SwitchTarget,
    on: boolean,
  ): Promise<Outcome<{ readonly verifiedAtMs: number; readonly powerW: bigint | null }, string>>;
};

export type CommandDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  wake(bell: Bell): void;
};

export type SendResult = {
  /** Null for a command that does not exist. */
  readonly state: CommandState | null;
  /** When to call again; null at an end. */
  readonly retryAtMs: number | null;
};

type Move = {
  readonly state: CommandState;
  readonly detail: string;
  readonly nextAttemptAtMs: number;
  readonly failureCode?: string;
};
type Stage = { readonly tx: Transaction; readonly command: CommandRow; readonly nowMs: number };
type Staged<T> = { readonly value: T; readonly bells: readonly Bell[] };

/** One transaction over one command, under the lock of its account and then its own. */
async function stage<T>(
  { sql, clock, wake }: CommandDeps,
  commandId: string,
  work: (stage: Stage) => Promise<Staged<T>>,
): Promise<T | null> {
  const staged = await sql.begin(async (tx): Promise<Staged<T> | null> => {
    const owner = await findCommandAccount(tx, commandId);
    if (owner === null) return null;
    const { companyId, accountId } = owner;
    if (accountId !== null) await lockAccounts(tx, { companyId, accountIds: [accountId] });
    const command = await lockCommand(tx, commandId);
    return command === null ? null : work({ tx, command, nowMs: clock.nowMs() });
  });
  for (const bell of staged?.bells ?? []) wake(bell);
  return staged?.value ?? null;
}

/** Moves the command with its event; at an end the balance decides again over the supply. */
async function move({ tx, command, nowMs }: Stage, step: Move): Promise<readonly Bell[]> {
  const { companyId, meterId, accountId, kind, cause, id: commandId } = command;
  const { state, detail } = step;
  const from = { from: [command.state], atMs: nowMs, failureCode: step.failureCode ?? null };
  await moveCommand(tx, commandId, { ...step, ...from });
  const news = { commandId, companyId, meterId, accountId, kind, cause, state, detail } as const;
  await appendCommandEvent(tx, { ...news, atMs: nowMs });
  const bells: Bell[] = [{ kind: 'events', shard: eventShardOf(companyId) }];
  if (isOpen(state) || accountId === null) return bells;
  const review = await reviewSupply(tx, { companyId, accountIds: [accountId], nowMs });
  return review.commandsRequested ? [...bells, { kind: 'commands' }] : bells;
}

function targetOf(command: CommandRow): SwitchTarget | null {
  const { meterId, busId, unitId, mapName, contactorUnitId, contactorCoil } = command;
  if (busId === null || unitId === null || contactorUnitId === null || contactorCoil === null) {
    return null;
  }
  return { meterId, busId, unitId, mapName, contactorUnitId, contactorCoil };
}

/** An automatic cut is decided again at the moment of sending; null lets it go. */
async function withdrawnBecause({ tx, command, nowMs }: Stage): Promise<string | null> {
  if (command.cause !== 'automatic' || command.kind !== 'disconnect') return null;
  const { companyId, meterId } = command;
  const [meter] = await readMeterSupplies(tx, { companyId, meterId, nowMs });
  if (meter === undefined || meter.facts === null || meter.accountId !== command.accountId) {
    return 'AGREEMENT_ENDED';
  }
  const { facts } = meter;
  const decision = decideSupply({ ...facts, openCommand: null, coolDown: null });
  if (decision?.action === 'disconnect') return null;
  return facts.balanceMicros > facts.balanceLimitMicros ? 'BALANCE_ABOVE_LIMIT' : 'CUT_NOT_DUE';
}

/** How a command ends that must not be sent (any more), or null. */
async function endBeforeSending(current: Stage): Promise<Move | null> {
  const { command, nowMs } = current;
  if (nowMs > command.notAfterMs) {
    const detail = 'COMMAND_EXPIRED';
    return { state: 'expired', detail, failureCode: detail, nextAttemptAtMs: nowMs };
  }
  const withdrawn = await withdrawnBecause(current);
  if (withdrawn !== null) {
    return { state: 'cancelled', detail: withdrawn, nextAttemptAtMs: nowMs };
  }
  const failureCode =
    targetOf(command) === null
      ? 'DEVICE_NOT_REACHABLE'
      : command.attempts >= commandAttemptsMax
        ? 'ATTEMPTS_EXHAUSTED'
        : null;
  if (failureCode === null) return null;
  const nextAttemptAtMs = nowMs + commandCoolDownMsMin;
  return { state: 'failed', detail: failureCode, failureCode, nextAttemptAtMs };
}

type Begun =
  | { readonly kind: 'send'; readonly target: SwitchTarget; readonly command: CommandRow }
  | { readonly kind: 'rest'; readonly result: SendResult };

function rest(state: CommandState, retryAtMs: number | null): Begun {
  return { kind: 'rest', result: { state, retryAtMs } };
}

/** Takes a due command for one try, or ends it, or leaves it alone. */
async function begin(current: Stage): Promise<Staged<Begun>> {
  const { tx, command, nowMs } = current;
  if (!isOpen(command.state)) return { value: rest(command.state, null), bells: [] };
  if (command.nextAttemptAtMs > nowMs) {
    return { value: rest(command.state, command.nextAttemptAtMs), bells: [] };
  }
  const end = await endBeforeSending(current);
  if (end !== null) return { value: rest(end.state, null), bells: await move(current, end) };
  const target = targetOf(command);
  if (target === null) throw new Error('a command without a device was ended above');
  await countAttempt(tx, command.id);
  const attempt = command.attempts + 1;
  const bells = await move(current, {
    state: 'sent',
    detail: `attempt ${attempt} of ${commandAttemptsMax}`,
    nextAttemptAtMs: nowMs + commandLeaseMsMax,
  });
  return { value: { kind: 'send', target, command: { ...command, attempts: attempt } }, bells };
}

/** Works on the command only while this try is the last one: after a lease another has taken it. */
function stageOfTry(
  deps: CommandDeps,
  sent: CommandRow,
  work: (current: Stage) => Promise<Staged<SendResult>>,
): Promise<SendResult | null> {
  return stage(deps, sent.id, (current) => {
    const { state, attempts, nextAttemptAtMs } = current.command;
    const isOurs = attempts === sent.attempts && (state === 'sent' || state === 'acknowledged');
    if (isOurs) return work(current);
    const retryAtMs = isOpen(state) ? nextAttemptAtMs : null;
    return Promise.resolve({ value: { state, retryAtMs }, bells: [] });
  });
}

function failTry(
  deps: CommandDeps,
  sent: CommandRow,
  failureCode: string,
): Promise<SendResult | null> {
  return stageOfTry(deps, sent, async (current) => {
    const isLast = sent.attempts >= commandAttemptsMax;
    const state = isLast ? 'failed' : 'queued';
    const waitMs = isLast
      ? commandCoolDownMsMin
      : commandBackOffMsMin * 2 ** Math.max(0, sent.attempts - 1);
    const nextAttemptAtMs = current.nowMs + waitMs;
    const step = { state, detail: failureCode, failureCode, nextAttemptAtMs } as const;
    const bells = await move(current, step);
    return { value: { state, retryAtMs: isLast ? null : nextAttemptAtMs }, bells };
  });
}

function acknowledge(deps: CommandDeps, sent: CommandRow): Promise<SendResult | null> {
  return stageOfTry(deps, sent, async (current) => {
    const nextAttemptAtMs = current.nowMs + commandLeaseMsMax;
    const step = { state: 'acknowledged', detail: 'coil written', nextAttemptAtMs } as const;
    const bells = await move(current, step);
    return { value: { state: 'acknowledged', retryAtMs: nextAttemptAtMs }, bells };
  });
}

function verify(
  deps: CommandDeps,
  sent: CommandRow,
  powerW: bigint | null,
): Promise<SendResult | null> {
  return stageOfTry(deps, sent, async (current) => {
    const { tx, nowMs } = current;
    const { meterId, companyId, kind, cause } = sent;
    const state = kind === 'disconnect' ? 'disconnected' : 'connected';
    await upsertSupply(tx, { meterId, companyId, state, cause, sinceMs: nowMs });
    const seen = powerW === null ? 'coil read back' : `coil read back, ${powerW} W`;
    const bells = await move(current, { state: 'verified', detail: seen, nextAttemptAtMs: nowMs });
    return { value: { state: 'verified', retryAtMs: null }, bells };
  });
}

const nothing: SendResult = { state: null, retryAtMs: null };

/**
 * Brings one command a step further, or to its end: decided again, sent, acknowledged, verified.
 * Every transition is a transaction of its own, so that a crash between two of them leaves a state
 * from which the next call goes on; the device may then be written again, which changes nothing.
 */
export async function sendCommand(
  deps: CommandDeps & { readonly link: CommandLink },
  commandId: string,
): Promise<SendResult> {
  const begun = await stage(deps, commandId, begin);
  if (begun === null) return nothing;
  if (begun.kind === 'rest') return begun.result;
  const { target, command } = begun;
  const on = command.kind === 'reconnect';
  const written = await deps.link.writeSwitch(target, on);
  if (!written.ok) return (await failTry(deps, command, written.code)) ?? nothing;
  const acknowledged = await acknowledge(deps, command);
  if (acknowledged?.state !== 'acknowledged') return acknowledged ?? nothing;
  const verified = await deps.link.verifySwitch(target, on);
  const ended = verified.ok
    ? await verify(deps, command, verified.value.powerW)
    : await failTry(deps, command, verified.code);
  return ended ?? nothing;
}

/** Ends a command that nobody could send in time; one that may still be sent is left alone. */
export async function expireCommand(deps: CommandDeps, commandId: string): Promise<boolean> {
  const ended = await stage(deps, commandId, async (current): Promise<Staged<boolean>> => {
    const { command, nowMs } = current;
    const isLate = nowMs > command.notAfterMs && command.nextAttemptAtMs <= nowMs;
    if (!isOpen(command.state) || !isLate) return { value: false, bells: [] };
    const detail = 'COMMAND_EXPIRED';
    const step = { state: 'expired', detail, failureCode: detail, nextAttemptAtMs: nowMs } as const;
    return { value: true, bells: await move(current, step) };
  });
  return ended ?? false;
}
