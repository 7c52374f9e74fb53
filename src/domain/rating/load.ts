/** What flows are measured, each by a register of its own (IEC 62056-61: A+, A-, Q1 to Q4). */
export const flows = ['import', 'export', 'q1', 'q2', 'q3', 'q4'] as const;
export type Flow = (typeof flows)[number];

/**
 * Energy of consecutive intervals. Values are whole units of 1/unitsPerWh Wh (varh for q1 to q4),
 * zero or more; NaN marks an interval without data.
 */
export type Load = {
  readonly fromMs: number;
  readonly intervalMs: number;
  readonly unitsPerWh: number;
  readonly import: Float64Array;
  /** Null where the register does not exist: nothing was exported, nothing reactive is known. */
  readonly export: Float64Array | null;
  readonly reactive: {
    readonly q1: Float64Array;
    readonly q2: Float64Array;
    readonly q3: Float64Array;
    readonly q4: Float64Array;
  } | null;
  /** 1 where the interval is estimated; null: none is. */
  readonly estimated: Uint8Array | null;
};
