import { cutKindOf, effectiveReconnectMicros, isAtLimit, isCutKind } from './supplyFacts.ts';
import type { CommandKind, SupplyFacts } from './supplyFacts.ts';
import { findingsOf, isCutAlready } from './supplyFindings.ts';
import type { SupplyFinding } from './supplyFindings.ts';

export type SupplyReason =
  | 'BALANCE_AT_LIMIT'
  | 'BALANCE_ABOVE_LIMIT'
  | 'BALANCE_RESTORED'
  | 'POLICY_LIMITS'
  | 'SUPPLY_UNCERTAIN';

export type SupplyAction = CommandKind | 'cancelOpenCut';

export type SupplyDecision = {
  /** Null: nothing is to be done now. */
  readonly action: SupplyAction | null;
  readonly reason: SupplyReason | null;
  /** Every rule of a cut in a fixed order, with what it says, whatever the action is. */
  readonly findings: readonly SupplyFinding[];
  /**
   * Where a cut is due by the balance and something prevents it: the first instant at which it
   * may be allowed, as far as is known now. Null: not due, or only an event can allow it.
   */
  readonly askAgainMs: number | null;
};

function isCooling(facts: SupplyFacts, kind: CommandKind): boolean {
  return facts.coolDown?.kind === kind && facts.coolDown.remainingMs > 0;
}

function decideRestore(
  facts: SupplyFacts,
): { readonly action: CommandKind; readonly reason: SupplyReason } | null {
  const isFree = facts.mode === 'postpaid';
  const isRestored = isFree || facts.balanceMicros >= effectiveReconnectMicros(facts);
  const isAbove = isFree || !isAtLimit(facts);
  // A limit says nothing of the contactor: whoever is cut is switched on before it.
  const limited =
    facts.policy.loadLimit === null
      ? null
      : ({ action: 'reconnect', reason: 'POLICY_LIMITS' } as const);
  switch (facts.supply) {
    case 'connected':
      return null;
    case 'disconnected':
      return isRestored ? { action: 'reconnect', reason: 'BALANCE_RESTORED' } : limited;
    case 'limited':
      return isRestored ? { action: 'unlimit', reason: 'BALANCE_RESTORED' } : null;
    case 'uncertain':
      return isAbove ? { action: 'reconnect', reason: 'SUPPLY_UNCERTAIN' } : limited;
    case 'limitUncertain':
      return isAbove ? { action: 'unlimit', reason: 'SUPPLY_UNCERTAIN' } : null;
  }
}

function askAgainAt(facts: SupplyFacts, findings: readonly SupplyFinding[]): number | null {
  if (!isAtLimit(facts)) return null;
  const times = findings
    .filter(({ prevents }) => prevents)
    .map(({ untilMs }) => untilMs)
    .filter((ms) => ms !== null);
  // The last of those that are known; whatever else prevents it is found when it is asked.
  return times.length === 0 ? null : Math.max(...times);
}

/**
 * What the balance asks of the supply. On any doubt the supply stays on: no cut on old or doubted
 * data, none that the policy, a protection, the weather or the breaker prevents, none on top of an
 * order that is open, and a cut of unknown end is taken back as soon as the balance allows.
 */
export function decideSupply(facts: SupplyFacts): SupplyDecision {
  const findings = findingsOf(facts);
  const nothing = { action: null, reason: null, findings, askAgainMs: askAgainAt(facts, findings) };
  const { openCommand } = facts;
  if (openCommand !== null) {
    const isCancellable =
      isCutKind(openCommand.kind) && openCommand.cause === 'automatic' && !openCommand.isUnderway;
    return isCancellable && !isAtLimit(facts)
      ? { ...nothing, action: 'cancelOpenCut', reason: 'BALANCE_ABOVE_LIMIT' }
      : nothing;
  }
  if (facts.supply !== 'connected' && facts.supplyCause === 'manual') return nothing;
  const restore = decideRestore(facts);
  if (restore !== null) {
    return isCooling(facts, restore.action) ? nothing : { ...nothing, ...restore };
  }
  if (findings.some(({ prevents }) => prevents)) return nothing;
  return { ...nothing, action: cutKindOf(facts), reason: 'BALANCE_AT_LIMIT' };
}

/** By its balance it is to be cut, and is not: what prevents a cut then keeps the supply on. */
export function isCutDue(facts: SupplyFacts): boolean {
  return isAtLimit(facts) && !isCutAlready(facts);
}

/** Whether a supply that a person switches on now would be cut again: nothing prevents it. */
export function wouldCutAgain(facts: SupplyFacts): boolean {
  const on = { supply: 'connected', supplyCause: 'automatic' } as const;
  const fresh = { openCommand: null, coolDown: null } as const;
  return decideSupply({ ...facts, ...on, ...fresh }).reason === 'BALANCE_AT_LIMIT';
}
