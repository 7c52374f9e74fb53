import type { Decimal } from 'decimal.js';
import type { Load } from '../rating/load.ts';
import type { ComponentShape } from '../tariff/componentShape.ts';
import type { AttributesShape, TariffShape } from '../tariff/shape.ts';
import type { Bill, Energies, JudgeCarry, Piece, Prices, Register } from './bill.ts';
import { monthIndexOf } from './bill.ts';
import { Num, nought, sumOf } from './number.ts';
import { dayMs, firstInstantOf, minuteMs, wallAt } from './wallClock.ts';

export type BillSpan = {
  readonly document: TariffShape;
  readonly zone: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** `2026-03`, the local month. */
  readonly label: string;
};

function monthAfter(month: string): string {
  const [year = 0, number = 0] = month.split('-').map(Number);
  const next = number === 12 ? [year + 1, 1] : [year, number + 1];
  return next.map((part) => String(part).padStart(2, '0')).join('-');
}

/** Rule 1: [from, to) by version and local month; null where no version is valid. */
export function billSpans(
  documents: readonly TariffShape[],
  window: { readonly zone: string; readonly fromMs: number; readonly toMs: number },
): readonly BillSpan[] | null {
  const spans: BillSpan[] = [];
  let startMs = window.fromMs;
  while (startMs < window.toMs) {
    const valid = documents
      .map((document, index) => {
        const zone = document.zone ?? window.zone;
        const { validFrom, validTo } = document;
        const until = validTo ?? documents[index + 1]?.validFrom;
        return {
          document,
          zone,
          fromMs: validFrom === undefined ? -Infinity : firstInstantOf(zone, validFrom),
          toMs: until === undefined ? Infinity : firstInstantOf(zone, until),
        };
      })
      .find(({ fromMs, toMs }) => fromMs <= startMs && startMs < toMs);
    if (valid === undefined) return null;
    const { document, zone } = valid;
    const label = wallAt(zone, startMs).month;
    const monthEndMs = firstInstantOf(zone, `${monthAfter(label)}-01`);
    const toMs = Math.min(window.toMs, valid.toMs, monthEndMs);
    spans.push({ document, zone, fromMs: startMs, toMs, label });
    startMs = toMs;
  }
  return spans;
}

type Interval = Energies & Pick<Piece, 'missing' | 'isEstimated'>;

const registers = ['import', 'export', 'q1', 'q2', 'q3', 'q4'] as const;

/** Interval of the load in kWh; missing outside of it. A register that does not exist counts 0. */
function intervalAt(load: Load, index: number, netsIntervals: boolean): Interval {
  const { import: imported, export: exported, reactive } = load;
  const columns = { import: imported, export: exported, ...reactive };
  const unitsPerKwh = new Num(load.unitsPerWh).mul(1_000);
  const missing = new Set<Register>();
  const kwhOf = (register: Register): Decimal => {
    const column = columns[register] ?? null;
    if (column === null) return nought;
    const units = column[index] ?? Number.NaN;
    if (!Number.isNaN(units)) return new Num(units).div(unitsPerKwh);
    missing.add(register);
    return nought;
  };
  const measured = {
    import: kwhOf('import'),
    export: kwhOf('export'),
    q1: kwhOf('q1'),
    q2: kwhOf('q2'),
    q3: kwhOf('q3'),
    q4: kwhOf('q4'),
    missing,
    isEstimated: load.estimated?.[index] === 1,
  };
  if (!netsIntervals || missing.has('import') || missing.has('export')) return measured;
  // Rule 7: what is larger, less what is smaller.
  const net = measured.import.minus(measured.export);
  return {
    ...measured,
    import: net.isPositive() ? net : nought,
    export: net.isNegative() ? net.neg() : nought,
  };
}

/** The registers that a component looks at; import is looked at by every bill. */
function registersOf(component: ComponentShape): readonly Register[] {
  switch (component.kind) {
    case 'energy':
    case 'dynamic':
      return component.flow === 'import' ? ['import'] : ['import', 'export'];
    case 'demand':
      if (component.unit === 'kW' || component.measure === 'contracted') return ['import'];
      return ['import', 'q1', 'q4'];
    case 'reactive':
      return component.measure === 'kvaAdjustment' ? ['q1', 'q4'] : component.quadrants;
    case 'netting':
      return netsIntervals(component) ? ['import', 'export'] : ['import'];
    case 'fixed':
    case 'minimum':
    case 'adjust':
    case 'discount':
    case 'tax':
      return ['import'];
  }
}

/** Rule 7. */
function netsIntervals(component: ComponentShape): boolean {
  if (component.kind !== 'netting') return false;
  return component.method === 'interval' || component.method === 'netBilling';
}

/**
 * Rule 4: the load's intervals, cut at the bill's ends and at every quarter hour (every five
 * minutes, where intervals are shorter), so that nothing changes within a piece.
 */
function piecesOf(load: Load, span: BillSpan, untilMs: number): readonly Piece[] {
  const { document, zone } = span;
  const isNet = document.components.some(netsIntervals);
  const cutMs = (load.intervalMs < 15 * minuteMs ? 5 : 15) * minuteMs;
  const pieces: Piece[] = [];
  let startMs = span.fromMs;
  while (startMs < span.toMs) {
    const index = Math.floor((startMs - load.fromMs) / load.intervalMs);
    const intervalEndMs = load.fromMs + (index + 1) * load.intervalMs;
    const cut = (Math.floor(startMs / cutMs) + 1) * cutMs;
    const ends = [intervalEndMs, cut, span.toMs, untilMs];
    const endMs = Math.min(...ends.filter((each) => each > startMs));
    // What is still to come is missing.
    const whole = intervalAt(load, startMs < untilMs ? index : -1, isNet);
    const piece: Record<(typeof registers)[number], Decimal> = { ...whole };
    if (endMs - startMs < load.intervalMs) {
      for (const register of registers) {
        piece[register] = whole[register].mul(endMs - startMs).div(load.intervalMs);
      }
    }
    const { missing, isEstimated } = whole;
    const wall = wallAt(zone, startMs);
    pieces.push({ ...piece, startMs, endMs, wall, interval: index, missing, isEstimated });
    startMs = endMs;
  }
  return pieces;
}

/** Rule 4: an interval that only partly belongs to the bill. */
function isCutAt(load: Load, instantMs: number): boolean {
  const index = Math.floor((instantMs - load.fromMs) / load.intervalMs);
  const isWithin = load.fromMs + index * load.intervalMs < instantMs;
  return isWithin && !Number.isNaN(load.import[index] ?? Number.NaN);
}

export function openBill(input: {
  readonly span: BillSpan;
  readonly load: Load;
  readonly attributes: AttributesShape;
  readonly prices: ReadonlyMap<string, Prices>;
  readonly carry: JudgeCarry;
  readonly openUntilMs: number | null;
  readonly idle: readonly { readonly fromMs: number; readonly toMs: number }[];
}): Bill {
  const { span, load, openUntilMs } = input;
  const { document, zone, fromMs, toMs } = span;
  const first = wallAt(zone, fromMs);
  const isOpen = openUntilMs !== null && openUntilMs < toMs;
  const untilMs = isOpen ? openUntilMs : toMs;
  const pieces = piecesOf(load, span, untilMs);
  const warnings = new Set<'SLOTS_MISSING' | 'INTERVAL_PRORATED'>();
  const wanted: readonly Register[] = ['import', ...document.components.flatMap(registersOf)];
  const past = pieces.filter(({ startMs }) => startMs < untilMs);
  if (past.some(({ missing }) => wanted.some((each) => missing.has(each))))
    warnings.add('SLOTS_MISSING');
  if (isCutAt(load, fromMs) || isCutAt(load, toMs)) warnings.add('INTERVAL_PRORATED');
  const { year, monthNumber } = first;
  const days = new Num(wallAt(zone, untilMs).shownMs - first.shownMs).div(dayMs);
  const idle = input.idle
    .filter((each) => each.toMs > fromMs && each.fromMs < untilMs)
    .map((each) => {
      const from = wallAt(zone, Math.max(each.fromMs, fromMs)).shownMs;
      return new Num(wallAt(zone, Math.min(each.toMs, untilMs)).shownMs - from).div(dayMs);
    });
  return {
    document,
    zone,
    fromMs,
    toMs,
    first,
    month: monthIndexOf(first),
    monthNumber,
    endsMonth: toMs === firstInstantOf(zone, `${monthAfter(first.month)}-01`),
    isOpen,
    billedDays: new Num(wallAt(zone, toMs).shownMs - first.shownMs).div(dayMs),
    days,
    standingDays: days.minus(sumOf(idle)),
    monthDays: (Date.UTC(year, monthNumber, 1) - Date.UTC(year, monthNumber - 1, 1)) / dayMs,
    yearDays: (Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)) / dayMs,
    hours: new Num(untilMs - fromMs).div(60 * minuteMs),
    pieces,
    loadMinutes: load.intervalMs / minuteMs,
    loadFromMs: load.fromMs,
    isExportMetered: load.export !== null,
    isReactiveMetered: load.reactive !== null,
    use: sumOf(pieces.map((piece) => piece.import)),
    attributes: input.attributes,
    prices: input.prices,
    carry: input.carry,
    warnings: new Set(warnings),
    lines: [],
  };
}
