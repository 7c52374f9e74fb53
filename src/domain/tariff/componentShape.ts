import { z } from 'zod';
import { roundingModes } from '../exact.ts';
import {
  coincidentWindowsMax,
  componentsPerTariffMax,
  lookBackMonthsMax,
  powerFactorStepsMax,
  ratchetsPerDemandMax,
  tiersPerPriceMax,
  topPeaksMax,
} from './limits.ts';
import { decimalText, instant, monthNumber, name, roundingPoint } from './textShape.ts';

/** Consecutive steps, each from the end of the one before it. The last has no `upTo`. */
const tierShape = z.strictObject({
  upTo: decimalText.optional(),
  price: decimalText,
  /** An amount that is due as soon as the tier is reached; the first tier always is. */
  flat: decimalText.optional(),
});
/** One price for all, or tiers. */
const priceShape = z.union([decimalText, z.array(tierShape).min(1).max(tiersPerPriceMax)]);

/** What every component has. `rounding` is of its own lines and goes before the version's. */
const common = {
  name,
  rounding: roundingPoint.optional(),
  /** The component is on the bill only where all of this holds. Use is the bill's import in kWh. */
  when: z
    .strictObject({
      useAtMostKwh: decimalText.optional(),
      useAboveKwh: decimalText.optional(),
      customerClasses: z.array(name).min(1).max(32).optional(),
    })
    .optional(),
};
/** Either `price`, or `calendar` with `prices` by its period. */
const priced = {
  calendar: name.optional(),
  price: priceShape.optional(),
  prices: z.record(name, priceShape).optional(),
};
/** Names of components above this one, or all lines above it. */
const base = z.union([z.literal('subtotal'), z.array(name).min(1).max(componentsPerTariffMax)]);
const flow = z.enum(['import', 'export', 'net']);
const quadrant = z.enum(['q1', 'q2', 'q3', 'q4']);
export const attributeNames = ['meters', 'contractedKw', 'fuseA', 'phases'] as const;

const energyShape = z.strictObject({
  kind: z.literal('energy'),
  ...common,
  /** Import is charged; export is credited at its price; net is import less export. */
  flow,
  ...priced,
  /** Needed as soon as a price has tiers. */
  tiers: z
    .strictObject({
      unit: z.enum(['kWh', 'kWh/day', 'kWh/kW', 'kWh/kW/day']),
      /** Whose kW: the bill's highest demand of import, or the agreement's contracted kW. */
      kw: z.enum(['peak', 'contracted']).optional(),
      reset: z.enum(['bill', 'day', 'month', 'season', 'year']),
      /** Of a yearly reset: the month that begins the year; January unless given. */
      resetMonth: monthNumber.optional(),
      allocation: z.enum(['chronological', 'proportional', 'perPeriod', 'volume']),
      /**
       * How `upTo` in kWh or kWh/kW follows the length of a bill: not at all, by the billed days
       * of its month, or as so many kWh in `perDays` days.
       */
      proration: z
        .union([z.literal('none'), z.literal('days'), z.strictObject({ perDays: z.int().min(1) })])
        .optional(),
    })
    .optional(),
  /** The quantity of each line is rounded before it is priced: whole kWh, packages of 10. */
  quantity: roundingPoint.optional(),
  /**
   * Of flow net under moneyCredits: what a period's surplus earns; its first price unless given.
   */
  surplusPrice: decimalText.optional(),
  surplusPrices: z.record(name, decimalText).optional(),
});

/** Price of an instant = price of the series x factor + adder, then cap, then floor. */
const dynamicShape = z.strictObject({
  kind: z.literal('dynamic'),
  ...common,
  flow: z.enum(['import', 'export']),
  series: name,
  factor: decimalText.optional(),
  /** Currency a kWh. */
  adder: decimalText.optional(),
  cap: decimalText.optional(),
  floor: decimalText.optional(),
  /** The simple mean of the series' prices over so many minutes of local time. */
  resolutionMinutes: z.union([z.literal(15), z.literal(30), z.literal(60)]).optional(),
  /** Where the series has no price: refuse the bill, a provisional price, or the last one known. */
  missing: z.union([
    z.literal('refuse'),
    z.literal('last'),
    z.strictObject({ price: decimalText }),
  ]),
});

const demandShape = z.strictObject({
  kind: z.literal('demand'),
  ...common,
  unit: z.enum(['kW', 'kVA', 'kvar']),
  windowMinutes: z.union([
    z.literal(5),
    z.literal(10),
    z.literal(15),
    z.literal(30),
    z.literal(60),
  ]),
  /** Windows begin at every interval of the load instead of one after the other. */
  sliding: z.boolean().default(false),
  /** The highest window, the mean of the top ones, or the agreement's contracted kW. */
  measure: z.union([
    z.literal('max'),
    z.literal('contracted'),
    z.strictObject({ meanOfTop: z.int().min(1).max(topPeaksMax), each: z.enum(['day', 'window']) }),
  ]),
  ...priced,
  /** The mean of the monthly peaks of this and the previous months, each at least `floor`. */
  meanOfMonths: z
    .strictObject({ months: z.int().min(2).max(lookBackMonthsMax), floor: decimalText.optional() })
    .optional(),
  /** At least so much is billed. */
  minimum: decimalText.optional(),
  /** At least a share of the highest peak of `months` previous months, this one not counted. */
  ratchets: z
    .array(
      z.strictObject({
        percent: decimalText,
        months: z.int().min(1).max(lookBackMonthsMax),
        /** Only these months' peaks count. */
        ofMonths: z.array(monthNumber).min(1).max(12).optional(),
        /** Only the peaks of these periods count. */
        ofPeriods: z.array(name).min(1).optional(),
      }),
    )
    .max(ratchetsPerDemandMax)
    .default([]),
  /** Only demand within these counts: the hours of the system's peaks. */
  coincident: z
    .array(z.strictObject({ from: instant, to: instant }))
    .min(1)
    .max(coincidentWindowsMax)
    .optional(),
  quantity: roundingPoint.optional(),
  /** An estimated interval makes no peak unless the tariff says so. */
  countsEstimates: z.boolean().default(false),
  proration: z.enum(['none', 'days']).default('none'),
  /** Without reactive registers: no line and a warning, instead of a refusal. */
  unmetered: z.enum(['refuse', 'leaveOut']).default('refuse'),
});

const reactiveCommon = {
  kind: z.literal('reactive'),
  ...common,
  unmetered: z.enum(['refuse', 'leaveOut']).default('refuse'),
};
const reactiveShape = z.discriminatedUnion('measure', [
  /** kvarh of the quadrants above a free share of the imported kWh. */
  z.strictObject({
    ...reactiveCommon,
    measure: z.literal('excess'),
    quadrants: z.array(quadrant).min(1).max(4),
    freeShare: decimalText.default('0'),
    ...priced,
  }),
  /** Percent of lines for each `per` that the power factor lies below or above a step. */
  z.strictObject({
    ...reactiveCommon,
    measure: z.literal('powerFactor'),
    quadrants: z.array(quadrant).min(1).max(4),
    decimals: z.int().min(1).max(6),
    mode: z.enum(roundingModes),
    steps: z
      .array(
        z.strictObject({
          below: decimalText.optional(),
          above: decimalText.optional(),
          percent: decimalText,
          per: decimalText,
        }),
      )
      .min(1)
      .max(powerFactorStepsMax),
    of: base,
  }),
  /** Billed is target power factor x kVA where that is above the kW; charged is the difference. */
  z.strictObject({
    ...reactiveCommon,
    measure: z.literal('kvaAdjustment'),
    target: decimalText,
    windowMinutes: z.union([z.literal(15), z.literal(30), z.literal(60)]),
    price: decimalText,
  }),
]);

const fixedShape = z.strictObject({
  kind: z.literal('fixed'),
  ...common,
  /** An amount, or steps by the bill's import in kWh: the whole amount of the step it ends in. */
  amount: z
    .union([
      decimalText,
      z
        .array(z.strictObject({ upTo: decimalText.optional(), amount: decimalText }))
        .min(1)
        .max(tiersPerPriceMax),
    ])
    .optional(),
  /** Instead of `amount`: by the period in which the bill begins. */
  calendar: name.optional(),
  amounts: z.record(name, decimalText).optional(),
  per: z.enum(['bill', 'day', 'month', 'year']),
  times: z.enum(attributeNames).optional(),
  /** The share that a bill without any import pays. */
  withoutUse: decimalText.optional(),
  /** Of month and year: by billed days of it, unless `none`. */
  proration: z.enum(['none', 'days']).default('days'),
});

const minimumShape = z.strictObject({
  kind: z.literal('minimum'),
  ...common,
  amount: decimalText,
  per: z.enum(['bill', 'day', 'month', 'year']),
  times: z.enum(attributeNames).optional(),
  of: base,
  /** Of a yearly minimum: the month whose bill settles the twelve that end with it. */
  month: monthNumber.optional(),
  proration: z.enum(['none', 'days']).default('days'),
});

/** Exactly one of perKwh, percent and loss. */
const adjustShape = z.strictObject({
  kind: z.literal('adjust'),
  ...common,
  /** Currency a kWh of import. */
  perKwh: decimalText.optional(),
  percent: decimalText.optional(),
  of: base.optional(),
  /** Transformer losses of low-side metering, in kWh at a price. */
  loss: z
    .strictObject({ noLoadKw: decimalText, loadPercent: decimalText, price: decimalText })
    .optional(),
});

/** Exactly one of amount and percent, written positive. */
const discountShape = z.strictObject({
  kind: z.literal('discount'),
  ...common,
  amount: decimalText.optional(),
  percent: decimalText.optional(),
  of: base,
  /** What it is taken from does not fall below this. */
  floor: decimalText.optional(),
});

/** Exactly one of percent and perKwh. */
const taxShape = z.strictObject({
  kind: z.literal('tax'),
  ...common,
  percent: decimalText.optional(),
  of: base.optional(),
  /** Rounded for each line that is taxed, or once for their sum. */
  each: z.enum(['line', 'sum']).default('sum'),
  perKwh: decimalText.optional(),
  /** The first so many kWh of the bill are free of it; a percentage is reduced in proportion. */
  exemptKwh: decimalText.optional(),
});

const trueUp = z.strictObject({
  /** The bill of this month settles what is left. */
  month: monthNumber,
  /** Currency a kWh of credits left, or the share of money left that is paid out. */
  price: decimalText.optional(),
  share: decimalText.optional(),
});
const nettingCommon = { kind: z.literal('netting'), ...common };
const nettingShape = z.discriminatedUnion('method', [
  /** Import and export of one interval cancel out before anything else. */
  z.strictObject({ ...nettingCommon, method: z.literal('interval') }),
  /** Net metering: a period's surplus is kept in kWh; components of flow net use it. */
  z.strictObject({
    ...nettingCommon,
    method: z.literal('energyCredits'),
    /** Where credits of a period are used when it does not occur: from period to period. */
    carry: z.record(name, name).default({}),
    trueUp: trueUp.optional(),
  }),
  /** Net metering in money: what lines of flow net earn pays for later ones. */
  z.strictObject({
    ...nettingCommon,
    method: z.literal('moneyCredits'),
    of: base,
    trueUp: trueUp.optional(),
  }),
  /** Export is credited at its own price, interval by interval. */
  z.strictObject({
    ...nettingCommon,
    method: z.literal('netBilling'),
    of: base,
    /** What is left when the credits are more than `of`: kept, paid at once, or lost. */
    unused: z.enum(['carryOver', 'applyNow', 'expire']),
    trueUp: trueUp.optional(),
  }),
  /** All use is bought and all generation sold: the registers are gross, nothing cancels out. */
  z.strictObject({ ...nettingCommon, method: z.literal('buyAllSellAll') }),
]);

/** A component as people write it. What the fields mean together, document.ts checks. */
export const componentShape = z.discriminatedUnion('kind', [
  energyShape,
  dynamicShape,
  demandShape,
  reactiveShape,
  fixedShape,
  minimumShape,
  adjustShape,
  discountShape,
  taxShape,
  nettingShape,
]);

export type ComponentShape = z.output<typeof componentShape>;
