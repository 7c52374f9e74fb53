import { formatPriceE8, oneE8, parseDecimal } from '../exact.ts';
import type { RoundingMode } from '../exact.ts';
import { amountE8Max, decimalDigitsMax, priceE8Max, roundingStepE8Max } from './limits.ts';
import type { RoundingPoint } from './component.ts';
import { report, within } from './refusal.ts';
import type { Spot } from './refusal.ts';

type Bounds = {
  readonly least?: bigint;
  readonly most?: bigint;
  /** `least` itself is not allowed. */
  readonly above?: boolean;
};

/** A decimal text as an integer at 10^-8; 1 stands in for what is refused. */
export function readE8(spot: Spot, text: string, bounds: Bounds = {}): bigint {
  const parsed = parseDecimal(text, 8);
  if (!parsed.ok) {
    const isLong = text.length > decimalDigitsMax && /^-?[0-9.]+$/.test(text);
    const long = `the number is too long; write at most ${decimalDigitsMax} digits.`;
    report(spot, 'DECIMAL_MALFORMED', isLong ? long : parsed.message);
    return oneE8;
  }
  const { least = -amountE8Max, most = amountE8Max, above = false } = bounds;
  if (parsed.value < least || (above && parsed.value === least)) {
    const limit = above ? `above ${formatPriceE8(least)}` : `${formatPriceE8(least)} or more`;
    report(spot, 'TARIFF_MALFORMED', `${text} is too little; it is ${limit}.`);
    return oneE8;
  }
  if (parsed.value > most) {
    report(spot, 'TARIFF_MALFORMED', `${text} is too much; it is at most ${formatPriceE8(most)}.`);
    return oneE8;
  }
  return parsed.value;
}

export function readOptionalE8(
  spot: Spot,
  text: string | undefined,
  bounds: Bounds = {},
): bigint | null {
  return text === undefined ? null : readE8(spot, text, bounds);
}

/** Negative prices are credits. */
export function readPriceE8(spot: Spot, text: string): bigint {
  const priceE8 = readE8(spot, text);
  if (priceE8 > priceE8Max || priceE8 < -priceE8Max) {
    const message = 'the price is beyond ten million a unit; check its unit, currency a kWh or kW.';
    report(spot, 'TARIFF_MALFORMED', message);
  }
  return priceE8;
}

export function readRoundingPoint(
  spot: Spot,
  raw: { readonly step: string; readonly mode: RoundingMode } | undefined,
): RoundingPoint | null {
  if (raw === undefined) return null;
  const stepE8 = readE8(within(spot, 'step'), raw.step, {
    least: 0n,
    above: true,
    most: roundingStepE8Max,
  });
  return { stepE8, mode: raw.mode };
}
