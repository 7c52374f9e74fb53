import { z } from 'zod';
import { channelsPerRuleMax, veeHistoryDaysMax } from './limits.ts';
import { ruleOutcomes } from './finding.ts';
import type { RuleOutcome } from './finding.ts';

export type RuleDefaults = {
  readonly outcome: RuleOutcome;
  readonly windows: readonly ('day' | 'bill')[];
  /** Empty: every one. */
  readonly channels: readonly number[];
};

export const channelNumber = z.int().min(1).max(32_767);

/** What every rule of a set says, beside its own limits. */
export function ruleFields({ outcome, windows, channels }: RuleDefaults) {
  return {
    on: z.boolean().default(true),
    outcome: z.enum(ruleOutcomes).default(outcome),
    /** Judged: each local day that is complete, each bill that closes. */
    windows: z
      .array(z.enum(['day', 'bill']))
      .min(1)
      .max(2)
      .default([...windows]),
    /** Judged; an empty list: every channel. */
    channels: z
      .array(channelNumber)
      .max(channelsPerRuleMax)
      .default([...channels]),
  };
}

export const percent = z.int().min(0).max(1_000_000);
/** Hundredths of a percent. */
export const basisPoints = z.int().min(0).max(1_000_000);
/** 2^50: no register counts further. */
export const energyWh = z.int().min(0).max(1_125_899_906_842_624);
export const dayCount = z.int().min(1).max(veeHistoryDaysMax);
export const slotCount = z.int().min(0).max(38_400);
