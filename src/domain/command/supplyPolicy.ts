import { cutDataAgeMsMax } from '../limits.ts';

export type SwitchKind = 'disconnect' | 'reconnect';
export type CommandCause = 'automatic' | 'manual';

/** What is known of one meter's supply when the account's lock is held. */
export type SupplyFacts = {
  readonly mode: 'prepaid' | 'postpaid';
  readonly balanceMicros: bigint;
  /** At or below it a prepaid supply is cut. */
  readonly balanceLimitMicros: bigint;
  /** At or above it an automatic cut is undone. */
  readonly reconnectMicros: bigint;
  /**
   * `uncertain`: a disconnection was tried and its end is not known; the contactor may stand
   * either way.
   */
  readonly supply: 'connected' | 'disconnected' | 'uncertain';
  /** Who is behind that state. A person's cut is not undone by a payment. */
  readonly supplyCause: CommandCause;
  readonly openCommand: {
    readonly kind: SwitchKind;
    readonly cause: CommandCause;
    /** On its way to the device: it cannot be called back. */
    readonly isUnderway: boolean;
  } | null;
  /** Of the newest reading behind the balance; null when there is none. */
  readonly readAgeMs: number | null;
  /** Validation holds readings of the account's meters until somebody has looked. */
  readonly isDoubted: boolean;
  /** The last try failed: how much longer the same kind is not repeated by itself. */
  readonly coolDown: { readonly kind: SwitchKind; readonly remainingMs: number } | null;
};

export type SupplyReason =
  | 'BALANCE_AT_LIMIT'
  | 'BALANCE_ABOVE_LIMIT'
  | 'BALANCE_RESTORED'
  | 'SUPPLY_UNCERTAIN';

export type SupplyDecision = {
  readonly action: SwitchKind | 'cancelOpenDisconnect';
  readonly reason: SupplyReason;
};

function isCooling(facts: SupplyFacts, kind: SwitchKind): boolean {
  return facts.coolDown?.kind === kind && facts.coolDown.remainingMs > 0;
}

function decideReconnect(facts: SupplyFacts): SupplyDecision | null {
  if (isCooling(facts, 'reconnect')) return null;
  const isFree = facts.mode === 'postpaid';
  switch (facts.supply) {
    case 'connected':
      return null;
    case 'disconnected':
      return isFree || facts.balanceMicros >= facts.reconnectMicros
        ? { action: 'reconnect', reason: 'BALANCE_RESTORED' }
        : null;
    case 'uncertain':
      return isFree || facts.balanceMicros > facts.balanceLimitMicros
        ? { action: 'reconnect', reason: 'SUPPLY_UNCERTAIN' }
        : null;
  }
}

/**
 * What the balance asks of the supply, or null for nothing. On any doubt the supply stays on: no
 * cut on old or doubted data, none on top of an order that is open, and a cut of unknown end is
 * taken back as soon as the balance allows.
 */
export function decideSupply(facts: SupplyFacts): SupplyDecision | null {
  const isAtLimit = facts.mode === 'prepaid' && facts.balanceMicros <= facts.balanceLimitMicros;
  const { openCommand } = facts;
  if (openCommand !== null) {
    const isCancellable =
      openCommand.kind === 'disconnect' &&
      openCommand.cause === 'automatic' &&
      !openCommand.isUnderway;
    return isCancellable && !isAtLimit
      ? { action: 'cancelOpenDisconnect', reason: 'BALANCE_ABOVE_LIMIT' }
      : null;
  }
  if (facts.supply !== 'connected' && facts.supplyCause === 'manual') return null;
  const reconnect = decideReconnect(facts);
  if (reconnect !== null) return reconnect;
  if (!isAtLimit || facts.supply === 'disconnected' || isCooling(facts, 'disconnect')) return null;
  const isFresh = facts.readAgeMs !== null && facts.readAgeMs <= cutDataAgeMsMax;
  return isFresh && !facts.isDoubted ? { action: 'disconnect', reason: 'BALANCE_AT_LIMIT' } : null;
}
