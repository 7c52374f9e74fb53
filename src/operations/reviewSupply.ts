import { insertCommand, moveCommand } from '../db/commands.ts';
import type { CommandState } from '../db/commands.ts';
import type { Statement } from '../db/connect.ts';
import { appendEvent, eventShardOf, plainEvent } from '../db/events.ts';
import type { EventBlock } from '../db/events.ts';
import { holdCuts, insertBreakerTrip, writeSupplyWaits } from '../db/protections.ts';
import { cutKindOf, isAtLimit, isCutKind } from '../domain/command/supplyFacts.ts';
import type { CommandCause, CommandKind, SupplyFacts } from '../domain/command/supplyFacts.ts';
import { decideSupply } from '../domain/command/supplyPolicy.ts';
import type { SupplyDecision } from '../domain/command/supplyPolicy.ts';
import {
  automaticDisconnectMsMax,
  reconnectMsMax,
  supplyAskAgainMs,
} from '../domain/command/limits.ts';
import { derivedId } from './derivedId.ts';
import { certify } from './supply/certificate.ts';
import { readBreaker, readSupplies } from './supply/supplyFacts.ts';
import type { KnownSupply } from './supply/supplyFacts.ts';

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
  readonly kind: CommandKind;
  readonly cause: CommandCause;
  readonly state: CommandState;
  readonly detail: string;
  readonly atMs: number;
};

/** One event a command, never several in one: each client sees the whole detail of its events. */
export function commandEvent(news: CommandNews): EventBlock {
  const { companyId, meterId, accountId, atMs, ...detail } = news;
  const subjects = [{ meterId, accountId: accountId ?? 0 }];
  return plainEvent({ companyId, kind: 'command', atMs, subjects, detail });
}

type Query = { readonly companyId: number; readonly nowMs: number };
/** News are told at the end: whoever else has something to tell waits from there on. */
type Context = Query & { readonly news: EventBlock[] };
/** A supply with an agreement, and what its balance asks for. */
type Decided = {
  readonly meter: KnownSupply;
  readonly facts: SupplyFacts;
  readonly decision: SupplyDecision;
};

function decide(meter: KnownSupply): Decided | null {
  const { facts } = meter;
  return facts === null ? null : { meter, facts, decision: decideSupply(facts) };
}

async function request(
  tx: Statement,
  { companyId, nowMs, news }: Context,
  { meter, facts, decision }: Decided,
  kind: CommandKind,
): Promise<string | null> {
  const { meterId, accountId } = meter;
  const reason = decision.reason ?? '';
  const commandId = derivedId(
    'automatic',
    String(meterId),
    String(meter.commands),
    kind,
    String(nowMs),
  );
  const msMax = isCutKind(kind) ? automaticDisconnectMsMax : reconnectMsMax;
  const cause = 'automatic';
  const requestedBy = 'supply policy';
  const isNew = await insertCommand(tx, {
    id: commandId,
    companyId,
    meterId,
    accountId,
    kind,
    limitW: kind === 'limit' ? (facts.policy.loadLimit?.powerW ?? null) : null,
    cause,
    reason,
    requestedBy,
    requestedAtMs: nowMs,
    notAfterMs: nowMs + msMax,
  });
  if (!isNew) return null;
  const command = { commandId, companyId, meterId, accountId, kind, cause } as const;
  const { findings } = decision;
  const why = { reason, people: [requestedBy], policyId: meter.policyId, facts, findings };
  await certify(tx, { ...command, ...why }, { stage: 'requested', atMs: nowMs });
  news.push(commandEvent({ ...command, atMs: nowMs, state: 'requested', detail: reason }));
  return commandId;
}

/** By region, what its breaker has seen; exact while this transaction holds the count. */
type Breakers = Map<string, { isBreakerTripped: boolean; cutsInWindow: number }>;

/**
 * Counts the cuts of the region under the lock that all cuts of the company take, and decides once
 * more: the one that is too many trips the breaker instead.
 */
async function requestCut(
  tx: Statement,
  context: Context,
  decided: Decided,
  breakers: Breakers,
): Promise<string | null> {
  const { companyId, nowMs } = context;
  const { region } = decided.meter;
  if (breakers.size === 0) await holdCuts(tx, eventShardOf(companyId));
  const breaker =
    breakers.get(region) ?? (await readBreaker(tx, { companyId, region, facts: decided.facts }));
  breakers.set(region, breaker);
  const facts = { ...decided.facts, ...breaker };
  const decision = decideSupply(facts);
  if (decision.action !== null && decision.action === decided.decision.action) {
    const commandId = await request(tx, context, { ...decided, facts, decision }, cutKindOf(facts));
    if (commandId !== null) breaker.cutsInWindow += 1;
    return commandId;
  }
  if (!breaker.isBreakerTripped && breaker.cutsInWindow >= facts.policy.breaker.cutsMax) {
    const id = derivedId('breaker', String(companyId), region, String(nowMs));
    const cuts = breaker.cutsInWindow + 1;
    await insertBreakerTrip(tx, { id, companyId, region, cuts, atMs: nowMs });
    breaker.isBreakerTripped = true;
  }
  return null;
}

async function cancel(
  tx: Statement,
  { companyId, nowMs, news }: Context,
  { meter, decision }: Decided,
): Promise<string | null> {
  const { meterId, accountId, openCommandId: commandId } = meter;
  const openKind = meter.facts?.openCommand?.kind;
  if (commandId === null || openKind === undefined) return null;
  const reason = decision.reason ?? '';
  const step = { state: 'cancelled', atMs: nowMs, detail: reason } as const;
  // A sender may have taken it since it was read: then it is underway and decides for itself.
  const isMoved = await moveCommand(tx, commandId, {
    ...step,
    from: ['requested', 'queued'],
    nextAttemptAtMs: nowMs,
    failureCode: null,
  });
  if (!isMoved) return null;
  const what = { kind: openKind, cause: 'automatic' } as const;
  const command = { commandId, companyId, meterId, accountId, ...what } as const;
  news.push(commandEvent({ ...command, state: step.state, detail: reason, atMs: nowMs }));
  return commandId;
}

/** When a cut that is due and did not come is decided again; null where none is due. */
function waitOf({ facts, decision }: Decided, nowMs: number): number | null {
  if (!isAtLimit(facts) || facts.openCommand !== null) return null;
  if (facts.supply === 'disconnected') return null;
  if (facts.supply === 'limited' && facts.policy.loadLimit !== null) return null;
  const laterMs = nowMs + supplyAskAgainMs;
  return decision.askAgainMs === null ? laterMs : Math.max(decision.askAgainMs, nowMs + 1);
}

/**
 * Lets the balances of these accounts decide over their supplies: commands are requested or called
 * back in the caller's transaction, which holds the accounts' locks. One open command a meter is a
 * unique index, so many debits below the limit make one cut. A payment may not cut: what is still
 * due after it is decided by the sweep.
 */
export async function reviewSupply(
  tx: Statement,
  {
    accountIds,
    mayCut = true,
    tellFirst = [],
    ...query
  }: Query & {
    readonly accountIds: readonly number[];
    readonly mayCut?: boolean;
    /** What the caller has to tell before it. */
    readonly tellFirst?: readonly EventBlock[];
  },
): Promise<SupplyReview> {
  const { companyId, nowMs } = query;
  const news = [...tellFirst];
  const context = { ...query, news };
  const requested: string[] = [];
  const cancelled: string[] = [];
  const breakers: Breakers = new Map();
  if (accountIds.length === 0) return { commandsRequested: false, requested, cancelled };
  const act = async (decided: Decided): Promise<number | null> => {
    const { meter, decision } = decided;
    const { action } = decision;
    if (action === null) return waitOf(decided, nowMs);
    if (action === 'cancelOpenCut') {
      const commandId = await cancel(tx, context, decided);
      if (commandId !== null) cancelled.push(commandId);
      // The cut may have been tried before: then its end is uncertain and the supply is restored.
      const [after] = await readSupplies(tx, { ...query, meterId: meter.meterId });
      const next = after === undefined ? null : decide(after);
      const isRestore =
        next?.decision.action === 'reconnect' || next?.decision.action === 'unlimit';
      return next !== null && isRestore ? act(next) : null;
    }
    const isCut = isCutKind(action);
    if (isCut && !mayCut) return nowMs;
    const commandId = isCut
      ? await requestCut(tx, context, decided, breakers)
      : await request(tx, context, decided, action);
    if (commandId === null) return isCut ? nowMs + supplyAskAgainMs : null;
    requested.push(commandId);
    return null;
  };
  const waits: Parameters<typeof writeSupplyWaits>[1][number][] = [];
  for (const meter of await readSupplies(tx, { ...query, accountIds })) {
    const decided = decide(meter);
    const askAgainMs = decided === null ? null : await act(decided);
    const { meterId, accountId } = meter;
    if (accountId !== null) waits.push({ meterId, companyId, accountId, askAgainMs });
  }
  await writeSupplyWaits(tx, waits);
  for (const event of news) await appendEvent(tx, event);
  return { commandsRequested: requested.length > 0, requested, cancelled };
}
