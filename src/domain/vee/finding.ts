import type { VeeRule } from './ruleName.ts';

/** What follows of a finding: somebody is told, the closed bill is held, readings are left out. */
export const ruleOutcomes = ['alert', 'hold', 'reject'] as const;
export type RuleOutcome = (typeof ruleOutcomes)[number];

/** What a rule found about a window [fromMs, toMs) of a register. */
export type Finding = {
  readonly rule: VeeRule;
  readonly outcome: RuleOutcome | 'estimate';
  readonly fromMs: number;
  readonly toMs: number;
  /** What was seen, against which limit, and what to do. */
  readonly message: string;
  /** The figures behind it, whole numbers as texts with their unit in the name. */
  readonly detail: Readonly<Record<string, string>>;
  /** Readings of the register that `reject` leaves out, ascending; empty: there is none to name. */
  readonly readingsAtMs: readonly number[];
};

/** What one rule saw; the set says what follows. */
export type Seen = Omit<Finding, 'rule' | 'outcome'>;
