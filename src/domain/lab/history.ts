import { assert } from '../assert.ts';
import { accept } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { emptyCarry } from '../rating/bill.ts';
import type { AgreementAttributes, Carry } from '../rating/bill.ts';
import { billSpansOf } from '../rating/billSpans.ts';
import type { BillSpan } from '../rating/billSpans.ts';
import { changeColumns } from '../rating/load.ts';
import type { Load } from '../rating/load.ts';
import { rateLoad } from '../rating/rateLoad.ts';
import type { RateRefusal } from '../rating/rateLoad.ts';
import type { IdleSpan } from '../rating/settlement.ts';
import { slotMs } from '../rating/slot.ts';
import type { TariffDocument } from '../tariff/document.ts';
import { instantOfLocal } from '../tariff/localTime.ts';
import type { PriceSeries } from '../tariff/priceSeries.ts';
import { dayMs } from '../time/civil.ts';
import { monthOfLabel, startOfMonthMs } from '../time/month.ts';
import { billingPeriodAt } from '../time/zone.ts';
import { monthsLookedBack } from './lookBack.ts';

/** What an agreement's bills are made of, as far as it is known. */
export type History = {
  readonly documents: readonly TariffDocument[];
  /** The service point's. */
  readonly zone: string;
  readonly load: Load;
  readonly attributes: AgreementAttributes;
  readonly prices: ReadonlyMap<string, PriceSeries>;
  /** Of the agreement, on the slot grid. */
  readonly validFromMs: number;
  /** Infinity while it is open. */
  readonly validToMs: number;
  /** Days that carry no standing charge; absent: none. */
  readonly idle?: readonly IdleSpan[];
};

/** Longer than any month and the days that clocks move. */
const monthMsMax = 33 * dayMs;

function validFromMs({ document, zone }: Pick<BillSpan, 'document' | 'zone'>): number {
  return document.validFrom === null ? -Infinity : instantOfLocal(zone, document.validFrom);
}

/** The whole bill that holds an instant: its month, as far as its version and agreement go. */
export function billAt(history: History, atMs: number): Outcome<BillSpan, RateRefusal> {
  const { documents, zone } = history;
  const toMs = Math.min(atMs + monthMsMax, history.validToMs);
  const spans = billSpansOf(documents, { zone, fromMs: atMs, toMs });
  if (!spans.ok) return spans;
  const [span] = spans.value;
  assert(span !== undefined, 'an instant within the agreement has a bill');
  const { startMs } = billingPeriodAt(span.zone, atMs);
  const fromMs = Math.max(startMs, validFromMs(span), history.validFromMs);
  return accept({ ...span, fromMs });
}

/** What the bills before an instant leave to the one that begins there, from readings alone. */
export function carryInto(history: History, fromMs: number): Outcome<Carry, RateRefusal> {
  const { documents, zone } = history;
  const months = monthsLookedBack(documents);
  const { label } = billingPeriodAt(documents[0]?.zone ?? zone, fromMs);
  const firstMs = startOfMonthMs(documents[0]?.zone ?? zone, monthOfLabel(label) - months);
  const beginMs = Math.max(firstMs, history.validFromMs, firstValidMs(history));
  if (beginMs >= fromMs) return accept(emptyCarry);
  const rated = rateLoad({ ...history, fromMs: beginMs, toMs: fromMs });
  return rated.ok ? accept(rated.value.carryOut) : rated;
}

/** From when on there are bills: months before the first version leave nothing to it. */
export function firstValidMs({ documents, zone }: Pick<History, 'documents' | 'zone'>): number {
  const [document] = documents;
  if (document?.validFrom === null || document === undefined) return -Infinity;
  return validFromMs({ document, zone: document.zone ?? zone });
}

/** The same load, with nothing known from an instant on. */
export function knownUntil(load: Load, untilMs: number): Load {
  const count = Math.max(0, Math.floor((untilMs - load.fromMs) / load.intervalMs));
  return {
    ...load,
    ...changeColumns(load, (column) => column.subarray(0, count)),
    estimated: load.estimated?.subarray(0, count) ?? null,
  };
}

/** The same load with one Wh of import more at an instant, however far ahead it is. */
export function withOneMoreWh(load: Load, atMs: number): Load {
  assert(load.intervalMs === slotMs, 'a stored load is in quarter hours');
  const at = Math.floor((atMs - load.fromMs) / slotMs);
  const count = Math.max(load.import.length, at + 1);
  const longer = (column: Float64Array): Float64Array => {
    const copy = new Float64Array(count).fill(Number.NaN);
    copy.set(column);
    return copy;
  };
  const imported = longer(load.import);
  const before = imported[at];
  imported[at] = (Number.isNaN(before) ? 0 : before) + load.unitsPerWh;
  const zeroAt = (column: Float64Array): Float64Array => {
    const copy = longer(column);
    if (Number.isNaN(copy[at])) copy[at] = 0;
    return copy;
  };
  const { estimated } = load;
  return {
    ...load,
    ...changeColumns(load, zeroAt),
    import: imported,
    estimated: estimated === null ? null : longerMarks(estimated, count),
  };
}

function longerMarks(marks: Uint8Array, count: number): Uint8Array {
  const copy = new Uint8Array(count);
  copy.set(marks);
  return copy;
}
