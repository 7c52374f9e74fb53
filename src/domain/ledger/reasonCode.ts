/** Why a person moved money by hand; they add a sentence of their own. */
export const correctionReasons = [
  'entered_twice',
  'wrong_amount',
  'wrong_account',
  'not_owed',
  'correction_wrong',
] as const;
export type CorrectionReason = (typeof correctionReasons)[number];

export const adjustmentReasons = ['goodwill', 'compensation', 'fee', 'carried_over'] as const;
export type AdjustmentReason = (typeof adjustmentReasons)[number];

export const writeOffReasons = [
  'uncollectable',
  'time_barred',
  'small_amount',
  'hardship',
] as const;
export type WriteOffReason = (typeof writeOffReasons)[number];

/** A balance below zero becomes a debt, or one comes with the customer from elsewhere. */
export const setAsideReasons = ['negative_balance', 'imported'] as const;
export type SetAsideReason = (typeof setAsideReasons)[number];
