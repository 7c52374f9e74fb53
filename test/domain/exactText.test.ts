import { expect, test } from 'vitest';
import { fraction } from '../../src/domain/exact.ts';
import { exactText } from '../../src/domain/exactText.ts';

test.each([
  [0n, 7n, '0'],
  [600n, 1n, '600'],
  [5n, 2n, '2.5'],
  [-1n, 8n, '-0.125'],
  [1n, 10n ** 20n, '0.00000000000000000001'],
  [1n, 3n, '0.333333333333333333'],
  [-2n, 3n, '-0.666666666666666667'],
  // 1/(3 x 10^18) x 1.5 has its nineteenth decimal 5 and nothing after it: it ends there.
  [5n, 10n ** 19n, '0.0000000000000000005'],
  [-1n, 3n * 10n ** 20n, '0'],
])('%s/%s is written %s', (numerator, denominator, text) => {
  expect(exactText(fraction(numerator, denominator))).toBe(text);
  // Not in lowest terms it is the same number.
  const wide = { numerator: numerator * 21n, denominator: denominator * 21n };
  expect(exactText(wide)).toBe(text);
});
