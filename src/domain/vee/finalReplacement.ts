import { basisPoints } from './ruleShape.ts';
import type { Seen } from './finding.ts';
import type { FinalAmount, WindowInput } from './window.ts';

export const finalReplacementLimits = { toleranceBasisPoints: basisPoints.default(10) };

type Limits = { readonly toleranceBasisPoints: number };

/** Whether a new value is far enough from the final one to take its place; exactly, in integers. */
export function replacesFinal(limits: Limits, { finalWh, newWh }: FinalAmount): boolean {
  const difference = newWh > finalWh ? newWh - finalWh : finalWh - newWh;
  const magnitude = finalWh < 0n ? -finalWh : finalWh;
  return difference * 10_000n > magnitude * BigInt(limits.toleranceBasisPoints);
}

export function checkFinalReplacement(
  limits: Limits,
  input: Pick<WindowInput, 'replacement' | 'fromMs' | 'toMs' | 'unit'>,
): Seen | null {
  const { replacement, fromMs, toMs, unit = 'Wh' } = input;
  if (replacement === null || !replacesFinal(limits, replacement)) return null;
  const { finalWh, newWh } = replacement;
  return {
    fromMs,
    toMs,
    message:
      `The final ${finalWh} ${unit} are replaced by ${newWh} ${unit}: they differ by more than ` +
      `${limits.toleranceBasisPoints} hundredths of a percent. The bill is rated again.`,
    detail: { finalWh: String(finalWh), newWh: String(newWh) },
    readingsAtMs: [],
  };
}
