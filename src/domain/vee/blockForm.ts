import type { Seen } from './finding.ts';
import type { BlockForm, WindowInput } from './window.ts';

/** Rules about the form of what was sent: they need no limit, only what the registry says. */

function spanOf(blocks: readonly BlockForm[]): Pick<Seen, 'fromMs' | 'toMs'> {
  return {
    fromMs: Math.min(...blocks.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...blocks.map(({ toMs }) => toMs)),
  };
}

/** A ratio sent with the values that is not that of the marks: applied twice, or not at all. */
export function checkMultiplier({ blocks }: WindowInput): Seen | null {
  const wrong = blocks.filter(
    ({ multiplier, expectedMultiplier }) =>
      multiplier !== null &&
      multiplier.numerator * expectedMultiplier.denominator !==
        expectedMultiplier.numerator * multiplier.denominator,
  );
  const multiplier = wrong[0]?.multiplier;
  const expected = wrong[0]?.expectedMultiplier;
  if (multiplier === undefined || multiplier === null || expected === undefined) return null;
  const sent = `${multiplier.numerator}/${multiplier.denominator}`;
  const known = `${expected.numerator}/${expected.denominator}`;
  return {
    ...spanOf(wrong),
    message:
      `The values came with the multiplier ${sent}, and the register's is ${known}. Nothing is ` +
      'billed by guesswork: correct the meter, or record the factor from its instant on.',
    detail: { blocks: String(wrong.length), multiplier: sent, expectedMultiplier: known },
    readingsAtMs: [],
  };
}

/** Values in a unit that is not the channel's, or in none. */
export function checkUnitOfMeasure({ blocks }: WindowInput): Seen | null {
  const wrong = blocks.filter(({ unit, expectedUnit }) => unit !== expectedUnit);
  const first = wrong[0];
  if (first === undefined) return null;
  const sent = first.unit === null ? 'no unit' : `DLMS unit ${first.unit}`;
  return {
    ...spanOf(wrong),
    message:
      `The values came with ${sent}; the channel is in DLMS unit ${first.expectedUnit}. They are ` +
      'not billed: correct the register map and send them again.',
    detail: {
      blocks: String(wrong.length),
      unit: first.unit === null ? 'none' : String(first.unit),
      expectedUnit: String(first.expectedUnit),
    },
    readingsAtMs: [],
  };
}
