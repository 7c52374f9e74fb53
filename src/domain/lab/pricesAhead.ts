import { assert } from '../assert.ts';
import { compare, fraction, subtract, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { Line } from '../rating/bill.ts';
import type { BillSpan } from '../rating/billSpans.ts';
import { compileTariff } from '../rating/compile.ts';
import type { CompiledTariff } from '../rating/compiled.ts';
import type { Load } from '../rating/load.ts';
import { rateLoad } from '../rating/rateLoad.ts';
import type { RateRefusal } from '../rating/rateLoad.ts';
import { slotMs, slotStartMs } from '../rating/slot.ts';
import type { Component } from '../tariff/component.ts';
import type { TariffDocument } from '../tariff/document.ts';
import { billAt, carryInto, knownUntil, withOneMoreWh } from './history.ts';
import type { History } from './history.ts';
import { isSameMarginal, marginalAt } from './marginal.ts';
import type { BillPosition, Marginal } from './marginal.ts';

/** A stretch of time in which the next kWh costs the same. */
export type PriceStretch = Marginal & { readonly fromMs: number; readonly toMs: number };

export type PricesAheadRefusal = RateRefusal | 'PERIOD_NOT_COVERED';

/** What has no price yet, or no register, must not hide in which tier a bill stands. */
function lenient(component: Component): Component {
  const { kind } = component;
  if (kind === 'dynamic') return { ...component, missing: { priceE8: 0n } };
  if (kind === 'demand' || kind === 'reactive') return { ...component, unmetered: 'leaveOut' };
  return component;
}

/** The tier of a component's period that grew most: where one more Wh went to. */
function grownTier(
  { before, after }: { readonly before: readonly Line[]; readonly after: readonly Line[] },
  wanted: { readonly component: string; readonly period: string | null },
): number {
  const isOf = (line: Line): boolean =>
    line.component === wanted.component && line.period === wanted.period && line.tier !== null;
  let best = { tier: 1, growth: zero };
  for (const { tier, quantity } of after.filter(isOf)) {
    const was = before.find((line) => isOf(line) && line.tier === tier)?.quantity ?? zero;
    const growth = subtract(quantity, was);
    if (tier !== null && compare(growth, best.growth) > 0) best = { tier, growth };
  }
  return best.tier;
}

function useIn(load: Load, bill: BillSpan, netsIntervals: boolean): Fraction {
  const from = Math.max(0, Math.round((bill.fromMs - load.fromMs) / load.intervalMs));
  const to = Math.min(load.import.length, (bill.toMs - load.fromMs) / load.intervalMs);
  let units = 0n;
  for (let at = from; at < to; at += 1) {
    const imported = load.import[at];
    if (Number.isNaN(imported)) continue;
    const exported = netsIntervals ? (load.export?.[at] ?? 0) : 0;
    units += BigInt(Math.max(0, imported - (Number.isNaN(exported) ? 0 : exported)));
  }
  return fraction(units, BigInt(load.unitsPerWh) * 1_000n);
}

/** Where a bill stands at any of its slots, as its readings so far say. */
type Positions = (compiled: CompiledTariff, slot: number) => Outcome<BillPosition, RateRefusal>;

function needsBill(document: TariffDocument): boolean {
  return document.components.some((each) => each.kind === 'energy' && each.tierRule !== null);
}

/** A day or a season of its own begins anew: which date it is decides the tier too. */
function goesByDate(document: TariffDocument): boolean {
  return document.components.some(
    (each) =>
      each.kind === 'energy' &&
      (each.tierRule?.reset === 'day' || each.tierRule?.reset === 'season'),
  );
}

function positionsOf(history: History, bill: BillSpan): Outcome<Positions, RateRefusal> {
  const { load, attributes, prices } = history;
  const document: TariffDocument = {
    ...bill.document,
    validFrom: null,
    validTo: null,
    components: bill.document.components.map(lenient),
  };
  if (!needsBill(document)) {
    return accept((compiled) => {
      const useKwh = useIn(load, bill, compiled.netsIntervals);
      return accept({ attributes, useKwh, tierOf: () => 1 });
    });
  }
  const carryIn = carryInto(
    { ...history, documents: history.documents.map(lenientDocument) },
    bill.fromMs,
  );
  if (!carryIn.ok) return carryIn;
  const linesOf = (of: Load): Outcome<readonly Line[], RateRefusal> => {
    const rated = rateLoad({
      documents: [document],
      load: of,
      zone: bill.zone,
      fromMs: bill.fromMs,
      toMs: bill.toMs,
      attributes,
      carryIn: carryIn.value,
      prices,
    });
    return rated.ok ? accept(rated.value.bills.flatMap(({ lines }) => lines)) : rated;
  };
  const before = linesOf(load);
  if (!before.ok) return before;
  const known = new Map<string, readonly Line[]>();
  const byDate = goesByDate(document);
  return accept((compiled, slot) => {
    const superPeriod = compiled.superPeriodOfSlot[slot];
    const key = byDate ? `${superPeriod}/${compiled.dayOfSlot[slot]}` : String(superPeriod);
    let after = known.get(key);
    if (after === undefined) {
      const more = linesOf(withOneMoreWh(load, slotStartMs(compiled.firstSlot + slot)));
      if (!more.ok) return more;
      after = more.value;
      known.set(key, after);
    }
    const lines = { before: before.value, after };
    return accept({
      attributes,
      useKwh: useIn(load, bill, compiled.netsIntervals),
      tierOf: (componentIndex, periodIndex) => {
        const { component, periods } = compiled.components[componentIndex];
        const period = periods[periodIndex];
        return grownTier(lines, { component: component.name, period });
      },
    });
  });
}

function lenientDocument(document: TariffDocument): TariffDocument {
  return { ...document, components: document.components.map(lenient) };
}

/** The slots of one bill, from one of its instants on; equal neighbours are one stretch. */
function stretchesOf(
  history: History,
  bill: BillSpan,
  window: { readonly fromMs: number; readonly toMs: number },
  into: PriceStretch[],
): Outcome<null, PricesAheadRefusal> {
  const { zone, document } = bill;
  const compiled = compileTariff(document, { zone, ...window, prices: history.prices });
  if (!compiled.ok) return compiled;
  const positions = positionsOf(history, bill);
  if (!positions.ok) return positions;
  for (let slot = 0; slot < compiled.value.slotCount; slot += 1) {
    const position = positions.value(compiled.value, slot);
    if (!position.ok) return position;
    const marginal = marginalAt(compiled.value, slot, position.value);
    if (!marginal.ok) return marginal;
    const fromMs = window.fromMs + slot * slotMs;
    const last = into.at(-1);
    if (last !== undefined && isSameMarginal(last, marginal.value)) {
      into[into.length - 1] = { ...last, toMs: fromMs + slotMs };
    } else {
      into.push({ ...marginal.value, fromMs, toMs: fromMs + slotMs });
    }
  }
  return accept(null);
}

/**
 * What the next kWh of import costs, in [fromMs, toMs) on the slot grid, from what has been used
 * before it begins: nobody knows what will be used until then, so tiers are those reached now.
 */
export function pricesAhead(
  history: History,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Outcome<readonly PriceStretch[], PricesAheadRefusal> {
  assert(fromMs < toMs && fromMs % slotMs === 0 && toMs % slotMs === 0, 'a window is on the grid');
  if (fromMs < history.validFromMs || fromMs >= history.validToMs) {
    const message = 'The agreement is not valid then. Choose a time at which it is.';
    return refuse('PERIOD_NOT_COVERED', message);
  }
  const past = { ...history, load: knownUntil(history.load, fromMs) };
  const stretches: PriceStretch[] = [];
  const endMs = Math.min(toMs, history.validToMs);
  for (let atMs = fromMs; atMs < endMs;) {
    const bill = billAt(past, atMs);
    if (!bill.ok) return bill;
    const window = { fromMs: atMs, toMs: Math.min(endMs, bill.value.toMs) };
    const done = stretchesOf(past, bill.value, window, stretches);
    if (!done.ok) return done;
    atMs = window.toMs;
  }
  return accept(stretches);
}
