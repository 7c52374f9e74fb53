/** Codes of rows that are held back and whose cause can go away by itself or by our work. */
export const retriableCodes = [
  'METER_UNKNOWN',
  'METER_FOREIGN',
  'CHANNEL_UNKNOWN',
  'UNIT_MISMATCH',
  'SCALER_UNSUPPORTED',
  'RATING_FAILED',
] as const;

/** Of a row that is dated after it was received; its cause goes away as time passes. */
export const inFutureCode = 'READING_IN_FUTURE';

/**
 * Codes of rows that rating holds back: they are in the log and not in the series, and a later
 * look may take them in, because the meter is registered now or a unit is known. Other codes of an
 * exception are of readings that stand in the series.
 */
export const heldBackCodes = [
  ...retriableCodes,
  inFutureCode,
  'VALUE_OUT_OF_RANGE',
  'QUALITY_UNKNOWN',
  'REVISION_FOREIGN',
  'CLOCK_DRIFT',
] as const;

/** Of these, rows that validation tells of: somebody has to mend how they are sent. */
export const formCodes = ['UNIT_MISMATCH', 'CLOCK_DRIFT'] as const;

export type HeldBackCode = (typeof heldBackCodes)[number];

export function isHeldBack(code: string): code is HeldBackCode {
  return heldBackCodes.some((each) => each === code);
}
