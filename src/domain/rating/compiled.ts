import type { Component, RoundingPoint } from '../tariff/component.ts';
import type { BillFacts } from './facts.ts';
import type { Flow } from './load.ts';
import type { FastTotal } from './running.ts';

/** Slots of one window after the other. Slot numbers count from the bill's first slot. */
export type WindowTable = {
  /** The first slot of each window, and at the end the number of slots. Shared memory. */
  readonly starts: Int32Array;
  /** A window with fewer slots was cut off by the bill's ends or by a change of the clocks. */
  readonly slotsPerWindow: number;
};

/** What is kept of demand: the highest windows by period, or the highest of each local date. */
export type Measure = {
  readonly unit: 'kW' | 'kVA' | 'kvar';
  /** A bit for each channel of the tariff without whose data a window does not count. */
  readonly channelBits: number;
  readonly minutes: number;
  /** Null: windows slide, and the slots themselves are kept. */
  readonly windowTable: number | null;
  readonly top: number;
  readonly each: 'window' | 'day';
  readonly periodOfSuper: readonly number[];
  readonly periodCount: number;
  /** By slot, 1 where a window that begins there counts; null: everywhere. Shared memory. */
  readonly isCounted: Uint8Array | null;
  readonly countsEstimates: boolean;
};

/** The price of each slot in integers of 1/denominator currency a kWh. */
export type SpotPrices = {
  readonly flow: 'import' | 'export';
  /** NaN: no price is known. Shared memory. */
  readonly prices: Float64Array;
  /** The same where a price is beyond the safe integers; the numbers are then only marks. */
  readonly wide: readonly bigint[] | null;
  readonly denominator: bigint;
  /** The largest magnitude, for the check that a sum of products was exact. */
  readonly priceMax: number;
  /** Four slots by four, from the bill's first, have one price: quarter hours at hourly prices. */
  readonly isByFour: boolean;
  /** The slots' one price; null where it differs. */
  readonly uniform: bigint | null;
  /** By slot, 1 where the price is one that stands in for a missing one. */
  readonly isProvisional: Uint8Array | null;
};

/** Amounts that are rounded interval by interval, summed up as whole steps. */
export type RoundedSum = {
  readonly component: number;
  readonly windowTable: number;
  readonly point: RoundingPoint;
  readonly by:
    | {
        readonly how: 'prices';
        readonly flow: 'import' | 'export' | 'net';
        /** By period, what a kWh costs, and what a kWh of surplus earns under flow net. */
        readonly pricesE8: readonly bigint[];
        readonly surplusE8: readonly bigint[];
        readonly periodOfSuper: readonly number[];
      }
    | { readonly how: 'spot'; readonly spot: number };
};

/** Consecutive buckets over which the position in the tiers runs, and what it is carried by. */
export type TierSpan = {
  readonly label: string;
  readonly fromBucket: number;
  readonly toBucket: number;
};

export type CompiledComponent = {
  readonly component: Component;
  /** Names of the component's periods; one null where it has no calendar. */
  readonly periods: readonly (string | null)[];
  /** By super period, the index into the component's periods; 0 where it has no calendar. */
  readonly periodOfSuper: readonly number[];
  /** Indexes of the periods that occur in the bill, in the order of the calendar. */
  readonly occurring: readonly number[];
  /** Index of the period at the bill's first instant. */
  readonly firstPeriod: number;
  /** Of energy with tiers. */
  readonly spans: readonly TierSpan[];
  /** Indexes into the tariff's measures, spots and rounded sums; null where sums are enough. */
  readonly measures: readonly number[];
  readonly spot: number | null;
  readonly roundedSum: number | null;
};

/**
 * One tariff document over one bill: a local month or a part of it. Plain data: it can be posted to
 * a thread, and its tables are shared memory, so that a thread receives no copy of them.
 *
 * Sums are kept by bucket. For most tariffs a bucket is a super period: one period of each
 * calendar. Where the order of time counts (chronological tiers; tiers that begin anew with the
 * day or the season) it is a run of slots of one super period, in time order.
 */
export type CompiledTariff = {
  /** ISO 4217. */
  readonly currency: string;
  readonly zone: string;
  readonly facts: BillFacts;
  readonly slotMs: number;
  /** The load's own interval; a load may have been cut finer. */
  readonly intervalMs: number;
  /** The first slot at which an interval of the load begins. */
  readonly firstInterval: number;
  /** Slot values are whole units of 1/unitsPerWh Wh. */
  readonly unitsPerWh: number;
  /** The bill's first slot, counted in slotMs from 1970-01-01T00:00Z. */
  readonly firstSlot: number;
  readonly slotCount: number;
  /** Import first. Only what the document looks at. */
  readonly channels: readonly Flow[];
  /** Import and export of a slot cancel out before anything else. */
  readonly netsIntervals: boolean;
  readonly needsReactive: boolean;
  readonly superPeriodOfSlot: Uint8Array;
  readonly superPeriodCount: number;
  /** Runs in time order: the slot after the run's last, and its bucket. Shared memory. */
  readonly runEnds: Int32Array;
  readonly bucketOfRun: Int32Array;
  readonly bucketCount: number;
  readonly superPeriodOfBucket: Uint8Array;
  /** By slot, the local date as days since 1970-01-01. Shared memory. */
  readonly dayOfSlot: Int32Array;
  readonly components: readonly CompiledComponent[];
  readonly windowTables: readonly WindowTable[];
  readonly measures: readonly Measure[];
  readonly spots: readonly SpotPrices[];
  readonly roundedSums: readonly RoundedSum[];
  /** Slots are kept as they are, for windows that slide. */
  readonly keepsSlots: boolean;
  /** The highest demand of import, for tiers by kW. */
  readonly tierPeak: number | null;
  /** Null: the running total needs a bill. */
  readonly fast: FastTotal | null;
  readonly rounding: {
    readonly interval: RoundingPoint | null;
    readonly line: RoundingPoint | null;
    readonly tax: RoundingPoint | null;
    readonly bill: RoundingPoint | null;
  };
};

/** Whether anything is kept beside sums. */
export function hasFolds(compiled: CompiledTariff): boolean {
  return (
    compiled.measures.length > 0 || compiled.spots.length > 0 || compiled.roundedSums.length > 0
  );
}

/** Shared between threads; views of it are cloned without a copy. */
export function sharedInt32(values: ArrayLike<number>): Int32Array {
  const shared = new Int32Array(new SharedArrayBuffer(values.length * 4));
  shared.set(values);
  return shared;
}

export function sharedUint8(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

export function sharedFloat64(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * 8));
}
