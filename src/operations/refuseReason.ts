import { commandReasonLengthMax } from '../domain/command/limits.ts';
import { refuse } from '../domain/outcome.ts';
import type { Refused } from '../domain/outcome.ts';

export type ReasonCode = 'REASON_MISSING' | 'REASON_TOO_LONG';

/** What a person decides stands in the audit with its reason: not without one, nor with a book. */
export function refuseReason(reason: string): Refused<ReasonCode> | null {
  if (reason.trim() === '') {
    const message = 'The audit needs a reason. Say in a few words why; nothing was changed.';
    return refuse('REASON_MISSING', message, ['reason']);
  }
  if (reason.length > commandReasonLengthMax) {
    const message = `The reason has at most ${commandReasonLengthMax} characters; shorten it.`;
    return refuse('REASON_TOO_LONG', message, ['reason']);
  }
  return null;
}
