import type { Fraction } from '../exact.ts';

/** What a bill is made of, and what goes into it beside the readings. */

export const lineKinds = [
  'energy',
  'demand',
  'reactive',
  'fixed',
  'minimum',
  'adjustment',
  'discount',
  'tax',
  'credit',
] as const;
export type LineKind = (typeof lineKinds)[number];

export type LineUnit =
  | 'kWh'
  | 'kvarh'
  | 'kW'
  | 'kVA'
  | 'kvar'
  | 'bill'
  | 'day'
  | 'month'
  | 'year'
  /** Of money: the price is then a percentage. */
  | 'currency';

/** One amount with its reason. Amounts that lower the bill are negative. */
export type Line = {
  /** Name of the component; `Rounding` for the difference that rounding the bill leaves. */
  readonly component: string;
  readonly kind: LineKind;
  /** Of the component's calendar; null where it has none. */
  readonly period: string | null;
  /** From 1; null where the component has no tiers. */
  readonly tier: number | null;
  readonly quantity: Fraction;
  readonly unit: LineUnit;
  /** Currency a unit, or percent; null where several prices made the line. */
  readonly price: Fraction | null;
  /** Currency units. */
  readonly exact: Fraction;
  /** Rounded where the tariff says so, otherwise the exact amount. */
  readonly amount: Fraction;
};

/** What an agreement says that tariffs may ask for; null: not said. */
export type AgreementAttributes = {
  readonly meters: bigint | null;
  /** At 10^-8 kW and A. */
  readonly contractedKwE8: bigint | null;
  readonly fuseAE8: bigint | null;
  readonly phases: bigint | null;
  readonly customerClass: string | null;
};

/**
 * What one bill leaves to the next, by name of the component, so that it outlives a change of
 * version. A function of readings and versions alone: a balance is never part of it.
 */
export type Carry = {
  /** kWh used in tiers that reset with the season or the year, and which one: `2026`, `summer`. */
  readonly tiers: ReadonlyMap<string, { readonly span: string; readonly usedKwh: Fraction }>;
  /** By demand component, newest last: the peak of each period of each month, `2026-03`. */
  readonly peaks: ReadonlyMap<
    string,
    readonly {
      readonly month: string;
      readonly period: string | null;
      readonly peak: Fraction;
    }[]
  >;
  /** By energy component of flow net and period: kWh that are still to be used. */
  readonly energyCredits: ReadonlyMap<string, ReadonlyMap<string | null, Fraction>>;
  /** By netting component, currency units. */
  readonly moneyCredits: ReadonlyMap<string, Fraction>;
  /** By yearly minimum: what counts towards it since the year began, and in how many months. */
  readonly minimumBase: ReadonlyMap<string, { readonly sum: Fraction; readonly months: number }>;
};

export const emptyCarry: Carry = {
  tiers: new Map(),
  peaks: new Map(),
  energyCredits: new Map(),
  moneyCredits: new Map(),
  minimumBase: new Map(),
};

export type BillWarning = {
  readonly code:
    | 'REACTIVE_NOT_METERED'
    | 'PRICE_PROVISIONAL'
    | 'SLOTS_MISSING'
    | 'INTERVAL_PRORATED'
    | 'DEMAND_FROM_LONGER_INTERVAL';
  readonly component: string | null;
  readonly message: string;
};

export type Bill = {
  readonly lines: readonly Line[];
  /** The sum of the lines' amounts, the line `Rounding` among them. */
  readonly total: Fraction;
  readonly carryOut: Carry;
  readonly warnings: readonly BillWarning[];
};
