import { assertNever } from '../assert.ts';
import type { PrepaidPolicy } from '../prepaid/policy.ts';

/** A contactor opens or closes; a limiter lets less flow or all. */
export type SwitchKind = 'disconnect' | 'reconnect';
export type CommandKind = SwitchKind | 'limit' | 'unlimit';
export type CommandCause = 'automatic' | 'manual';

export const protectionKinds = ['life_support', 'medical', 'vulnerable', 'dispute'] as const;
export type ProtectionKind = (typeof protectionKinds)[number];
export const advisoryKinds = ['heat', 'cold', 'storm'] as const;
export type AdvisoryKind = (typeof advisoryKinds)[number];

/** What is known of one meter's supply when the account's lock is held. */
export type MeterFacts = {
  readonly mode: 'prepaid' | 'postpaid';
  readonly balanceMicros: bigint;
  /** At or below it a prepaid supply is cut; below zero it is an overdraft. */
  readonly balanceLimitMicros: bigint;
  /** At or above it an automatic cut is undone. */
  readonly reconnectMicros: bigint;
  /**
   * `uncertain`: a disconnection was tried and its end is not known; the contactor may stand
   * either way. `limitUncertain`: the same of a limit.
   */
  readonly supply: 'connected' | 'disconnected' | 'limited' | 'uncertain' | 'limitUncertain';
  /** Who is behind that state. A person's cut is not undone by a payment. */
  readonly supplyCause: CommandCause;
  readonly openCommand: {
    readonly kind: CommandKind;
    readonly cause: CommandCause;
    /** On its way to the device: it cannot be called back. */
    readonly isUnderway: boolean;
  } | null;
  /** Of the newest reading behind the balance; null when there is none. */
  readonly readAgeMs: number | null;
  /** Validation holds readings of the account's meters until somebody has looked. */
  readonly isDoubted: boolean;
  /** The last try failed: how much longer the same kind is not repeated by itself. */
  readonly coolDown: { readonly kind: CommandKind; readonly remainingMs: number } | null;
  /** Its meter takes a limit of power. */
  readonly canLimit: boolean;
  readonly timeZone: string;
};

/** What is promised to the account, and what was said about it and its region. */
export type SupplyRules = {
  /** When it is decided, or would be. */
  readonly atMs: number;
  readonly policy: PrepaidPolicy;
  /** Taken and not paid back: the limit lies so much lower. */
  readonly emergencyCreditMicros: bigint;
  /** Those that hold at the instant; null: until a person ends it. */
  readonly protections: readonly { readonly kind: ProtectionKind; readonly toMs: number | null }[];
  readonly advisories: readonly {
    readonly kind: AdvisoryKind;
    readonly fromMs: number;
    readonly toMs: number;
  }[];
  /** Of this breach of the limit: when the customer was told of the cut, and when it arrived. */
  readonly notice: {
    readonly sentAtMs: number | null;
    readonly deliveredAtMs: number | null;
    /** It is not on its way, and is not tried again. */
    readonly isGivenUp: boolean;
  } | null;
  /** Too many cuts of the region at once wait for two people. */
  readonly isBreakerTripped: boolean;
  /** Automatic cuts of the region within the breaker's window. */
  readonly cutsInWindow: number;
  /** False after the database came back from a backup, until somebody has reconciled it. */
  readonly isReconciled: boolean;
};

export type SupplyFacts = MeterFacts & SupplyRules;

/** At or below it a prepaid supply is cut: the agreement's, no higher than the law, less lent. */
export function effectiveLimitMicros(facts: SupplyFacts): bigint {
  const { policy, balanceLimitMicros: agreed, emergencyCreditMicros } = facts;
  const allowed = policy.balanceLimits?.disconnectionMaxMicros ?? agreed;
  return (agreed < allowed ? agreed : allowed) - emergencyCreditMicros;
}

/** At or above it a cut is undone; what is lent lowers it like the limit, else a loan in the dark
 * would not bring the light back. */
export function effectiveReconnectMicros(facts: SupplyFacts): bigint {
  const { policy, reconnectMicros: agreed, emergencyCreditMicros } = facts;
  const allowed = policy.balanceLimits?.connectionMaxMicros ?? agreed;
  const level = (agreed < allowed ? agreed : allowed) - emergencyCreditMicros;
  // A reconnection at or below the limit would be followed by the next cut.
  const above = effectiveLimitMicros(facts) + 1n;
  return level > above ? level : above;
}

/** Postpaid supplies are never cut by a balance. */
export function isAtLimit(facts: SupplyFacts): boolean {
  return facts.mode === 'prepaid' && facts.balanceMicros <= effectiveLimitMicros(facts);
}

/** What an automatic cut of this supply is: where the policy limits instead, a limit. */
export function cutKindOf(facts: SupplyFacts): 'disconnect' | 'limit' {
  return facts.policy.loadLimit === null ? 'disconnect' : 'limit';
}

/** How a supply stands once the command is verified. */
export function supplyAfter(kind: CommandKind): 'connected' | 'disconnected' | 'limited' {
  switch (kind) {
    case 'disconnect':
      return 'disconnected';
    case 'limit':
      return 'limited';
    case 'reconnect':
    case 'unlimit':
      return 'connected';
    default:
      return assertNever(kind);
  }
}

export function isCutKind(kind: CommandKind): kind is 'disconnect' | 'limit' {
  return kind === 'disconnect' || kind === 'limit';
}
