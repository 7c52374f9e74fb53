/**
 * From an instant on a register counts otherwise. Marks are facts beside the readings: the energy
 * of a register is a function of the set of its readings and the set of its marks, and a new mark
 * walks the register again from its day.
 */
export type RegisterMark = {
  readonly atMs: number;
  readonly kind: MarkKind;
  /**
   * What the register showed at the instant, before the mark took effect; it counts as a reading.
   * Null: not read. Then a `factor` takes the register's value from the readings around it, and
   * what flowed between the last reading and a `reset` or `removed` stays unknown, and a slot in
   * which nothing else was seen to flow is missing.
   */
  readonly finalValue: bigint | null;
  /**
   * What it shows from the instant on. Null: it goes on from where it was; after a `reset`, and
   * where that is not known, the next reading is the beginning.
   */
  readonly startValue: bigint | null;
  /**
   * From then on `numerator / denominator` of the series' unit for a count of the channel's unit: a
   * current transformer of 200/5 is 40/1, gas of 10.55 kWh a cubic metre and 0.9764 is Wh for
   * litres.
   */
  readonly numerator: bigint;
  readonly denominator: bigint;
};

/**
 * `installed`: readings before it are kept and bill nothing. `removed`: those after it do not
 * count. `reset`: the register begins again without a rollover. `factor`: another transformer ratio
 * or calorific value.
 */
export type MarkKind = 'installed' | 'removed' | 'reset' | 'factor';
