import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { monthCalendar, monthsAlike, monthsName } from './scheduleCalendar.ts';

type ComponentText = TariffText['components'][number];
type TierText = { upTo?: string; price: string; flat?: string };

/** One component and nothing else, in a currency of two decimals. */
export function tariffOf(...components: ComponentText[]): TariffText {
  return { currency: 'EUR', components };
}

/** Tiers of a month's use; the units of the source are kWh here. */
export function tieredTariff(
  allocation: 'chronological' | 'volume',
  price: TierText[],
): TariffText {
  const tiers = { unit: 'kWh', reset: 'bill', allocation, proration: 'none' } as const;
  return tariffOf({ kind: 'energy', name: 'energy', flow: 'import', price, tiers });
}

/** Packages of ten at 100: 10 a unit, the quantity of each tier up to whole packages. */
export function packageTariff(freeUnits: number): TariffText {
  const priced = { price: '10' };
  const tiers = { unit: 'kWh', reset: 'bill', allocation: 'chronological' } as const;
  const quantity = { step: '10', mode: 'up' } as const;
  const common = { kind: 'energy', name: 'energy', flow: 'import', quantity } as const;
  if (freeUnits === 0) return tariffOf({ ...common, ...priced });
  const free = { upTo: String(freeUnits), price: '0' };
  return tariffOf({ ...common, price: [free, priced], tiers: { ...tiers, proration: 'none' } });
}

/** Demand at a price of its month, with a look back at earlier peaks. */
export function lookBackTariff(given: {
  readonly rates: readonly number[];
  readonly percent: string;
  readonly months: number;
  readonly ofMonths?: number[];
}): TariffText {
  const { rates, percent, months, ofMonths } = given;
  const groups = monthsAlike((month) => rates[month]);
  const prices = Object.fromEntries(
    groups.map(([month = 0], index) => [monthsName(index), String(rates[month])]),
  );
  return {
    ...tariffOf({
      kind: 'demand',
      name: 'demand',
      unit: 'kW',
      windowMinutes: 60,
      measure: 'max',
      calendar: 'months',
      prices,
      ratchets: [{ percent, months, ...(ofMonths === undefined ? {} : { ofMonths }) }],
    }),
    calendars: [monthCalendar('months', groups)],
  };
}

/** A bill of 2,000 whose power factor is judged; steps of 0.01 below 0.85 and below 0.75. */
export const powerFactorTariff = tariffOf(
  { kind: 'fixed', name: 'bill', amount: '2000', per: 'bill' },
  {
    kind: 'reactive',
    name: 'surcharge',
    measure: 'powerFactor',
    quadrants: ['q1'],
    decimals: 2,
    mode: 'half-up',
    steps: [
      { below: '0.85', percent: '1.5', per: '0.01' },
      { below: '0.75', percent: '3', per: '0.01' },
    ],
    of: ['bill'],
  },
);

export const kvaAdjustmentTariff = tariffOf({
  kind: 'reactive',
  name: 'penalty',
  measure: 'kvaAdjustment',
  target: '0.9',
  windowMinutes: 15,
  price: '10',
});

export const kvaDemandTariff = tariffOf({
  kind: 'demand',
  name: 'demand',
  unit: 'kVA',
  windowMinutes: 15,
  measure: 'max',
  price: '10',
});

/** 0.40 from 07:00 to 22:00, else 0.10; 0.5 a day besides. */
export const openEnergyTariff: TariffText = {
  ...tariffOf(
    {
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      calendar: 'tou',
      prices: { day: '0.40', night: '0.10' },
    },
    { kind: 'fixed', name: 'supply', amount: '0.5', per: 'day' },
  ),
  calendars: [
    {
      name: 'tou',
      rules: [
        { from: '07:00', to: '22:00', period: 'day' },
        { from: '00:00', to: '24:00', period: 'night' },
      ],
    },
  ],
};
