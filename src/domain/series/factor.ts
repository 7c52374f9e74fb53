import { compare, fraction, parseDecimal, product } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { factorDecimalsMax, factorLengthMax, factorMax, factorPartMax } from '../limits.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';

export type FactorCode = 'FACTOR_MALFORMED' | 'FACTOR_OUT_OF_RANGE';

export const factorOne: Fraction = { numerator: 1n, denominator: 1n };

function malformed(text: string): Outcome<Fraction, FactorCode> {
  return refuse(
    'FACTOR_MALFORMED',
    `"${text.slice(0, 60)}" is no factor: write decimals with * and / between them, such as 40, ` +
      '200/5 for a current transformer, 200/5*11000/110 with a voltage transformer, or ' +
      '10.55*0.9764 for the Wh of a litre of gas.',
  );
}

/**
 * What a count of a register stands for, as a person reads it off a plate: from left to right,
 * without brackets. Nothing is rounded.
 */
export function parseFactor(text: string): Outcome<Fraction, FactorCode> {
  if (text.length > factorLengthMax) return malformed(text);
  const parts = text.replaceAll(/\s/g, '').split(/([*/])/);
  let factor = factorOne;
  for (let at = 0; at < parts.length; at += 2) {
    const decimal = parseDecimal(parts[at], factorDecimalsMax);
    if (!decimal.ok || decimal.value <= 0n) return malformed(text);
    const scale = 10n ** BigInt(factorDecimalsMax);
    const isDivisor = at > 0 && parts[at - 1] === '/';
    const one = isDivisor ? fraction(scale, decimal.value) : fraction(decimal.value, scale);
    factor = product(factor, one);
  }
  const { numerator, denominator } = fraction(factor.numerator, factor.denominator);
  const isFar =
    compare(factor, { numerator: factorMax, denominator: 1n }) > 0 ||
    compare(factor, { numerator: 1n, denominator: factorMax }) < 0 ||
    numerator > factorPartMax ||
    denominator > factorPartMax;
  if (!isFar) return accept({ numerator, denominator });
  return refuse(
    'FACTOR_OUT_OF_RANGE',
    `A factor lies between 1/${factorMax} and ${factorMax}, in lowest terms with parts of at ` +
      `most ${factorPartMax}; "${text.slice(0, 60)}" does not. Check the plate.`,
  );
}

/** As people write it: `40`, `10301/1000`. */
export function factorText({ numerator, denominator }: Fraction): string {
  return denominator === 1n ? numerator.toString() : `${numerator}/${denominator}`;
}
