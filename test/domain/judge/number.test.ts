import { describe, expect, test } from 'vitest';
import {
  difference,
  isBelow,
  isNought,
  Num,
  rounded,
  sumOf,
} from '../../../src/domain/judge/number.ts';

const third = new Num(1).div(3);

describe('the judge’s numbers', () => {
  test('three thirds are one, and round as one', () => {
    const sum = sumOf([third, third, third]);
    expect(difference(sum, new Num(1)).isZero()).toBe(true);
    expect(isBelow(sum, new Num(1))).toBe(false);
    expect(isNought(sum.minus(1))).toBe(true);
    expect(rounded(sum, { step: '1', mode: 'down' }).toFixed()).toBe('1');
  });

  /** 2.345 to cents: number 51 of the rules of charges. */
  test.each([
    ['2.345', 'half-even', '2.34'],
    ['2.345', 'half-up', '2.35'],
    ['-2.345', 'half-up', '-2.35'],
    ['2.349', 'down', '2.34'],
    ['-2.349', 'down', '-2.34'],
    ['2.341', 'up', '2.35'],
    ['-2.341', 'up', '-2.35'],
  ] as const)('%s rounded %s to cents is %s', (text, mode, expected) => {
    expect(rounded(new Num(text), { step: '0.01', mode }).toFixed()).toBe(expected);
  });

  test('without a rounding point nothing is rounded', () => {
    expect(rounded(third, undefined)).toBe(third);
  });
});
