import { assertNever } from '../assert.ts';
import type { RoundingMode } from '../exact.ts';

/**
 * An integer quotient, rounded as stated. Of integers whose doubles are safe, the divisor positive:
 * remainder and quotient are then exact in float64. `divideRounded` is the same without a limit.
 */
export function divideSafely(dividend: number, divisor: number, mode: RoundingMode): number {
  const remainder = dividend % divisor; // with the sign of the dividend
  const quotient = (dividend - remainder) / divisor; // toward zero
  if (remainder === 0) return quotient;
  const away = remainder < 0 ? quotient - 1 : quotient + 1;
  const twice = Math.abs(remainder) * 2;
  switch (mode) {
    case 'down':
      return quotient;
    case 'up':
      return away;
    case 'half-up':
      return twice >= divisor ? away : quotient;
    case 'half-even':
      if (twice === divisor) return quotient % 2 === 0 ? quotient : away;
      return twice > divisor ? away : quotient;
    default:
      return assertNever(mode);
  }
}
