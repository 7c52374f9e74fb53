import type { AgreementAttributes, Carry } from './bill.ts';

/** What decides a bill beside its readings and its tariff. */
export type Settlement = {
  readonly attributes: AgreementAttributes;
  readonly carryIn: Carry;
  /**
   * Null for a bill that is complete. Otherwise the instant up to which the bill has run: it is
   * the running form, exact and without minima, true-ups and the tariff's own rounding.
   */
  readonly openUntilMs: number | null;
  /** Local days, not overlapping, that carry no standing charge; absent: none. */
  readonly idle?: readonly IdleSpan[];
};

/** A whole local day on which the supply was off. */
export type IdleSpan = { readonly fromMs: number; readonly toMs: number };
