import type { RoundingMode } from '../exact.ts';
import type { attributeNames } from './componentShape.ts';

/**
 * A tariff's components, checked and with numbers for texts. Every `...E8` is an integer at 10^-8
 * of its unit: currency, currency a kWh, kWh, kW, percent or a plain ratio.
 */

export type RoundingPoint = { readonly stepE8: bigint; readonly mode: RoundingMode };

export type Tier = {
  /** Null for the last one, which is open. */
  readonly upToE8: bigint | null;
  readonly priceE8: bigint;
  /** Due as soon as the tier is reached. */
  readonly flatE8: bigint;
};

/** Prices by period of a calendar. Without a calendar there is one period, whose name is null. */
export type Prices = {
  readonly calendarIndex: number | null;
  readonly periods: readonly (string | null)[];
  /** By period; one open tier where the price is plain. */
  readonly tiers: readonly (readonly Tier[])[];
};

/** Lines of components above, by index; `subtotal` is resolved to all of them. */
export type Base = readonly number[];

export type AttributeName = (typeof attributeNames)[number];

type Common = {
  readonly name: string;
  /** Of the component's lines; null: the version's point for its kind. */
  readonly rounding: RoundingPoint | null;
  readonly when: {
    readonly useAtMostE8: bigint | null;
    readonly useAboveE8: bigint | null;
    readonly customerClasses: readonly string[] | null;
  };
};

export type TierRule = {
  readonly unit: 'kWh' | 'kWh/day' | 'kWh/kW' | 'kWh/kW/day';
  readonly kw: 'peak' | 'contracted';
  readonly reset: 'bill' | 'day' | 'month' | 'season' | 'year';
  readonly resetMonth: number;
  readonly allocation: 'chronological' | 'proportional' | 'perPeriod' | 'volume';
  /** `perDays` n: `upTo` is for n days. */
  readonly proration: 'none' | 'days' | { readonly perDays: number };
};

export type EnergyComponent = Common & {
  readonly kind: 'energy';
  readonly flow: 'import' | 'export' | 'net';
  readonly prices: Prices;
  /** Null: every price is plain. */
  readonly tierRule: TierRule | null;
  readonly quantity: RoundingPoint | null;
  /** By period; what a surplus of flow net earns under moneyCredits. */
  readonly surplusE8: readonly bigint[];
};

export type DynamicComponent = Common & {
  readonly kind: 'dynamic';
  readonly flow: 'import' | 'export';
  readonly series: string;
  readonly factorE8: bigint;
  readonly adderE8: bigint;
  readonly capE8: bigint | null;
  readonly floorE8: bigint | null;
  readonly resolutionMinutes: 15 | 30 | 60 | null;
  readonly missing: 'refuse' | 'last' | { readonly priceE8: bigint };
};

export type Ratchet = {
  readonly percentE8: bigint;
  /** Previous months, this one not counted. */
  readonly months: number;
  /** Null: all months, all periods. */
  readonly ofMonths: readonly number[] | null;
  readonly ofPeriods: readonly number[] | null;
};

export type DemandComponent = Common & {
  readonly kind: 'demand';
  readonly unit: 'kW' | 'kVA' | 'kvar';
  readonly windowMinutes: number;
  readonly sliding: boolean;
  readonly measure:
    | 'max'
    | 'contracted'
    | { readonly meanOfTop: number; readonly each: 'day' | 'window' };
  readonly prices: Prices;
  readonly meanOfMonths: { readonly months: number; readonly floorE8: bigint } | null;
  readonly minimumE8: bigint;
  readonly ratchets: readonly Ratchet[];
  /** UTC, [fromMs, toMs); null: every instant counts. */
  readonly coincident: readonly { readonly fromMs: number; readonly toMs: number }[] | null;
  readonly quantity: RoundingPoint | null;
  readonly countsEstimates: boolean;
  readonly proration: 'none' | 'days';
  readonly unmetered: 'refuse' | 'leaveOut';
};

export type Quadrant = 'q1' | 'q2' | 'q3' | 'q4';

type ReactiveCommon = Common & {
  readonly kind: 'reactive';
  readonly unmetered: 'refuse' | 'leaveOut';
};
export type ReactiveComponent =
  | (ReactiveCommon & {
      readonly measure: 'excess';
      readonly quadrants: readonly Quadrant[];
      readonly freeShareE8: bigint;
      readonly prices: Prices;
    })
  | (ReactiveCommon & {
      readonly measure: 'powerFactor';
      readonly quadrants: readonly Quadrant[];
      readonly decimals: number;
      readonly mode: RoundingMode;
      readonly steps: readonly {
        readonly side: 'below' | 'above';
        readonly limitE8: bigint;
        readonly percentE8: bigint;
        readonly perE8: bigint;
      }[];
      readonly of: Base;
    })
  | (ReactiveCommon & {
      readonly measure: 'kvaAdjustment';
      readonly targetE8: bigint;
      readonly windowMinutes: number;
      readonly priceE8: bigint;
    });

export type FixedComponent = Common & {
  readonly kind: 'fixed';
  /** By the bill's import; one open step where the amount is plain. Null: by calendar period. */
  readonly steps: readonly { readonly upToE8: bigint | null; readonly amountE8: bigint }[] | null;
  readonly byPeriod: {
    readonly calendarIndex: number;
    readonly amountsE8: readonly bigint[];
  } | null;
  readonly per: 'bill' | 'day' | 'month' | 'year';
  readonly times: AttributeName | null;
  /** Of 10^8; null: as much as with use. */
  readonly withoutUseE8: bigint | null;
  readonly proration: 'none' | 'days';
};

export type MinimumComponent = Common & {
  readonly kind: 'minimum';
  readonly amountE8: bigint;
  readonly per: 'bill' | 'day' | 'month' | 'year';
  readonly times: AttributeName | null;
  readonly of: Base;
  readonly month: number;
  readonly proration: 'none' | 'days';
};

export type AdjustComponent = Common & {
  readonly kind: 'adjust';
  readonly by:
    | { readonly how: 'perKwh'; readonly priceE8: bigint }
    | { readonly how: 'percent'; readonly percentE8: bigint; readonly of: Base }
    | {
        readonly how: 'loss';
        readonly noLoadE8: bigint;
        readonly loadPercentE8: bigint;
        readonly priceE8: bigint;
      };
};

export type DiscountComponent = Common & {
  readonly kind: 'discount';
  readonly by:
    | { readonly how: 'amount'; readonly amountE8: bigint }
    | { readonly how: 'percent'; readonly percentE8: bigint };
  readonly of: Base;
  readonly floorE8: bigint | null;
};

export type TaxComponent = Common & {
  readonly kind: 'tax';
  readonly by:
    | { readonly how: 'percent'; readonly percentE8: bigint; readonly of: Base }
    | { readonly how: 'perKwh'; readonly priceE8: bigint };
  readonly each: 'line' | 'sum';
  readonly exemptE8: bigint;
};

export type TrueUp = {
  readonly month: number;
  /** Currency a kWh for credits in kWh; the share paid out for credits in money. */
  readonly priceE8: bigint;
  readonly shareE8: bigint;
};

type NettingCommon = Common & { readonly kind: 'netting' };
export type NettingComponent =
  | (NettingCommon & { readonly method: 'interval' | 'buyAllSellAll' })
  | (NettingCommon & {
      readonly method: 'energyCredits';
      readonly carry: ReadonlyMap<string, string>;
      readonly trueUp: TrueUp | null;
    })
  | (NettingCommon & {
      readonly method: 'moneyCredits';
      readonly of: Base;
      readonly trueUp: TrueUp | null;
    })
  | (NettingCommon & {
      readonly method: 'netBilling';
      readonly of: Base;
      readonly unused: 'carryOver' | 'applyNow' | 'expire';
      readonly trueUp: TrueUp | null;
    });

export type Component =
  | EnergyComponent
  | DynamicComponent
  | DemandComponent
  | ReactiveComponent
  | FixedComponent
  | MinimumComponent
  | AdjustComponent
  | DiscountComponent
  | TaxComponent
  | NettingComponent;
