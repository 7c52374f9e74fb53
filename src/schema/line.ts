import { exactText } from '../domain/exactText.ts';
import { divideRounded, microsOf } from '../domain/exact.ts';
import type { BillWarning, Line, LineKind } from '../domain/rating/bill.ts';
import { builder } from './builder.ts';
import { Energy } from './energy.ts';
import { Money } from './money.ts';

export const LineKindEnum = builder.enumType('LineKind', {
  values: {
    ENERGY: { value: 'energy' },
    DEMAND: { value: 'demand' },
    REACTIVE: { value: 'reactive' },
    FIXED: { value: 'fixed' },
    MINIMUM: { value: 'minimum' },
    ADJUSTMENT: { value: 'adjustment' },
    DISCOUNT: { value: 'discount' },
    TAX: { value: 'tax' },
    CREDIT: { value: 'credit' },
  } as const satisfies { readonly [Kind in LineKind as Uppercase<Kind>]: { value: Kind } },
});

export type LineView = Line & { readonly currency: string };

/** Whole watt-hours of a line, half-even: a prorated interval may have a fraction of one. */
function wattHoursOf({ quantity }: Line): bigint {
  return divideRounded(quantity.numerator * 1_000n, quantity.denominator, 'half-even');
}

export const ChargeLine = builder.objectRef<LineView>('ChargeLine').implement({
  description: 'One amount with its reason. Amounts that lower the bill are negative.',
  fields: (t) => ({
    component: t.exposeString('component', {
      description: 'Of the tariff; "Rounding" for what rounding the bill leaves.',
    }),
    kind: t.field({ type: LineKindEnum, resolve: ({ kind }) => kind }),
    period: t.exposeString('period', {
      nullable: true,
      description: "The tariff's period, such as peak; null where the component has none.",
    }),
    tier: t.exposeInt('tier', { nullable: true, description: 'From 1.' }),
    quantity: t.field({ type: 'Decimal', resolve: ({ quantity }) => exactText(quantity) }),
    unit: t.exposeString('unit', { description: 'Of the quantity, such as kWh, kW, day, bill.' }),
    price: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'Currency a unit, or percent of it; null where several prices made the line.',
      resolve: ({ price }) => (price === null ? null : exactText(price)),
    }),
    exact: t.field({
      type: 'Decimal',
      description: 'Before rounding; 18 decimals where it has no end.',
      resolve: ({ exact }) => exactText(exact),
    }),
    amount: t.field({
      type: Money,
      description: 'As the tariff rounds it.',
      resolve: ({ amount, currency }) => ({ micros: microsOf(amount), currency }),
    }),
    energy: t.field({
      type: Energy,
      nullable: true,
      description: 'The quantity where it is energy.',
      resolve: (line) => (line.unit === 'kWh' ? { wh: wattHoursOf(line) } : null),
    }),
    pricePerKilowattHour: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'The price where the quantity is energy.',
      resolve: ({ unit, price }) => (unit === 'kWh' && price !== null ? exactText(price) : null),
    }),
  }),
});

export const BillWarningRef = builder.objectRef<BillWarning>('BillWarning').implement({
  description: 'What a bill rests on that is not as it should be.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable; match on it.' }),
    component: t.exposeString('component', { nullable: true }),
    message: t.exposeString('message'),
  }),
});
