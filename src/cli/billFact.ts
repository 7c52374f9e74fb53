import { exactText } from '../domain/exactText.ts';
import type { Line } from '../domain/rating/bill.ts';
import type { MonthBill } from '../domain/rating/rateLoad.ts';
import { localText } from './localDates.ts';
import type { OpenedTariff } from './tariffFile.ts';

/**
 * A bill as others read it; the form does not change. Numbers are decimal texts, see `exactText`;
 * `from` is the first local date and `to` the one after the last.
 */
export type BillFact = {
  readonly from: string;
  readonly to: string;
  readonly total: string;
  readonly lines: readonly LineFact[];
};
export type LineFact = {
  readonly component: string;
  readonly kind: string;
  readonly period: string | null;
  readonly tier: number | null;
  readonly quantity: string;
  readonly unit: string;
  readonly price: string | null;
  readonly amount: string;
  readonly exact: string;
};

export type WarningFact = {
  readonly code: string;
  /** The month; null: the tariff's own. */
  readonly bill: string | null;
  readonly component: string | null;
  readonly message: string;
};

export function lineFact(line: Line): LineFact {
  const { component, kind, period, tier, unit, price } = line;
  return {
    component,
    kind,
    period,
    tier,
    quantity: exactText(line.quantity),
    unit,
    price: price === null ? null : exactText(price),
    amount: exactText(line.amount),
    exact: exactText(line.exact),
  };
}

export function billFact(bill: MonthBill, zone: string): BillFact {
  return {
    from: localText(zone, bill.fromMs),
    to: localText(zone, bill.toMs),
    total: exactText(bill.total),
    lines: bill.lines.map(lineFact),
  };
}

/** Of the import, then of the bills. */
export function warningFacts(
  opened: OpenedTariff,
  bills: readonly MonthBill[],
): readonly WarningFact[] {
  const ofTariff = opened.warnings.map(({ code, path, message }) => {
    const where = path.join('.');
    const told = where === '' || message.startsWith(where) ? message : `${where}: ${message}`;
    return { code, bill: null, component: null, message: told };
  });
  const ofBills = bills.flatMap(({ label, warnings }) =>
    warnings.map(({ code, component, message }) => ({ code, bill: label, component, message })),
  );
  return [...ofTariff, ...ofBills];
}
