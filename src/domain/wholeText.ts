/** So many digits always fit an int8 of Postgres. */
const digitsMax = 18;

/**
 * A whole number written in decimal digits alone, or null: what `Number` would read besides, such
 * as 1e5, 0x1f, +1, 1.0 or an empty text, is more likely a slip than meant.
 */
export function wholeOf(text: string): bigint | null {
  return /^\d+$/.test(text) && text.length <= digitsMax ? BigInt(text) : null;
}

/** The same within bounds that a number counts exactly. */
export function wholeWithin(
  text: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { readonly min?: number; readonly max?: number } = {},
): number | null {
  const whole = wholeOf(text);
  return whole !== null && whole >= min && whole <= max ? Number(whole) : null;
}
