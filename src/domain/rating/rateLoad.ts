import { assert } from '../assert.ts';
import { add } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { TariffDocument } from '../tariff/document.ts';
import type { PriceSeries } from '../tariff/priceSeries.ts';
import { isKnownZone } from '../time/zone.ts';
import { emptyCarry } from './bill.ts';
import type { AgreementAttributes, Bill, BillWarning, Carry, Line } from './bill.ts';
import type { FinishRefusal } from './billDraft.ts';
import { billSpansOf, slotMsFor } from './billSpans.ts';
import type { BillSpan } from './billSpans.ts';
import { compileTariff } from './compile.ts';
import type { CompileRefusal, CompileWindow } from './compile.ts';
import type { CompiledTariff } from './compiled.ts';
import { finish } from './finish.ts';
import { accumulate, emptyAccumulator } from './kernel.ts';
import type { Accumulator, SlotEnergies } from './kernel.ts';
import { changeColumns } from './load.ts';
import type { Load } from './load.ts';
import { refineLoad } from './refineLoad.ts';
import type { IdleSpan } from './settlement.ts';

export type RateInput = {
  /** Versions of one tariff in the order of validFrom; of one alone, a list of one. */
  readonly documents: readonly TariffDocument[];
  readonly load: Load;
  /** The service point's; a document's own goes first. */
  readonly zone: string;
  /** What is billed; time that the load does not cover is missing. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly attributes: AgreementAttributes;
  /** Of the month before; nothing unless given. */
  readonly carryIn?: Carry;
  /** Days that carry no standing charge; absent: none. */
  readonly idle?: readonly IdleSpan[];
  /** By name; they go before the series of the same name in the documents. */
  readonly prices?: ReadonlyMap<string, PriceSeries>;
  /** Tariffs compiled for loads before this one, with the same prices; used, and added to. */
  readonly memory?: CompileMemory;
};

/** By document, and by the bill and the grid that it was compiled for. */
export type CompileMemory = WeakMap<TariffDocument, Map<string, CompiledTariff>>;

/** The bill of a calendar month; where a version ends within it, both bills one after the other. */
export type MonthBill = {
  /** `2026-03`. */
  readonly label: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly lines: readonly Line[];
  readonly total: Fraction;
  readonly warnings: readonly BillWarning[];
  /** What it leaves to the next one. */
  readonly carryOut: Carry;
};

export type RatedLoad = {
  readonly bills: readonly MonthBill[];
  readonly carryOut: Carry;
};

export type RateRefusal =
  | CompileRefusal
  | FinishRefusal
  | 'TARIFF_NOT_VALID'
  | 'CURRENCY_MISMATCH'
  | 'LOAD_OFF_GRID';

/** A bill's tariff, and the load's part of it in the slots of that tariff. */
export type PreparedBill = {
  readonly compiled: CompiledTariff;
  /** Null: the load has nothing of the bill's time. */
  readonly energies: SlotEnergies | null;
};

function energiesOf(
  load: Load,
  compiled: Pick<CompiledTariff, 'facts' | 'slotMs'>,
): SlotEnergies | null {
  const { slotMs, facts } = compiled;
  const toMs = load.fromMs + load.import.length * load.intervalMs;
  const fromMs = Math.max(facts.fromMs, load.fromMs);
  const count = (Math.min(facts.toMs, toMs) - fromMs) / slotMs;
  if (count <= 0) return null;
  return {
    import: load.import,
    export: load.export,
    reactive: load.reactive,
    estimated: load.estimated,
    offset: (fromMs - load.fromMs) / slotMs,
    count,
    firstSlot: fromMs / slotMs,
  };
}

const noPrices: ReadonlyMap<string, PriceSeries> = new Map();

/** The same window of the same document and prices compiles to the same tables. */
function compiledFor(
  document: TariffDocument,
  window: CompileWindow,
  memory: CompileMemory | undefined,
): Outcome<CompiledTariff, CompileRefusal> {
  if (memory === undefined) return compileTariff(document, window);
  const { prices: _same, ...rest } = window;
  const key = JSON.stringify(rest);
  const known = memory.get(document) ?? new Map<string, CompiledTariff>();
  memory.set(document, known);
  const before = known.get(key);
  if (before !== undefined) return accept(before);
  const compiled = compileTariff(document, window);
  if (compiled.ok) known.set(key, compiled.value);
  return compiled;
}

/** A load's part of one bill, its intervals cut where the tariff or the clocks need it. */
export function prepareBill(
  span: BillSpan,
  { load, prices = noPrices, memory }: Pick<RateInput, 'load' | 'prices' | 'memory'>,
): Outcome<PreparedBill, RateRefusal> {
  const slotMs = slotMsFor(span, load, prices);
  if (!slotMs.ok) return slotMs;
  const times = load.intervalMs / slotMs.value;
  const window = {
    zone: span.zone,
    fromMs: span.fromMs,
    toMs: span.toMs,
    slotMs: slotMs.value,
    intervalMs: load.intervalMs,
    intervalPhaseMs: load.fromMs % load.intervalMs,
    unitsPerWh: load.unitsPerWh * times,
  };
  const compiled = compiledFor(span.document, { ...window, prices }, memory);
  if (!compiled.ok) return compiled;
  const part = partOf(load, span);
  const fine = part === null ? null : refineLoad(part, slotMs.value);
  const energies = fine === null ? null : energiesOf(fine, compiled.value);
  return accept({ compiled: compiled.value, energies });
}

/** The intervals that a bill has something of, so that a year is not refined for each month. */
function partOf(load: Load, span: { readonly fromMs: number; readonly toMs: number }): Load | null {
  const { fromMs, intervalMs } = load;
  const first = Math.max(0, Math.floor((span.fromMs - fromMs) / intervalMs));
  const end = Math.min(load.import.length, Math.ceil((span.toMs - fromMs) / intervalMs));
  if (first >= end) return null;
  return {
    ...load,
    fromMs: fromMs + first * intervalMs,
    ...changeColumns(load, (column) => column.subarray(first, end)),
    estimated: load.estimated?.subarray(first, end) ?? null,
  };
}

export function accumulatePrepared(
  { compiled, energies }: PreparedBill,
  load: Pick<Load, 'reactive'>,
): Accumulator {
  const accumulator = emptyAccumulator(compiled);
  if (energies !== null) accumulate(compiled, energies, accumulator);
  // A meter without registers has none, also where it gave no data at all.
  const isUnmetered = compiled.needsReactive && load.reactive === null;
  if (isUnmetered) accumulator.unmeteredSlots = compiled.slotCount;
  return accumulator;
}

/** An interval of which another bill has a part: its energy is given to both by their time. */
function proratedWarnings(load: Load, span: BillSpan): readonly BillWarning[] {
  const { fromMs, intervalMs } = load;
  const splits = [span.fromMs, span.toMs].filter((atMs) => {
    const index = Math.floor((atMs - fromMs) / intervalMs);
    const hasData = index >= 0 && index < load.import.length && load.import[index] >= 0;
    return (atMs - fromMs) % intervalMs !== 0 && hasData;
  });
  return splits.map((atMs) => ({
    code: 'INTERVAL_PRORATED',
    component: null,
    message:
      `The bill ends or begins within an interval, at ${new Date(atMs).toISOString()}; ` +
      'its energy is split in proportion to time.',
  }));
}

function rateSpan(
  span: BillSpan,
  input: RateInput,
  carryIn: Carry,
): Outcome<{ readonly bill: Bill; readonly label: string }, RateRefusal> {
  const prepared = prepareBill(span, input);
  if (!prepared.ok) return prepared;
  const { compiled } = prepared.value;
  const accumulator = accumulatePrepared(prepared.value, input.load);
  const { attributes, idle = [] } = input;
  const bill = finish(compiled, accumulator, { attributes, carryIn, openUntilMs: null, idle });
  if (!bill.ok) return bill;
  const prorated = proratedWarnings(input.load, span);
  const warnings = [...prorated, ...bill.value.warnings];
  return accept({ bill: { ...bill.value, warnings }, label: compiled.facts.label });
}

function refuseInput(input: RateInput): Outcome<null, RateRefusal> {
  const { documents, zone, fromMs, toMs } = input;
  const unknown = [zone, ...documents.map((each) => each.zone ?? zone)].find(
    (each) => !isKnownZone(each),
  );
  if (unknown !== undefined) {
    return refuse('ZONE_UNKNOWN', `The zone ${unknown} is unknown; use an IANA name.`);
  }
  if (new Set(documents.map(({ currency }) => currency)).size > 1) {
    const message = 'The versions of the tariff are in different currencies';
    return refuse('CURRENCY_MISMATCH', `${message}; rate them apart.`);
  }
  if (!(fromMs < toMs)) return refuse('WINDOW_EMPTY', 'The window ends before it begins.');
  return accept(null);
}

/** Two bills of one month as one. An interval that both have a part of is told once. */
function joined(first: MonthBill, second: MonthBill): MonthBill {
  const told = new Set(first.warnings.map(({ message }) => message));
  const news = second.warnings.filter(({ message }) => !told.has(message));
  return {
    ...second,
    fromMs: first.fromMs,
    lines: [...first.lines, ...second.lines],
    total: add(first.total, second.total),
    warnings: [...first.warnings, ...news],
  };
}

/** Rates a load by a tariff: one bill a month and version, each from what the one before left. */
export function rateLoad(input: RateInput): Outcome<RatedLoad, RateRefusal> {
  assert(input.load.intervalMs > 0, 'an interval has a length');
  const checked = refuseInput(input);
  if (!checked.ok) return checked;
  const spans = billSpansOf(input.documents, input);
  if (!spans.ok) return spans;
  const bills: MonthBill[] = [];
  let carryIn = input.carryIn ?? emptyCarry;
  for (const span of spans.value) {
    const rated = rateSpan(span, input, carryIn);
    if (!rated.ok) return rated;
    const { label, bill } = rated.value;
    const next = { label, fromMs: span.fromMs, toMs: span.toMs, ...bill };
    const last = bills.at(-1);
    if (last?.label === label) bills[bills.length - 1] = joined(last, next);
    else bills.push(next);
    carryIn = bill.carryOut;
  }
  return accept({ bills, carryOut: carryIn });
}
