import type { Transaction } from '../../db/connect.ts';
import { agreementsWithin } from '../../db/veeDecisionReads.ts';
import type { DecisionView } from '../../db/veeDecisionReads.ts';
import { microsOf, sumFractions } from '../../domain/exact.ts';
import { billAt, carryInto } from '../../domain/lab/history.ts';
import type { History } from '../../domain/lab/history.ts';
import { decisionEffectDaysMax } from '../../domain/vee/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { Load } from '../../domain/rating/load.ts';
import { rateLoad } from '../../domain/rating/rateLoad.ts';
import type { RateRefusal } from '../../domain/rating/rateLoad.ts';
import { slotMs, slotOf, slotStartMs } from '../../domain/rating/slot.ts';
import { dayMs } from '../../domain/time/civil.ts';
import type { Span } from '../../domain/vee/window.ts';
import { readHistory } from '../lab/readHistory.ts';
import type { HistoryCode } from '../lab/readHistory.ts';

/** What hangs on a decision in money: the bills that its window lies in, rated twice. */
export type DecisionEffect = {
  readonly agreementId: number;
  readonly currency: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** As the series stands. */
  readonly withMicros: bigint;
  /** Of an estimate: its energy as even as time; else: without the energy of the window. */
  readonly withoutMicros: bigint;
};

export type EffectCode = HistoryCode | RateRefusal | 'AGREEMENT_NOT_FOUND' | 'WINDOW_TOO_LONG';

/** The window's energy spread over it evenly: whole units, their sum the same. */
function spreadEvenly(column: Float64Array, { from, to }: { from: number; to: number }): void {
  let sum = 0;
  let count = 0;
  for (let at = from; at < to; at += 1) {
    if (Number.isNaN(column[at])) continue;
    sum += column[at];
    count += 1;
  }
  let seen = 0;
  let laid = 0;
  for (let at = from; at < to; at += 1) {
    if (Number.isNaN(column[at])) continue;
    seen += 1;
    const upTo = Math.floor((sum * seen) / count);
    column[at] = upTo - laid;
    laid = upTo;
  }
}

function withoutIt(load: Load, decision: DecisionView): Load {
  const imported = Float64Array.from(load.import);
  const first = slotOf(load.fromMs);
  const from = Math.max(0, slotOf(decision.fromAt.getTime()) - first);
  const to = Math.min(imported.length, slotOf(decision.toAt.getTime() - 1) + 1 - first);
  if (decision.outcome === 'estimate') spreadEvenly(imported, { from, to });
  else imported.fill(0, from, Math.max(from, to));
  return { ...load, import: imported };
}

function totalOf(history: History, { fromMs, toMs }: Span): Outcome<bigint, RateRefusal> {
  const carryIn = carryInto(history, fromMs);
  if (!carryIn.ok) return carryIn;
  const rated = rateLoad({ ...history, fromMs, toMs, carryIn: carryIn.value });
  if (!rated.ok) return rated;
  return accept(microsOf(sumFractions(rated.value.bills.map(({ total }) => total))));
}

/** The whole bills that the decision's window touches, as far as the agreement goes. */
function billsAround(history: History, { fromMs, toMs }: Span): Outcome<Span, RateRefusal> {
  const first = billAt(history, Math.max(fromMs, history.validFromMs));
  if (!first.ok) return first;
  const last = billAt(history, Math.min(toMs, history.validToMs) - slotMs);
  if (!last.ok) return last;
  return accept({ fromMs: first.value.fromMs, toMs: last.value.toMs });
}

/** Of the agreement that was in force first in the decision's window; posts nothing. */
export async function decisionEffect(
  tx: Transaction,
  companyId: number,
  decision: DecisionView,
): Promise<Outcome<DecisionEffect, EffectCode>> {
  const window = {
    fromMs: slotStartMs(slotOf(decision.fromAt.getTime())),
    toMs: slotStartMs(slotOf(decision.toAt.getTime() - 1) + 1),
  };
  if (window.toMs - window.fromMs > decisionEffectDaysMax * dayMs) {
    const message = `The window has more than ${decisionEffectDaysMax} days: ask for its bills.`;
    return refuse('WINDOW_TOO_LONG', message);
  }
  const { servicePointId } = decision;
  const [agreement] = await agreementsWithin(tx, { servicePointId, ...window });
  if (agreement === undefined) {
    return refuse('AGREEMENT_NOT_FOUND', 'Nobody is billed for this time: there is no agreement.');
  }
  const { agreementId, currency } = agreement;
  const month = 32 * dayMs;
  const read = await readHistory(tx, {
    companyId,
    agreementId,
    fromMs: window.fromMs,
    toMs: window.toMs + month,
  });
  if (!read.ok) return read;
  const { history } = read.value;
  const bills = billsAround(history, window);
  if (!bills.ok) return bills;
  const withIt = totalOf(history, bills.value);
  if (!withIt.ok) return withIt;
  const load = withoutIt(history.load, decision);
  const without = totalOf({ ...history, load }, bills.value);
  if (!without.ok) return without;
  const amounts = { withMicros: withIt.value, withoutMicros: without.value };
  return accept({ agreementId, currency, ...bills.value, ...amounts });
}
