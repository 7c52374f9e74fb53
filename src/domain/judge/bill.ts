import type { Decimal } from 'decimal.js';
import type { BillWarning, LineKind, LineUnit } from '../rating/bill.ts';
import type { ComponentShape } from '../tariff/componentShape.ts';
import type { AttributesShape, TariffShape } from '../tariff/shape.ts';
import type { PointText } from './number.ts';
import { nought, rounded, sumOf } from './number.ts';
import type { CalendarText } from './calendarReading.ts';
import { periodAt, periodsOf } from './calendarReading.ts';
import type { Wall } from './wallClock.ts';

export type JudgeRefusal =
  | 'TARIFF_MALFORMED'
  | 'TARIFF_NOT_VALID'
  | 'ATTRIBUTE_MISSING'
  | 'PRICE_MISSING'
  | 'REACTIVE_NOT_METERED';

export type ComponentOf<Kind extends ComponentShape['kind']> = Extract<
  ComponentShape,
  { kind: Kind }
>;
export type Quadrant = 'q1' | 'q2' | 'q3' | 'q4';

/** Energy in kWh and kvarh. */
export type Register = 'import' | 'export' | Quadrant;
export type Energies = Readonly<Record<Register, Decimal>>;

/** A stretch of an interval of the load in which nothing changes: no period, no price, no day. */
export type Piece = Energies & {
  readonly startMs: number;
  readonly endMs: number;
  /** At its start. */
  readonly wall: Wall;
  /** Of the load, counted from its first. */
  readonly interval: number;
  /** Registers without data, of which no energy is known; the others count. */
  readonly missing: ReadonlySet<Register>;
  readonly isEstimated: boolean;
};

/**
 * What one bill leaves to the next; changed in place from bill to bill (rules 15, 25, 33, 37, 38).
 */
export type JudgeCarry = {
  /** By component, or component/period. */
  readonly tiers: Map<string, { readonly span: string; readonly used: Decimal }>;
  readonly peaks: Map<string, PeakOfMonth[]>;
  /** By component and period; '' where it has no calendar. */
  readonly energyCredits: Map<string, Map<string, Decimal>>;
  readonly moneyCredits: Map<string, Decimal>;
  readonly minima: Map<string, { readonly sum: Decimal; readonly months: ReadonlySet<string> }>;
};
export type PeakOfMonth = {
  /** Months since the year 0. */
  readonly month: number;
  readonly period: string | null;
  readonly peak: Decimal;
};

export function emptyJudgeCarry(): JudgeCarry {
  return {
    tiers: new Map(),
    peaks: new Map(),
    energyCredits: new Map(),
    moneyCredits: new Map(),
    minima: new Map(),
  };
}

export type JudgedLine = {
  readonly component: string;
  readonly kind: LineKind;
  readonly period: string | null;
  readonly tier: number | null;
  readonly quantity: Decimal;
  readonly unit: LineUnit;
  readonly price: Decimal | null;
  readonly exact: Decimal;
  readonly amount: Decimal;
};
/** A line before it is rounded; `summed` is a sum of rounded parts, where there are parts. */
export type DraftLine = Pick<JudgedLine, 'quantity' | 'unit' | 'price' | 'exact'> & {
  readonly kind?: LineKind;
  readonly period?: string | null;
  readonly tier?: number | null;
  readonly summed?: Decimal;
};

/**
 * A series as the judge looks at it: the price in force at an instant, null where there is none.
 */
export type Prices = {
  readonly fromMs: number;
  readonly stepMs: number;
  readonly values: readonly (Decimal | null)[];
};

/** One bill (rule 1) while it is judged. */
export type Bill = {
  readonly document: TariffShape;
  readonly zone: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly first: Wall;
  /** Months since the year 0, and within the year. */
  readonly month: number;
  readonly monthNumber: number;
  readonly endsMonth: boolean;
  /** Rule 40: the running form, without what belongs to the close. */
  readonly isOpen: boolean;
  /** Rule 3. */
  readonly billedDays: Decimal;
  /** The same up to now, of an open bill; as `hours` are. */
  readonly days: Decimal;
  /** Rule 32: those of them that carry a standing charge. */
  readonly standingDays: Decimal;
  readonly monthDays: number;
  readonly yearDays: number;
  readonly hours: Decimal;
  /** In time order, without a hole between them. */
  readonly pieces: readonly Piece[];
  readonly loadMinutes: number;
  /** Of the load's interval 0. */
  readonly loadFromMs: number;
  readonly isExportMetered: boolean;
  readonly isReactiveMetered: boolean;
  /** Rule 6. */
  readonly use: Decimal;
  readonly attributes: AttributesShape;
  readonly prices: ReadonlyMap<string, Prices>;
  readonly carry: JudgeCarry;
  readonly warnings: Set<BillWarning['code']>;
  /** Of the components above; grows. */
  readonly lines: JudgedLine[];
};

export function monthIndexOf(wall: Wall): number {
  return wall.year * 12 + wall.monthNumber - 1;
}

export function calendarNamed(bill: Bill, name: string | undefined): CalendarText | null {
  return bill.document.calendars.find((calendar) => calendar.name === name) ?? null;
}

/**
 * Rule 5: the periods that occur in the bill, in the calendar's order; null where there is none.
 */
export function periodsIn(bill: Bill, calendar: CalendarText | null): readonly (string | null)[] {
  if (calendar === null) return [null];
  const occurring = new Set(bill.pieces.map(({ wall }) => periodAt(calendar, wall)));
  return periodsOf(calendar).filter((period) => occurring.has(period));
}

export function periodOfPiece(calendar: CalendarText | null, piece: Piece): string | null {
  return calendar === null ? null : periodAt(calendar, piece.wall);
}

/** Rule 8: the lines of the components that a base names. */
export function linesOf(bill: Bill, base: 'subtotal' | readonly string[]): readonly JudgedLine[] {
  if (base === 'subtotal') return bill.lines;
  return bill.lines.filter(({ component }) => base.includes(component));
}

export function amountOf(bill: Bill, base: 'subtotal' | readonly string[]): Decimal {
  return sumOf(linesOf(bill, base).map(({ amount }) => amount));
}

/** Rule 9: the component's own point, else the tax's, else the line's. */
export function pointOf(bill: Bill, component: ComponentShape): PointText | undefined {
  const { rounding } = bill.document;
  if (component.rounding !== undefined) return component.rounding;
  if (component.kind === 'tax' && rounding.tax !== undefined) return rounding.tax;
  return rounding.line;
}

/** Rule 12. */
export function kindOf(component: ComponentShape): LineKind {
  switch (component.kind) {
    case 'energy':
    case 'dynamic':
      return component.flow === 'export' ? 'credit' : 'energy';
    case 'adjust':
      return 'adjustment';
    case 'netting':
      return 'credit';
    case 'demand':
    case 'reactive':
    case 'fixed':
    case 'minimum':
    case 'discount':
    case 'tax':
      return component.kind;
  }
}

export function finishedLine(bill: Bill, component: ComponentShape, draft: DraftLine): JudgedLine {
  return {
    component: component.name,
    kind: draft.kind ?? kindOf(component),
    period: draft.period ?? null,
    tier: draft.tier ?? null,
    quantity: draft.quantity,
    unit: draft.unit,
    price: draft.price,
    exact: draft.exact,
    amount: bill.isOpen
      ? draft.exact
      : rounded(draft.summed ?? draft.exact, pointOf(bill, component)),
  };
}

export function energyOf(pieces: readonly Piece[], flow: keyof Energies | 'net'): Decimal {
  let sum = nought;
  for (const piece of pieces) {
    sum = sum.plus(flow === 'net' ? piece.import.minus(piece.export) : piece[flow]);
  }
  return sum;
}
