import { assert } from '../assert.ts';
import { fraction } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { dayMs, dayNumberOf } from '../time/civil.ts';
import { monthText } from '../time/month.ts';
import { billingPeriodAt, offsetMsAt } from '../time/zone.ts';

/** What a bill [fromMs, toMs) is as a piece of local time. */
export type BillFacts = {
  readonly fromMs: number;
  readonly toMs: number;
  /** ISO 8601 year and month, local: `2026-03`. */
  readonly label: string;
  readonly year: number;
  /** From 1. */
  readonly month: number;
  /** By the local wall clock: a day of 23 hours is one. */
  readonly billedDays: Fraction;
  readonly monthDays: number;
  readonly yearDays: number;
  /** The bill holds the last instant of its month. */
  readonly endsMonth: boolean;
};

function wallClockMs(zone: string, instantMs: number): number {
  return instantMs + offsetMsAt(zone, instantMs);
}

/** Days from one instant to another by the local wall clock. */
export function wallClockDays(
  zone: string,
  span: { readonly fromMs: number; readonly toMs: number },
): Fraction {
  const lengthMs = wallClockMs(zone, span.toMs) - wallClockMs(zone, span.fromMs);
  return fraction(BigInt(lengthMs), BigInt(dayMs));
}

/** Null when the span reaches beyond the local month in which it begins. */
export function billFactsOf(
  zone: string,
  span: { readonly fromMs: number; readonly toMs: number },
): BillFacts | null {
  const { fromMs, toMs } = span;
  assert(fromMs < toMs, 'a bill has a length');
  const period = billingPeriodAt(zone, fromMs);
  if (toMs > period.endMs) return null;
  const [year, month] = period.label.split('-').map(Number);
  assert(year !== undefined && month !== undefined, 'a month has a label');
  const next = month === 12 ? { year: year + 1, month: 1 } : { year, month: month + 1 };
  const dayOne = { day: 1 };
  return {
    fromMs,
    toMs,
    label: period.label,
    year,
    month,
    billedDays: wallClockDays(zone, span),
    monthDays: dayNumberOf({ ...next, ...dayOne }) - dayNumberOf({ year, month, ...dayOne }),
    yearDays:
      dayNumberOf({ year: year + 1, month: 1, ...dayOne }) -
      dayNumberOf({ year, month: 1, ...dayOne }),
    endsMonth: toMs === period.endMs,
  };
}

/** `2026-03`, moved by so many months. */
export function monthLabelAt(facts: Pick<BillFacts, 'year' | 'month'>, months: number): string {
  return monthText(facts.year * 12 + facts.month - 1 + months);
}
