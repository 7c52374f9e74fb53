import { createHash } from 'node:crypto';
import type { DecisionRow } from '../../db/veeDecisions.ts';
import type { Finding } from '../../domain/vee/finding.ts';
import type { OtherCheck, VeeRule } from '../../domain/vee/ruleName.ts';
import type { Span } from '../../domain/vee/window.ts';

/**
 * What was judged: a local day or a bill; of an estimate, the gap that it fills; of a replacement,
 * the bill that was final.
 */
export type JudgedWindow = Span & {
  readonly kind: 'day' | 'bill';
  /** Of a day that is not complete: only the form of what was sent is judged. */
  readonly isOpen?: boolean;
};
export type DecidedWindow = JudgedWindow | (Span & { readonly kind: 'gap' | 'final' });

/** What a rule of a set found, or a check that stands beside the sets. */
export type Decided = Omit<Finding, 'rule'> & { readonly rule: VeeRule | OtherCheck };

type Register = {
  readonly meterId: number;
  readonly companyId: number;
  readonly channel: number;
};

/**
 * A finding as a row. Its digest is of all that it says, so that the same finding again is the same
 * row, and a released one that says something else later is a new one and holds again.
 */
export function decisionOf(
  register: Register,
  window: DecidedWindow,
  finding: Decided,
): DecisionRow {
  const { meterId, companyId, channel } = register;
  const { rule, outcome, fromMs, toMs, message } = finding;
  const detail = {
    ...finding.detail,
    window: window.kind,
    windowFrom: new Date(window.fromMs).toISOString(),
    windowTo: new Date(window.toMs).toISOString(),
  };
  const facts = JSON.stringify([rule, outcome, fromMs, toMs, Object.entries(detail)]);
  const digest = createHash('sha256').update(facts).digest();
  return { companyId, meterId, channel, fromMs, toMs, rule, outcome, message, detail, digest };
}
