import { add, compare, oneE8, product, reduced, subtract, sumFractions, zero } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { emptyCarry } from './bill.ts';
import type { Line } from './bill.ts';
import { kwhOf } from './billDraft.ts';
import type { FinishRefusal } from './billDraft.ts';
import { billSpansOf } from './billSpans.ts';
import type { CompiledComponent, CompiledTariff } from './compiled.ts';
import { demandParts } from './explainDemand.ts';
import { flowKwhAt, slotsOf, unitsAt } from './explainSlots.ts';
import type { Explained, LinePart } from './explainSlots.ts';
import { tierParts } from './explainTiers.ts';
import { finish, finishDraft } from './finish.ts';
import { slotColumns } from './kernel.ts';
import type { Accumulator, SlotEnergies } from './kernel.ts';
import { accumulatePrepared, prepareBill } from './rateLoad.ts';
import type { RateInput, RateRefusal } from './rateLoad.ts';
import type { Settlement } from './settlement.ts';

/** Which line is asked for; a tier and its flat amount share the name. */
export type LineName = Pick<Line, 'component' | 'period' | 'tier'>;

/** What one interval of the load, or one window of demand, is to a line. */
export type ExplainedInterval = {
  readonly fromMs: number;
  readonly toMs: number;
  /** In the line's unit. */
  readonly quantity: Fraction;
  readonly price: Fraction;
  readonly exact: Fraction;
};

/** A line down to the intervals that made it: they and the rest are exactly the line. */
export type ExplainedLine = {
  readonly line: Line;
  /** In time order; without those that have no data or no part of the line. */
  readonly intervals: readonly ExplainedInterval[];
  /**
   * What no interval made: a rounded quantity, credits in kWh, a ratchet or months before; and all
   * of a line that is no energy, such as a fixed amount or a tax.
   */
  readonly rest: { readonly quantity: Fraction; readonly exact: Fraction };
};

function periodIndexAt(compiled: CompiledTariff, each: CompiledComponent, slot: number): number {
  return each.periodOfSuper[compiled.superPeriodOfSlot[slot]];
}

/** Each slot of the line's period with the line's own price. */
function pricedParts(
  explained: Explained,
  each: CompiledComponent,
  at: { readonly line: Line; quantityAt(slot: number): Fraction | null },
): readonly LinePart[] {
  const { compiled } = explained.draft;
  const { line } = at;
  const { price } = line;
  if (price === null) return [];
  const period = each.periods.indexOf(line.period);
  const parts: LinePart[] = [];
  const { first, end } = slotsOf(explained);
  for (let slot = first; slot < end; slot += 1) {
    if (periodIndexAt(compiled, each, slot) !== period) continue;
    const quantity = at.quantityAt(slot);
    if (quantity === null) continue;
    parts.push({ firstSlot: slot, endSlot: slot + 1, quantity, price });
  }
  return parts;
}

function spotParts(explained: Explained, each: CompiledComponent): readonly LinePart[] {
  const { component, spot } = each;
  if (component.kind !== 'dynamic' || spot === null) return [];
  const { prices, wide, denominator } = explained.draft.compiled.spots[spot];
  const parts: LinePart[] = [];
  const { first, end } = slotsOf(explained);
  for (let slot = first; slot < end; slot += 1) {
    const quantity = flowKwhAt(explained, component.flow, slot);
    // Where nothing is measured, no price is needed.
    if (quantity === null || Number.isNaN(prices[slot])) continue;
    const numerator = wide === null ? BigInt(prices[slot]) : wide[slot];
    parts.push({ firstSlot: slot, endSlot: slot + 1, quantity, price: { numerator, denominator } });
  }
  return parts;
}

function excessParts(
  explained: Explained,
  each: CompiledComponent,
  line: Line,
): readonly LinePart[] {
  const { component } = each;
  if (component.kind !== 'reactive' || component.measure !== 'excess') return [];
  if (compare(line.quantity, zero) === 0) return [];
  const { compiled } = explained.draft;
  const free = { numerator: component.freeShareE8, denominator: oneE8 };
  const channels = component.quadrants.map((quadrant) => compiled.channels.indexOf(quadrant));
  const quantityAt = (slot: number): Fraction | null => {
    const units = channels.map((channel) => unitsAt(explained, channel, slot) ?? 0);
    const reactive = kwhOf(
      compiled,
      units.reduce((sum, value) => sum + BigInt(value), 0n),
    );
    const active = kwhOf(compiled, BigInt(unitsAt(explained, 0, slot) ?? 0));
    return subtract(reactive, product(active, free));
  };
  return pricedParts(explained, each, { line, quantityAt });
}

function partsOf(explained: Explained, each: CompiledComponent, line: Line): readonly LinePart[] {
  const { component } = each;
  switch (component.kind) {
    case 'energy': {
      if (line.unit === 'bill') return [];
      if (component.tierRule !== null) return tierParts(explained, each, line);
      const quantityAt = (slot: number): Fraction | null =>
        flowKwhAt(explained, component.flow, slot);
      return pricedParts(explained, each, { line, quantityAt });
    }
    case 'dynamic':
      return spotParts(explained, each);
    case 'reactive':
      return excessParts(explained, each, line);
    case 'demand':
      return line.unit === 'bill' ? [] : demandParts(explained, each, line);
    case 'fixed':
    case 'minimum':
    case 'adjust':
    case 'discount':
    case 'tax':
    case 'netting':
      return [];
  }
}

function isSameInterval(compiled: CompiledTariff, left: number, right: number): boolean {
  const perInterval = compiled.intervalMs / compiled.slotMs;
  const intervalOf = (slot: number): number =>
    Math.floor((slot - compiled.firstInterval) / perInterval);
  return intervalOf(left) === intervalOf(right);
}

/** Slots of one interval of the load at one price are told as one. */
function joined(compiled: CompiledTariff, parts: readonly LinePart[]): readonly LinePart[] {
  const told: LinePart[] = [];
  for (const part of parts) {
    const last = told.at(-1);
    const isNext =
      last !== undefined &&
      last.endSlot === part.firstSlot &&
      part.endSlot === part.firstSlot + 1 &&
      isSameInterval(compiled, last.firstSlot, part.firstSlot) &&
      compare(last.price, part.price) === 0;
    if (!isNext) {
      told.push(part);
      continue;
    }
    const quantity = add(last.quantity, part.quantity);
    told[told.length - 1] = { ...last, endSlot: part.endSlot, quantity };
  }
  return told;
}

function explainedLine(explained: Explained, at: number): ExplainedLine {
  const { draft } = explained;
  const { compiled } = draft;
  const line = draft.lines[at];
  const each = compiled.components[draft.componentOfLine[at]];
  const isCredit = line.kind === 'credit';
  const instantOf = (slot: number): number => compiled.facts.fromMs + slot * compiled.slotMs;
  const intervals = joined(compiled, partsOf(explained, each, line)).map((part) => {
    const exact = product(part.quantity, part.price);
    return {
      fromMs: instantOf(part.firstSlot),
      toMs: instantOf(part.endSlot),
      quantity: reduced(part.quantity),
      price: reduced(part.price),
      exact: reduced(isCredit ? { ...exact, numerator: -exact.numerator } : exact),
    };
  });
  const restOf = (whole: Fraction, parts: readonly Fraction[]): Fraction =>
    reduced(subtract(whole, sumFractions(parts)));
  return {
    line,
    intervals,
    rest: {
      quantity: restOf(
        line.quantity,
        intervals.map(({ quantity }) => quantity),
      ),
      exact: restOf(
        line.exact,
        intervals.map(({ exact }) => exact),
      ),
    },
  };
}

export type ExplainInput = {
  readonly compiled: CompiledTariff;
  /** What the bill was accumulated from; null: nothing. */
  readonly energies: SlotEnergies | null;
  readonly accumulator: Accumulator;
  readonly settlement: Settlement;
};

/** The lines of a bill that have a name, each down to its intervals; none where it has no such. */
export function explainLine(
  input: ExplainInput,
  name: LineName,
): Outcome<readonly ExplainedLine[], FinishRefusal> {
  const { compiled, energies } = input;
  const worked = finishDraft(compiled, input.accumulator, input.settlement);
  if (!worked.ok) return worked;
  const draft = worked.value;
  const none = { import: new Float64Array(0), firstSlot: compiled.firstSlot };
  const columns: SlotEnergies = energies ?? none;
  const offset = columns.offset ?? 0;
  const count = columns.count ?? columns.import.length - offset;
  const firstInBill = columns.firstSlot - compiled.firstSlot;
  const slots = slotColumns(compiled, columns, { offset, count, firstInBill });
  const wanted = [...draft.lines.entries()].filter(
    ([, { component, period, tier }]) =>
      component === name.component && period === name.period && tier === name.tier,
  );
  return accept(wanted.map(([at]) => explainedLine({ draft, slots }, at)));
}

/** The same from a load: the month `label`, with what the months before it leave. */
export function explainLoad(
  input: RateInput,
  wanted: LineName & { readonly label: string },
): Outcome<readonly ExplainedLine[], RateRefusal | 'LINE_NOT_FOUND'> {
  const spans = billSpansOf(input.documents, input);
  if (!spans.ok) return spans;
  const explained: ExplainedLine[] = [];
  let carryIn = input.carryIn ?? emptyCarry;
  for (const span of spans.value) {
    const prepared = prepareBill(span, input);
    if (!prepared.ok) return prepared;
    const { compiled } = prepared.value;
    if (compiled.facts.label > wanted.label) break;
    const accumulator = accumulatePrepared(prepared.value, input.load);
    const settlement = { attributes: input.attributes, carryIn, openUntilMs: null };
    if (compiled.facts.label === wanted.label) {
      const lines = explainLine({ ...prepared.value, accumulator, settlement }, wanted);
      if (!lines.ok) return lines;
      explained.push(...lines.value);
    }
    const bill = finish(compiled, accumulator, settlement);
    if (!bill.ok) return bill;
    carryIn = bill.value.carryOut;
  }
  if (explained.length > 0) return accept(explained);
  const message = `The bill of ${wanted.label} has no line of ${wanted.component}`;
  return refuse('LINE_NOT_FOUND', `${message} with this period and tier; see the bill's lines.`);
}
