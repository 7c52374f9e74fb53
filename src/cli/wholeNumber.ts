import { wholeWithin } from '../domain/wholeText.ts';
import { Misused } from './answer.ts';

/** Ids are int4 (src/domain/ids.ts), and so are numbers of meters, edges and epochs in a batch. */
export const idNumberMax = 2_147_483_647;

/** Of a meter that nobody has registered: as its batch names it. */
export function meterNumberOf(text: string): number {
  return wholeNumber(text, '--number', { min: 1, max: idNumberMax });
}

/** An option's whole number, in decimal digits. */
export function wholeNumber(
  text: string,
  name: string,
  bounds: { readonly min?: number; readonly max?: number } = {},
): number {
  const number = wholeWithin(text, bounds);
  if (number !== null) return number;
  const { min = 0, max } = bounds;
  const range = max === undefined ? '' : ` from ${min} to ${max}`;
  throw new Misused(`${name} is a whole number${range} in digits, not "${text}"`);
}
