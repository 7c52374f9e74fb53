import { add, compare, negate, subtract, zero } from '../domain/exact.ts';
import type { Fraction } from '../domain/exact.ts';
import { exactText } from '../domain/exactText.ts';
import { changedBillsToldMax } from '../domain/labLimits.ts';

/** One customer's bills of the same time under two tariffs. */
export type LabBill = {
  readonly name: string;
  readonly customerClass: string | null;
  readonly before: Fraction;
  readonly after: Fraction;
};

export type LabSum = {
  readonly bills: number;
  readonly before: string;
  readonly after: string;
  readonly change: string;
  /** Bills that fall, that rise, and that stay. */
  readonly winners: number;
  readonly losers: number;
  readonly unchanged: number;
};
export type LabReport = LabSum & {
  readonly classes: readonly (LabSum & { readonly customerClass: string | null })[];
  readonly mostChanged: readonly {
    readonly name: string;
    readonly customerClass: string | null;
    readonly before: string;
    readonly after: string;
    readonly change: string;
  }[];
};

function changeOf({ before, after }: LabBill): Fraction {
  return subtract(after, before);
}

function sumUp(bills: readonly LabBill[]): LabSum {
  const before = bills.reduce<Fraction>((sum, bill) => add(sum, bill.before), zero);
  const after = bills.reduce<Fraction>((sum, bill) => add(sum, bill.after), zero);
  const signs = bills.map((bill) => compare(bill.after, bill.before));
  return {
    bills: bills.length,
    before: exactText(before),
    after: exactText(after),
    change: exactText(subtract(after, before)),
    winners: signs.filter((sign) => sign < 0).length,
    losers: signs.filter((sign) => sign > 0).length,
    unchanged: signs.filter((sign) => sign === 0).length,
  };
}

function magnitude(value: Fraction): Fraction {
  return compare(value, zero) < 0 ? negate(value) : value;
}

/** By code units, so that a report is the same on every machine. */
function compareTexts(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Revenue before and after, winners and losers by customer class, and the most changed bills. */
export function labReport(bills: readonly LabBill[]): LabReport {
  const byClass = Map.groupBy(bills, ({ customerClass }) => customerClass);
  const classes = [...byClass]
    .toSorted(([left], [right]) => compareTexts(left ?? '', right ?? ''))
    .map(([customerClass, ofClass]) => ({ customerClass, ...sumUp(ofClass) }));
  const mostChanged = bills
    .filter((bill) => compare(bill.after, bill.before) !== 0)
    .toSorted(
      (left, right) =>
        compare(magnitude(changeOf(right)), magnitude(changeOf(left))) ||
        compareTexts(left.name, right.name),
    )
    .slice(0, changedBillsToldMax)
    .map((bill) => ({
      name: bill.name,
      customerClass: bill.customerClass,
      before: exactText(bill.before),
      after: exactText(bill.after),
      change: exactText(changeOf(bill)),
    }));
  return { ...sumUp(bills), classes, mostChanged };
}
