import type { WalkException } from '../series/walkException.ts';

/** Energies of slots in a row; slots count from 1970-01-01T00:00Z. */
export type SlotColumns = {
  readonly firstSlot: number;
  /** Of the channel's unit (Wh, varh, litres); NaN where nothing is known. */
  readonly wh: Float64Array;
  /** domain/series/quality, one for each of `wh`. */
  readonly quality: Uint8Array;
};

export type Span = { readonly fromMs: number; readonly toMs: number };

/** What one quantity came to over a time: a bill's energy, a register's difference. */
export type Amount = Span & { readonly wh: bigint };

/** A closed bill of the same agreement and register. */
export type BilledAmount = Amount & { readonly isEstimated: boolean };

/** The form of the values of one block of a batch, beside what the registry says of the channel. */
export type BlockForm = Span & {
  /** DLMS unit code, as sent and as the channel has it; null: it was sent as being without one. */
  readonly unit: number | null;
  readonly expectedUnit: number;
  /** Transformer ratio or calorific factor, as sent and as the marks have it; null: not sent. */
  readonly multiplier: Ratio | null;
  readonly expectedMultiplier: Ratio;
};

export type Ratio = { readonly numerator: bigint; readonly denominator: bigint };

/** Two values for one instant of the register; the same value twice is none. */
export type ReadingConflict = {
  readonly atMs: number;
  readonly keptWh: bigint;
  readonly lostWh: bigint;
};

/** A bill's final amount beside what the register says now. */
export type FinalAmount = { readonly finalWh: bigint; readonly newWh: bigint };

/**
 * A window of one register, as the rules of validation see it. Whatever is null or empty is not
 * known, and the rules that need it are silent (`silentRules` names them).
 */
export type WindowInput = Span & {
  /** A local day, or the billing period of a bill that closes. On the grid. */
  readonly kind: 'day' | 'bill';
  /** Of a day that is not complete: only the form of what was sent is judged. */
  readonly isOpen?: boolean;
  readonly zone: string;
  readonly channel: number;
  /** What the channel's counts are, for messages: `Wh` unless given, `varh`, `l`. */
  readonly unit?: string;
  /** The register's slots, at least those of the window; what lies outside of it is not judged. */
  readonly slots: SlotColumns;
  /** Instants of the accepted readings in [fromMs, toMs], ascending. */
  readonly readingsAtMs: Float64Array;
  /** The register's difference between its readings next to the window's ends. */
  readonly register: Amount | null;
  /** Channel 257: each slot's energy as the meter measured it, for the Sum Check. */
  readonly intervals: SlotColumns | null;
  /** Slots of the register before the window: `historyDaysOf` the set, as far as they exist. */
  readonly history: SlotColumns | null;
  /** Closed bills before the window, newest first. */
  readonly bills: readonly BilledAmount[];
  /** Other channels of the meter over the window that the set may name as siblings. */
  readonly siblings: readonly { readonly channel: number; readonly slots: SlotColumns }[];
  /** Readings that the walk did not accept. */
  readonly exceptions: readonly WalkException[];
  readonly conflicts: readonly ReadingConflict[];
  readonly blocks: readonly BlockForm[];
  readonly replacement: FinalAmount | null;
  /** Parts of the window in which an agreement supplied the service point; null: not known. */
  readonly agreed: readonly Span[] | null;
  readonly isOccupied: boolean | null;
  /** True: the meter saw voltage; a window without any reading of it is null. */
  readonly hasVoltage: boolean | null;
  /** Power outages of the meter's own event log. */
  readonly outages: readonly Span[];
};
