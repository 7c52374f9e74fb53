import { insertCommand, moveCommand, readMeterSupplies } from '../db/commands.ts';
import type { CommandState, MeterSupply } from '../db/commands.ts';
import type { Statement } from '../db/connect.ts';
import { appendEvent, plainEvent } from '../db/events.ts';
import { decideSupply } from '../domain/command/supplyPolicy.ts';
import type { CommandCause, SupplyDecision, SwitchKind } from '../domain/command/supplyPolicy.ts';
import { automaticDisconnectMsMax, reconnectMsMax } from '../domain/limits.ts';
import { derivedId } from './derivedId.ts';

export type SupplyReview = {
  /** Somebody should ring for commands after the commit. */
  readonly commandsRequested: boolean;
  readonly requested: readonly string[];
  readonly cancelled: readonly string[];
};

export type CommandNews = {
  readonly commandId: string;
  readonly companyId: number;
  readonly meterId: number;
  readonly accountId: number | null;
  readonly kind: SwitchKind;
  readonly cause: CommandCause;
  readonly state: CommandState;
  readonly detail: string;
  readonly atMs: number;
};

/** One event a command, never several in one: each client sees the whole detail of its events. */
export async function appendCommandEvent(
  tx: Statement,
  { companyId, meterId, accountId, atMs, ...detail }: CommandNews,
): Promise<number> {
  const subjects = [{ meterId, accountId: accountId ?? 0 }];
  const event = plainEvent({ companyId, kind: 'command', atMs, subjects, detail });
  return (await appendEvent(tx, event)).shard;
}

type Context = { readonly companyId: number; readonly nowMs: number };

async function request(
  tx: Statement,
  { companyId, nowMs }: Context,
  meter: MeterSupply,
  { kind, reason }: { kind: SwitchKind; reason: string },
): Promise<string | null> {
  const { meterId, accountId } = meter;
  const commandId = derivedId(
    'automatic',
    String(meterId),
    String(meter.commands),
    kind,
    String(nowMs),
  );
  const msMax = kind === 'disconnect' ? automaticDisconnectMsMax : reconnectMsMax;
  const cause = 'automatic';
  const isNew = await insertCommand(tx, {
    id: commandId,
    companyId,
    meterId,
    accountId,
    kind,
    cause,
    reason,
    requestedBy: 'supply policy',
    requestedAtMs: nowMs,
    notAfterMs: nowMs + msMax,
  });
  if (!isNew) return null;
  const news = { commandId, companyId, meterId, accountId, kind, cause, atMs: nowMs } as const;
  await appendCommandEvent(tx, { ...news, state: 'requested', detail: reason });
  return commandId;
}

async function cancel(
  tx: Statement,
  { companyId, nowMs }: Context,
  meter: MeterSupply,
  reason: string,
): Promise<string | null> {
  const { meterId, accountId, openCommandId: commandId } = meter;
  if (commandId === null) return null;
  const step = { state: 'cancelled', atMs: nowMs, detail: reason } as const;
  // A sender may have taken it since it was read: then it is underway and decides for itself.
  const isMoved = await moveCommand(tx, commandId, {
    ...step,
    from: ['requested', 'queued'],
    nextAttemptAtMs: nowMs,
    failureCode: null,
  });
  if (!isMoved) return null;
  const what = { kind: 'disconnect', cause: 'automatic' } as const;
  const news = { commandId, companyId, meterId, accountId, ...what, state: step.state } as const;
  await appendCommandEvent(tx, { ...news, detail: reason, atMs: nowMs });
  return commandId;
}

/**
 * Lets the balances of these accounts decide over their supplies: commands are requested or called
 * back in the caller's transaction, which holds the accounts' locks. One open command a meter is a
 * unique index, so many debits below the limit make one cut.
 */
export async function reviewSupply(
  tx: Statement,
  { accountIds, ...context }: Context & { readonly accountIds: readonly number[] },
): Promise<SupplyReview> {
  const requested: string[] = [];
  const cancelled: string[] = [];
  if (accountIds.length === 0) return { commandsRequested: false, requested, cancelled };
  const act = async (meter: MeterSupply, decision: SupplyDecision): Promise<void> => {
    const { action, reason } = decision;
    if (action !== 'cancelOpenDisconnect') {
      const commandId = await request(tx, context, meter, { kind: action, reason });
      if (commandId !== null) requested.push(commandId);
      return;
    }
    const commandId = await cancel(tx, context, meter, reason);
    if (commandId !== null) cancelled.push(commandId);
    // The cut may have been tried before: then its end is uncertain and the supply is restored.
    const [after] = await readMeterSupplies(tx, { ...context, meterId: meter.meterId });
    const facts = after?.facts ?? null;
    const next = facts === null ? null : decideSupply(facts);
    if (after !== undefined && next?.action === 'reconnect') await act(after, next);
  };
  for (const meter of await readMeterSupplies(tx, { ...context, accountIds })) {
    const decision = meter.facts === null ? null : decideSupply(meter.facts);
    if (decision !== null) await act(meter, decision);
  }
  return { commandsRequested: requested.length > 0, requested, cancelled };
}
