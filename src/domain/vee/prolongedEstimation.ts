import { z } from 'zod';
import { slotsOf, sumOver } from './columns.ts';
import type { Seen } from './finding.ts';
import { percent } from './ruleShape.ts';
import type { WindowInput } from './window.ts';

export const prolongedEstimationLimits = {
  estimatedBillsMax: z.int().min(1).max(24).default(2),
  /** A bill runs on estimates when so much of its known time is estimated. */
  estimatedPercentMin: percent.min(1).max(100).default(50),
};

export type ProlongedEstimationLimits = {
  readonly estimatedBillsMax: number;
  readonly estimatedPercentMin: number;
};

/** Bill after bill on estimates, this one included: somebody must go and read the meter. */
export function checkProlongedEstimation(
  limits: ProlongedEstimationLimits,
  input: WindowInput,
): Seen | null {
  const { known, estimated } = sumOver(input.slots, slotsOf(input));
  if (known === 0 || estimated * 100 < known * limits.estimatedPercentMin) return null;
  const measured = input.bills.findIndex(({ isEstimated }) => !isEstimated);
  const before = measured === -1 ? input.bills : input.bills.slice(0, measured);
  const bills = before.length + 1;
  if (bills <= limits.estimatedBillsMax) return null;
  return {
    fromMs: before.at(-1)?.fromMs ?? input.fromMs,
    toMs: input.toMs,
    message:
      `This is bill ${bills} in a row that runs on estimates; ${limits.estimatedBillsMax} are ` +
      'allowed. Make a work order: read the meter, and mend its connection.',
    detail: { bills: String(bills) },
    readingsAtMs: [],
  };
}
