import {
  countAttempt,
  findCommandAccount,
  isOpen,
  lockCommand,
  moveCommand,
} from '../db/commands.ts';
import type { CommandRow, CommandState } from '../db/commands.ts';
import { beginSurely } from '../db/beginSurely.ts';
import type { Sql, Transaction } from '../db/connect.ts';
import { appendEvent, eventShardOf } from '../db/events.ts';
import type { EventBlock } from '../db/events.ts';
import { lockAccounts } from '../db/ledger.ts';
import { readCommandPeople } from '../db/protections.ts';
import { upsertSupply } from '../db/supplies.ts';
import { openWorkOrder } from '../db/workOrders.ts';
import { assertNever } from '../domain/assert.ts';
import type { Bell } from '../domain/bell.ts';
import { isAtLimit, isCutKind, supplyAfter } from '../domain/command/supplyFacts.ts';
import { decideSupply } from '../domain/command/supplyPolicy.ts';
import {
  commandAttemptsMax,
  commandBackOffMsMin,
  commandCoolDownMsMin,
  commandLeaseMsMax,
} from '../domain/command/limits.ts';
import type { Outcome } from '../domain/outcome.ts';
import { derivedId } from './derivedId.ts';
import { commandEvent, reviewSupply } from './reviewSupply.ts';
import { tellSupply } from './prepaid/tellSupply.ts';
import { certify } from './supply/certificate.ts';
import { readSupplies } from './supply/supplyFacts.ts';
import type { KnownSupply } from './supply/supplyFacts.ts';
import { watchSupply } from './supply/watchSupply.ts';

/** The contactor of a meter, and the meter that proves what it did. */
export type SwitchTarget = {
  readonly meterId: number;
  readonly busId: number;
  readonly unitId: number;
  readonly mapName: string;
  readonly contactorUnitId: number;
  readonly contactorCoil: number;
  /** Of the contactor's unit; null: it limits nothing. */
  readonly limiterRegister: number | null;
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
  /** The most that may flow, in W; 0 for no limit. */
  writeLimit(
    target: SwitchTarget,
    limitW: number,
  ): Promise<Outcome<{ readonly acknowledgedAtMs: number }, string>>;
  verifyLimit(
    target: SwitchTarget,
    limitW: number,
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

/**
 * One transaction over one command, under the lock of its account and then its own. It is done in
 * spite of a lost connection: a try that nobody goes on with would keep the command for its lease.
 */
async function stage<T>(
  { sql, clock, wake }: CommandDeps,
  commandId: string,
  work: (stage: Stage) => Promise<Staged<T>>,
): Promise<T | null> {
  const staged = await beginSurely(sql, async (tx): Promise<Staged<T> | null> => {
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

/**
 * Moves the command with its event, behind the events of the caller; at an end the balance decides
 * again over the supply. Events come last, because other transactions wait for them.
 */
async function move(
  { tx, command, nowMs }: Stage,
  step: Move,
  news: readonly EventBlock[] = [],
): Promise<readonly Bell[]> {
  const { companyId, meterId, accountId, kind, cause, id: commandId } = command;
  const { state, detail } = step;
  const from = { from: [command.state], atMs: nowMs, failureCode: step.failureCode ?? null };
  await moveCommand(tx, commandId, { ...step, ...from });
  const moved = { commandId, companyId, meterId, accountId, kind, cause, state, detail } as const;
  const told = [...news, commandEvent({ ...moved, atMs: nowMs })];
  const bells: Bell[] = [{ kind: 'events', shard: eventShardOf(companyId) }];
  if (isOpen(state) || accountId === null) {
    for (const event of told) await appendEvent(tx, event);
    return bells;
  }
  const accountIds = [accountId];
  const review = await reviewSupply(tx, { companyId, accountIds, nowMs, tellFirst: told });
  return review.commandsRequested ? [...bells, { kind: 'commands' }] : bells;
}

function targetOf(command: CommandRow): SwitchTarget | null {
  const { meterId, busId, unitId, mapName, contactorUnitId, contactorCoil } = command;
  const { limiterRegister } = command;
  const needsLimiter = command.kind === 'limit' || command.kind === 'unlimit';
  if (needsLimiter && limiterRegister === null) return null;
  if (busId === null || unitId === null || contactorUnitId === null || contactorCoil === null) {
    return null;
  }
  return { meterId, busId, unitId, mapName, contactorUnitId, contactorCoil, limiterRegister };
}

/** What the same function says as when it was requested, as if nothing were open. */
async function seenAgain({ tx, command, nowMs }: Stage): Promise<KnownSupply | null> {
  const { companyId, meterId } = command;
  const [seen] = await readSupplies(tx, { companyId, meterId, nowMs });
  if (seen === undefined || seen.accountId !== command.accountId) return null;
  const facts = seen.facts === null ? null : { ...seen.facts, openCommand: null, coolDown: null };
  return { ...seen, facts };
}

/**
 * A cut by hand is of whoever lived there when it was asked for, and of somebody who is protected
 * by now it takes two people as ever.
 */
async function withdrawnByHand(
  { tx, command }: Stage,
  seen: KnownSupply | null,
): Promise<string | null> {
  if (seen === null) return 'AGREEMENT_ENDED';
  if ((seen.facts?.protections ?? []).length === 0) return null;
  const people = await readCommandPeople(tx, command.id);
  return people.length < 2 ? 'SECOND_PERSON_NEEDED' : null;
}

/** A cut is decided again at the moment of sending; null lets it go. */
async function withdrawnBecause(current: Stage, seen: KnownSupply | null): Promise<string | null> {
  const { command } = current;
  if (!isCutKind(command.kind)) return null;
  if (command.cause === 'manual') return withdrawnByHand(current, seen);
  const facts = seen?.facts ?? null;
  if (facts === null) return 'AGREEMENT_ENDED';
  const { action, findings } = decideSupply(facts);
  if (action === command.kind) return null;
  if (!isAtLimit(facts)) return 'BALANCE_ABOVE_LIMIT';
  return findings.find(({ prevents }) => prevents)?.rule ?? 'CUT_NOT_DUE';
}

async function certifySending({ tx, command, nowMs }: Stage, seen: KnownSupply): Promise<void> {
  const { id: commandId, companyId, meterId, accountId, kind, cause } = command;
  const { facts, policyId } = seen;
  // A person's own words stand in the audit.
  const reason = cause === 'manual' ? 'MANUAL' : command.reason;
  const findings = facts === null ? [] : decideSupply(facts).findings;
  const what = { commandId, companyId, meterId, accountId, kind, cause, reason, people: [] };
  const why = { policyId, facts, findings };
  await certify(tx, { ...what, ...why }, { stage: 'sent', atMs: nowMs });
}

/** How a command ends that must not be sent (any more), or null. */
async function endBeforeSending(current: Stage, seen: KnownSupply | null): Promise<Move | null> {
  const { command, nowMs } = current;
  if (nowMs > command.notAfterMs) {
    const detail = 'COMMAND_EXPIRED';
    return { state: 'expired', detail, failureCode: detail, nextAttemptAtMs: nowMs };
  }
  const withdrawn = await withdrawnBecause(current, seen);
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

/** Somebody has to go there: the device did not do it by itself. */
async function orderWork({ tx, command, nowMs }: Stage, failureCode: string): Promise<void> {
  const { id: commandId, companyId, meterId, kind, attempts } = command;
  await openWorkOrder(tx, {
    id: derivedId('work_order', 'command_failed', commandId),
    companyId,
    meterId,
    kind: 'command_failed',
    detail: { commandId, command: kind, failureCode, attempts },
    atMs: nowMs,
  });
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
  const seen = await seenAgain(current);
  const end = await endBeforeSending(current, seen);
  if (end !== null) {
    const bells = await move(current, end);
    // Nobody else takes back what a person has begun.
    const isHalfDone = command.cause === 'manual' && command.attempts > 0;
    if (end.state === 'failed' || isHalfDone) await orderWork(current, end.detail);
    return { value: rest(end.state, null), bells };
  }
  if (seen !== null) await certifySending(current, seen);
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

async function failIn(current: Stage, failureCode: string): Promise<Staged<SendResult>> {
  const { attempts } = current.command;
  const isLast = attempts >= commandAttemptsMax;
  const state = isLast ? 'failed' : 'queued';
  const backOffMs = commandBackOffMsMin * 2 ** Math.max(0, attempts - 1);
  const nextAttemptAtMs = current.nowMs + (isLast ? commandCoolDownMsMin : backOffMs);
  const bells = await move(current, { state, detail: failureCode, failureCode, nextAttemptAtMs });
  if (isLast) await orderWork(current, failureCode);
  return { value: { state, retryAtMs: isLast ? null : nextAttemptAtMs }, bells };
}

function failTry(
  deps: CommandDeps,
  sent: CommandRow,
  failureCode: string,
): Promise<SendResult | null> {
  return stageOfTry(deps, sent, (current) => failIn(current, failureCode));
}

function acknowledge(deps: CommandDeps, sent: CommandRow): Promise<SendResult | null> {
  return stageOfTry(deps, sent, async (current) => {
    const nextAttemptAtMs = current.nowMs + commandLeaseMsMax;
    const step = { state: 'acknowledged', detail: 'written', nextAttemptAtMs } as const;
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
    const { id: commandId, meterId, companyId, kind, cause } = sent;
    // Exchanged meanwhile: the contactor is another meter's, by which this is taken back.
    if (targetOf(current.command) === null) return failIn(current, 'DEVICE_NOT_REACHABLE');
    const state = supplyAfter(kind);
    await upsertSupply(tx, { meterId, companyId, state, cause, sinceMs: nowMs, commandId });
    await watchSupply(tx, { command: sent, seen: await seenAgain(current) }, nowMs);
    const told = await tellSupply(tx, sent, nowMs);
    const detail = powerW === null ? 'read back' : `read back, ${powerW} W`;
    const step = { state: 'verified', detail, nextAttemptAtMs: nowMs } as const;
    const bells = await move(current, step, told === null ? [] : [told]);
    return { value: { state: 'verified', retryAtMs: null }, bells };
  });
}

/** A reconnection leaves no limit behind: who gets light gets all of it. */
async function write(link: CommandLink, target: SwitchTarget, command: CommandRow) {
  switch (command.kind) {
    case 'disconnect':
      return link.writeSwitch(target, false);
    case 'reconnect': {
      const cleared = target.limiterRegister === null ? null : await link.writeLimit(target, 0);
      return cleared === null || cleared.ok ? link.writeSwitch(target, true) : cleared;
    }
    case 'limit':
      return link.writeLimit(target, command.limitW ?? 0);
    case 'unlimit':
      return link.writeLimit(target, 0);
    default:
      return assertNever(command.kind);
  }
}

function readBack(link: CommandLink, target: SwitchTarget, command: CommandRow) {
  switch (command.kind) {
    case 'disconnect':
    case 'reconnect':
      return link.verifySwitch(target, command.kind === 'reconnect');
    case 'limit':
    case 'unlimit':
      return link.verifyLimit(target, command.kind === 'limit' ? (command.limitW ?? 0) : 0);
    default:
      return assertNever(command.kind);
  }
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
  const written = await write(deps.link, target, command);
  if (!written.ok) return (await failTry(deps, command, written.code)) ?? nothing;
  const acknowledged = await acknowledge(deps, command);
  if (acknowledged?.state !== 'acknowledged') return acknowledged ?? nothing;
  const verified = await readBack(deps.link, target, command);
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
