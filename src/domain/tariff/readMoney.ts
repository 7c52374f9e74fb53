import type {
  AdjustComponent,
  DiscountComponent,
  FixedComponent,
  MinimumComponent,
  TaxComponent,
} from './component.ts';
import type { ComponentShape } from './componentShape.ts';
import { readShareE8 } from './readEnergy.ts';
import type { Named } from './readEnergy.ts';
import { readE8, readOptionalE8, readPriceE8 } from './readNumber.ts';
import { readBase, readByPeriod, readCalendarName, reportLimits } from './readPrices.ts';
import type { Context } from './readPrices.ts';
import { readEach, report, within } from './refusal.ts';
import type { Spot } from './refusal.ts';

type ShapeOf<Kind> = Extract<ComponentShape, { kind: Kind }>;
type FixedShape = ShapeOf<'fixed'>;

const notNegative = { least: 0n };

/** True when exactly one of the fields is given. */
function reportChoice(spot: Spot, fields: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(fields);
  const given = names.filter((field) => fields[field] !== undefined);
  if (given.length === 1) return true;
  const [first = '', second] = given;
  const place = within(spot, second ?? names[0] ?? '');
  const choice = names.join(', ');
  const message =
    second === undefined
      ? `the component charges nothing; give one of ${choice}.`
      : `${first} is given too; keep exactly one of ${choice}.`;
  report(place, second === undefined ? 'TARIFF_PRICE_MISSING' : 'TARIFF_MALFORMED', message);
  return false;
}

function readSteps(spot: Spot, amount: FixedShape['amount']): FixedComponent['steps'] {
  if (amount === undefined) return null;
  if (typeof amount === 'string') return [{ upToE8: null, amountE8: readE8(spot, amount) }];
  const steps = readEach(spot, amount, (stepSpot, step) => ({
    upToE8: readOptionalE8(within(stepSpot, 'upTo'), step.upTo, notNegative),
    amountE8: readE8(within(stepSpot, 'amount'), step.amount),
  }));
  // A first step up to 0 kWh is the amount of a bill without use.
  reportLimits(
    spot,
    steps.map(({ upToE8 }) => upToE8),
    -1n,
  );
  return steps;
}

function readAmounts(spot: Spot, raw: FixedShape, context: Context): FixedComponent['byPeriod'] {
  if (raw.calendar === undefined) {
    if (raw.amounts !== undefined) {
      const message = 'amounts by period need a calendar; name one, or give one amount.';
      report(within(spot, 'amounts'), 'TARIFF_MALFORMED', message);
    }
    return null;
  }
  const calendarIndex = readCalendarName(within(spot, 'calendar'), raw.calendar, context);
  const calendar = calendarIndex === null ? undefined : context.calendars[calendarIndex];
  if (raw.amounts === undefined) {
    const message = 'the calendar’s periods have no amounts; give one for each.';
    report(within(spot, 'amounts'), 'TARIFF_PRICE_MISSING', message);
  }
  if (calendarIndex === null || calendar === undefined || raw.amounts === undefined) return null;
  const amountsE8 = readByPeriod(within(spot, 'amounts'), raw.amounts, calendar, (at, text) =>
    readE8(at, text),
  );
  return { calendarIndex, amountsE8 };
}

export function readFixed(
  spot: Spot,
  raw: FixedShape,
  named: Named,
  context: Context,
): FixedComponent {
  reportChoice(spot, { amount: raw.amount, calendar: raw.calendar ?? raw.amounts });
  if (raw.per === 'year' && raw.proration === 'none') {
    const message = 'every bill has its days of a yearly amount; remove it, or charge per bill.';
    report(within(spot, 'proration'), 'TARIFF_MALFORMED', message);
  }
  const { withoutUse } = raw;
  return {
    ...named,
    kind: 'fixed',
    steps: readSteps(within(spot, 'amount'), raw.amount),
    byPeriod: readAmounts(spot, raw, context),
    per: raw.per,
    times: raw.times ?? null,
    withoutUseE8:
      withoutUse === undefined ? null : readShareE8(within(spot, 'withoutUse'), withoutUse),
    proration: raw.proration,
  };
}

export function readMinimum(
  spot: Spot,
  raw: ShapeOf<'minimum'>,
  named: Named,
  context: Context,
): MinimumComponent {
  if (raw.per === 'year' && raw.month === undefined) {
    const message = 'a yearly minimum is settled by one bill; give its month, such as 12.';
    report(within(spot, 'month'), 'TARIFF_MALFORMED', message);
  }
  if (raw.per !== 'year' && raw.month !== undefined) {
    const message = 'only a yearly minimum has a month that settles it; remove it.';
    report(within(spot, 'month'), 'TARIFF_MALFORMED', message);
  }
  return {
    ...named,
    kind: 'minimum',
    amountE8: readE8(within(spot, 'amount'), raw.amount, notNegative),
    per: raw.per,
    times: raw.times ?? null,
    of: readBase(within(spot, 'of'), raw.of, context),
    month: raw.month ?? 12,
    proration: raw.proration,
  };
}

/** A percentage says of what, and nothing else does. */
function readPercentBase(
  spot: Spot,
  raw: Pick<ShapeOf<'adjust'>, 'percent' | 'of'>,
  context: Context,
): readonly number[] {
  if (raw.percent === undefined && raw.of !== undefined) {
    const message = 'only a percentage is of other lines; remove it, or give a percent.';
    report(within(spot, 'of'), 'TARIFF_MALFORMED', message);
  }
  if (raw.percent !== undefined && raw.of === undefined) {
    const message = 'a percentage of what; name components above, or write "subtotal".';
    report(within(spot, 'of'), 'TARIFF_MALFORMED', message);
  }
  return raw.of === undefined ? [] : readBase(within(spot, 'of'), raw.of, context);
}

export function readAdjust(
  spot: Spot,
  raw: ShapeOf<'adjust'>,
  named: Named,
  context: Context,
): AdjustComponent {
  const { perKwh, percent, loss } = raw;
  reportChoice(spot, { perKwh, percent, loss });
  const of = readPercentBase(spot, raw, context);
  const common = { ...named, kind: 'adjust' } as const;
  if (loss !== undefined) {
    const at = within(spot, 'loss');
    const by = {
      how: 'loss',
      noLoadE8: readE8(within(at, 'noLoadKw'), loss.noLoadKw, notNegative),
      loadPercentE8: readE8(within(at, 'loadPercent'), loss.loadPercent, notNegative),
      priceE8: readPriceE8(within(at, 'price'), loss.price),
    } as const;
    return { ...common, by };
  }
  if (percent !== undefined) {
    const percentE8 = readE8(within(spot, 'percent'), percent);
    return { ...common, by: { how: 'percent', percentE8, of } };
  }
  const priceE8 = readPriceE8(within(spot, 'perKwh'), perKwh ?? '0');
  return { ...common, by: { how: 'perKwh', priceE8 } };
}

function readDiscountPercent(spot: Spot, percent: string): bigint {
  const percentE8 = readE8(spot, percent);
  if (percentE8 < 0n) {
    const message = 'a discount is written positive; what raises the bill is an adjust component.';
    report(spot, 'TARIFF_MALFORMED', message);
  }
  return percentE8;
}

export function readDiscount(
  spot: Spot,
  raw: ShapeOf<'discount'>,
  named: Named,
  context: Context,
): DiscountComponent {
  const { amount, percent } = raw;
  reportChoice(spot, { amount, percent });
  return {
    ...named,
    kind: 'discount',
    by:
      percent === undefined
        ? {
            how: 'amount',
            amountE8: readE8(within(spot, 'amount'), amount ?? '0', notNegative),
          }
        : { how: 'percent', percentE8: readDiscountPercent(within(spot, 'percent'), percent) },
    of: readBase(within(spot, 'of'), raw.of, context),
    floorE8: readOptionalE8(within(spot, 'floor'), raw.floor),
  };
}

function readTaxPercent(spot: Spot, percent: string): bigint {
  const percentE8 = readE8(spot, percent);
  if (percentE8 < 0n) {
    const message = 'a tax is not negative; write a reduction as a discount.';
    report(spot, 'TARIFF_MALFORMED', message);
  }
  return percentE8;
}

export function readTax(
  spot: Spot,
  raw: ShapeOf<'tax'>,
  named: Named,
  context: Context,
): TaxComponent {
  const { percent, perKwh } = raw;
  reportChoice(spot, { percent, perKwh });
  const of = readPercentBase(spot, raw, context);
  if (raw.each === 'line' && percent === undefined) {
    const message = 'a tax a kWh is of no lines; remove it, or give a percent.';
    report(within(spot, 'each'), 'TARIFF_MALFORMED', message);
  }
  return {
    ...named,
    kind: 'tax',
    by:
      percent === undefined
        ? { how: 'perKwh', priceE8: readPriceE8(within(spot, 'perKwh'), perKwh ?? '0') }
        : { how: 'percent', percentE8: readTaxPercent(within(spot, 'percent'), percent), of },
    each: raw.each,
    exemptE8: readOptionalE8(within(spot, 'exemptKwh'), raw.exemptKwh, notNegative) ?? 0n,
  };
}
