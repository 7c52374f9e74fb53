/** What flows are measured, each by a register of its own (IEC 62056-61: A+, A-, Q1 to Q4). */
export const flows = ['import', 'export', 'q1', 'q2', 'q3', 'q4'] as const;
export type Flow = (typeof flows)[number];

/** Reactive energy by quadrant. */
export type Reactive = {
  readonly q1: Float64Array;
  readonly q2: Float64Array;
  readonly q3: Float64Array;
  readonly q4: Float64Array;
};

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
  readonly reactive: Reactive | null;
  /** 1 where the interval is estimated; null: none is. */
  readonly estimated: Uint8Array | null;
};

/** Each register that exists, changed alike. */
export function changeColumns(
  load: Load,
  change: (column: Float64Array) => Float64Array,
): Pick<Load, 'import' | 'export' | 'reactive'> {
  const { reactive } = load;
  return {
    import: change(load.import),
    export: load.export === null ? null : change(load.export),
    reactive:
      reactive === null
        ? null
        : {
            q1: change(reactive.q1),
            q2: change(reactive.q2),
            q3: change(reactive.q3),
            q4: change(reactive.q4),
          },
  };
}
