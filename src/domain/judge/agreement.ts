import type { Decimal } from 'decimal.js';
import { divideRounded } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { exactText } from '../exactText.ts';
import type { Line } from '../rating/bill.ts';
import type { JudgedLine } from './bill.ts';

/**
 * The two engines' bills side by side. One counts in fractions and the other in decimals of many
 * digits, so equal means: equal at 30 decimals.
 */
const decimals = 30;

export type BillOfLines = {
  readonly label: string;
  readonly lines: readonly Line[];
  readonly total: Fraction;
};
export type JudgedBillOfLines = {
  readonly label: string;
  readonly lines: readonly JudgedLine[];
  readonly total: Decimal;
};

function scaled({ numerator, denominator }: Fraction): bigint {
  return divideRounded(numerator * 10n ** BigInt(decimals), denominator, 'down');
}

/** A digit either way at the thirtieth decimal is the decimals' own end. */
function isSame(ours: Fraction | null, theirs: Decimal | null): boolean {
  if (ours === null || theirs === null) return ours === null && theirs === null;
  const gap = scaled(ours) - BigInt(theirs.mul(`1e${decimals}`).trunc().toString());
  return gap >= -1n && gap <= 1n;
}

function textOf(value: Fraction | null): string {
  return value === null ? 'none' : exactText(value);
}

function judgedText(value: Decimal | null): string {
  return value === null ? 'none' : value.toString();
}

function nameOf({ component, kind, period, tier, unit }: Line | JudgedLine): string {
  return `${component} (${kind}, ${period ?? 'no period'}, ${tier ?? 'no tier'}, ${unit})`;
}

function lineDifferences(ours: Line, theirs: JudgedLine): readonly string[] {
  if (nameOf(ours) !== nameOf(theirs)) return [`${nameOf(ours)} is ${nameOf(theirs)} there`];
  const pairs = [
    ['quantity', ours.quantity, theirs.quantity],
    ['price', ours.price, theirs.price],
    ['exact', ours.exact, theirs.exact],
    ['amount', ours.amount, theirs.amount],
  ] as const;
  return pairs
    .filter(([, left, right]) => !isSame(left, right))
    .map(
      ([what, left, right]) =>
        `${nameOf(ours)}: ${what} ${textOf(left)} is ${judgedText(right)} there`,
    );
}

function billDifferences(ours: BillOfLines, theirs: JudgedBillOfLines): readonly string[] {
  if (ours.label !== theirs.label) return [`the bill ${ours.label} is ${theirs.label} there`];
  const longest = Math.max(ours.lines.length, theirs.lines.length);
  const found: string[] = [];
  for (let at = 0; at < longest; at += 1) {
    const [left, right] = [ours.lines[at], theirs.lines[at]];
    if (left === undefined || right === undefined) {
      const only = left ?? right;
      const who = left === undefined ? 'only there' : 'only here';
      if (only !== undefined) found.push(`${nameOf(only)} is ${who}`);
    } else {
      found.push(...lineDifferences(left, right));
    }
  }
  if (!isSame(ours.total, theirs.total)) {
    found.push(`total ${textOf(ours.total)} is ${judgedText(theirs.total)} there`);
  }
  return found.map((what) => `${ours.label}: ${what}`);
}

/** What differs between the kernel's bills and the judge's, in words; empty when nothing does. */
export function differencesOf(
  ours: readonly BillOfLines[],
  theirs: readonly JudgedBillOfLines[],
): readonly string[] {
  if (ours.length !== theirs.length) return [`${ours.length} bills are ${theirs.length} there`];
  return ours.flatMap((bill, at) => {
    const judged = theirs[at];
    return judged === undefined ? [] : billDifferences(bill, judged);
  });
}
