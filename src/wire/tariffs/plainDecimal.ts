import { formatDecimal, parseDecimal, parseDecimalE8 } from '../../domain/exact.ts';
import { decimalDigitsMax } from '../../domain/tariff/limits.ts';

const numberPattern = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,2}))?$/;
/** Decimals of a sum; files have up to ten. */
const sumDecimals = 18;

/** Digits with the point moved by so many places, without needless zeros. */
function placed(sign: string, digits: string, decimals: number): string | null {
  if (Math.abs(decimals) > decimalDigitsMax * 2) return null;
  const padded = decimals < 0 ? digits.padEnd(digits.length - decimals, '0') : digits;
  const scale = Math.max(decimals, 0);
  const text = padded.padStart(scale + 1, '0');
  const whole = text.slice(0, text.length - scale).replace(/^0+(?=[0-9])/, '');
  const part = text.slice(text.length - scale).replace(/0+$/, '');
  if (whole.length + part.length > decimalDigitsMax) return null;
  const isZero = whole === '0' && part === '';
  const shown = part === '' ? whole : `${whole}.${part}`;
  return sign === '-' && !isZero ? `-${shown}` : shown;
}

/**
 * A number of a file as plain decimal text, moved by `places` powers of ten: 5e-5 is `0.00005`. A
 * JSON number has been a float, whose shortest text is what the file said; nothing is computed
 * with it. Null when it is no number or has too many digits.
 */
export function plainDecimal(value: unknown, places = 0): string | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null;
  const text = typeof value === 'number' ? String(value) : value.trim();
  if (text.length > decimalDigitsMax + 8) return null;
  const match = numberPattern.exec(text);
  const [, sign = '', whole = '', part = '', exponent = '0'] = match ?? [];
  if (match === null || whole.length + part.length === 0) return null;
  return placed(sign, whole + part, part.length - Number(exponent) - places);
}

/** The exact sum of two plain decimal texts; null where it has too many digits. */
export function sumOfDecimals(left: string, right: string): string | null {
  const first = parseDecimal(left, sumDecimals);
  const second = parseDecimal(right, sumDecimals);
  if (!first.ok || !second.ok) return null;
  return formatDecimal(first.value + second.value, { decimals: sumDecimals, decimalsMin: 0 });
}

/** Prices are kept to 8 decimals; a finer one would have to be rounded. */
export function isPriceText(text: string): boolean {
  return parseDecimalE8(text).ok;
}

export function isZeroText(text: string): boolean {
  return /^-?0+(\.0+)?$/.test(text);
}

export function isNegativeText(text: string): boolean {
  return text.startsWith('-') && !isZeroText(text);
}

/** Negative, zero or positive, as `left - right` is; null where one is no decimal. */
export function compareDecimals(left: string, right: string): number | null {
  const first = parseDecimal(left, sumDecimals);
  const second = parseDecimal(right, sumDecimals);
  if (!first.ok || !second.ok) return null;
  if (first.value === second.value) return 0;
  return first.value < second.value ? -1 : 1;
}
