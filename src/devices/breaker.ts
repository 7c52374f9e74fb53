import { assert } from '../domain/assert.ts';
import { breakerBackOffMsMax, breakerBackOffMsMin, breakerFailuresMax } from './limits.ts';

/** One device's breaker: keeps a dead unit from spending the time of all others on its bus. */
export type Breaker = {
  readonly failuresInRow: number;
  /** How often it has opened since the last answer: the exponent of the back-off. */
  readonly openings: number;
  readonly openUntilMs: number;
};

export type BreakerState = 'closed' | 'open' | 'halfOpen';

export const closedBreaker: Breaker = { failuresInRow: 0, openings: 0, openUntilMs: 0 };

export function breakerState(breaker: Breaker, nowMs: number): BreakerState {
  if (breaker.openings === 0) return 'closed';
  return nowMs < breaker.openUntilMs ? 'open' : 'halfOpen';
}

export function breakerAfterFailure(
  breaker: Breaker,
  { nowMs, random }: { nowMs: number; random: number },
): Breaker {
  const failuresInRow = breaker.failuresInRow + 1;
  if (failuresInRow < breakerFailuresMax) return { ...breaker, failuresInRow };
  const delayMs = backOffMs({
    attempt: breaker.openings,
    minMs: breakerBackOffMsMin,
    maxMs: breakerBackOffMsMax,
    random,
  });
  return { failuresInRow, openings: breaker.openings + 1, openUntilMs: nowMs + delayMs };
}

/** Doubles with every attempt up to the bound; the upper half is chance, so that peers spread. */
export function backOffMs(options: {
  attempt: number;
  minMs: number;
  maxMs: number;
  random: number;
}): number {
  const { attempt, minMs, maxMs, random } = options;
  assert(attempt >= 0 && random >= 0 && random < 1, 'attempt counts from 0, random lies in [0, 1)');
  const fullMs = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
  return Math.round(fullMs * (0.5 + random / 2));
}
