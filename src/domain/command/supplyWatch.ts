import { bypassWhMin } from './limits.ts';

/** What is seen behind a supply that was cut or limited, from its readings. Pure. */

export type SeenReading = { readonly atMs: number; readonly registerWh: bigint };

/**
 * The register at the first reading after the cut is where the cut began: what flowed before it
 * was the customer's. From there on 0.3 kWh are somebody's second way (domain rule 66).
 */
export function bypassBehind(
  cut: { readonly sinceMs: number; readonly registerWh: bigint | null },
  seen: SeenReading,
): { readonly registerWh: bigint; readonly energyWh: bigint; readonly isBypass: boolean } | null {
  if (seen.atMs < cut.sinceMs) return null;
  // A register that went back was exchanged or wrapped: it begins again.
  const isBehind = cut.registerWh === null || seen.registerWh < cut.registerWh;
  const registerWh = isBehind ? seen.registerWh : (cut.registerWh ?? seen.registerWh);
  const energyWh = seen.registerWh - registerWh;
  return { registerWh, energyWh, isBypass: energyWh >= bypassWhMin };
}

/**
 * A limiter that lets more through than it should, reading by reading: since when, and whether it
 * is long enough to tell (domain rule 71: 0.6 kW for 5 min at 500 W).
 */
export function overLimit(
  limit: {
    readonly limitW: number;
    readonly tripAfterMs: number;
    readonly overSinceMs: number | null;
  },
  seen: { readonly atMs: number; readonly powerW: number },
): { readonly overSinceMs: number | null; readonly isTripped: boolean } {
  if (seen.powerW <= limit.limitW) return { overSinceMs: null, isTripped: false };
  const overSinceMs = limit.overSinceMs ?? seen.atMs;
  return { overSinceMs, isTripped: seen.atMs - overSinceMs >= limit.tripAfterMs };
}
