import { formatPriceE8, oneE8 } from '../exact.ts';
import { clockText } from '../time/localText.ts';
import type { Calendar } from './calendar.ts';
import type {
  Base,
  Component,
  DemandComponent,
  DynamicComponent,
  EnergyComponent,
  FixedComponent,
  MinimumComponent,
  NettingComponent,
  Prices,
  ReactiveComponent,
  RoundingPoint,
  Tier,
  TierRule,
} from './component.ts';
import type { TariffDocument } from './document.ts';

/** A tariff in plain words: what each component charges, and when. */

const number = formatPriceE8;

const monthNames = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

function monthName(month: number): string {
  return monthNames[month - 1] ?? String(month);
}

function listed(names: readonly string[], last: 'and' | 'or' = 'and'): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} ${last} ${names.at(-1) ?? ''}`;
}

function describeCalendar(calendar: Calendar): string {
  const rules = calendar.rules.map((rule) => {
    const only = [rule.seasons, rule.dayTypes].filter((names) => names.length > 0);
    const when =
      only.length === 0 ? '' : ` (${only.map((names) => listed(names, 'or')).join(', ')})`;
    const period = calendar.periods[rule.periodIndex] ?? '';
    return `${period} ${clockText(rule.fromSlot * 15)} to ${clockText(rule.toSlot * 15)}${when}`;
  });
  return `Calendar ${calendar.name}, the first that fits: ${rules.join('; ')}.`;
}

function describeRounding(what: string, point: RoundingPoint | null): readonly string[] {
  return point === null ? [] : [`${what} to ${number(point.stepE8)} (${point.mode})`];
}

type Units = { readonly price: string; readonly limit: string; readonly currency: string };

function describeTier(tier: Tier, index: number, units: Units): string {
  const price = `${number(tier.priceE8)} ${units.price}`;
  const flat = tier.flatE8 === 0n ? '' : ` and ${number(tier.flatE8)} ${units.currency} at once`;
  const end = tier.upToE8 === null ? '' : ` up to ${number(tier.upToE8)} ${units.limit}`;
  return `${index > 0 && end === '' ? 'then ' : ''}${price}${flat}${end}`;
}

function describePrices(prices: Prices, units: Units): string {
  const parts = prices.periods.map((period, index) => {
    const tiers = (prices.tiers[index] ?? []).map((tier, place) =>
      describeTier(tier, place, units),
    );
    return period === null ? tiers.join(', ') : `${period} ${tiers.join(', ')}`;
  });
  return parts.join('; ');
}

const allocationWords: Readonly<Record<TierRule['allocation'], string>> = {
  chronological: 'filled in order of time',
  proportional: 'shared by the periods in proportion to their energy',
  perPeriod: 'counted for each period by itself',
  volume: 'the step in which the use ends prices all of it',
};

function describeTierRule(rule: TierRule | null): string {
  if (rule === null) return '';
  const reset = rule.reset === 'year' ? `year, in ${monthName(rule.resetMonth)}` : rule.reset;
  const power =
    rule.unit === 'kWh/kW' || rule.unit === 'kWh/kW/day'
      ? `, of ${rule.kw === 'contracted' ? 'contracted power' : 'the highest demand'}`
      : '';
  const proration =
    typeof rule.proration === 'object' ? `, limits are for ${rule.proration.perDays} days` : '';
  const words = allocationWords[rule.allocation];
  return `; steps begin anew with each ${reset}${power}, ${words}${proration}`;
}

function describeEnergy(component: EnergyComponent, currency: string): string {
  const { flow, prices, tierRule } = component;
  const units = { price: `${currency}/kWh`, limit: tierRule?.unit ?? 'kWh', currency };
  const what = {
    import: 'import costs',
    export: 'export earns',
    net: 'import less export costs',
  }[flow];
  const surplus = component.surplusE8.map((price) => number(price));
  const isFirst = prices.tiers.every(
    ([first], index) => first?.priceE8 === component.surplusE8[index],
  );
  const earned =
    flow === 'net' && !isFirst ? `; a surplus earns ${listed(surplus)} ${currency}/kWh` : '';
  return `${what} ${describePrices(prices, units)}${describeTierRule(tierRule)}${earned}`;
}

function describeDynamic(component: DynamicComponent, currency: string): string {
  const { flow, series, factorE8, adderE8, capE8, floorE8, resolutionMinutes } = component;
  const { missing } = component;
  const parts = [
    `${flow} ${flow === 'import' ? 'costs' : 'earns'} the price of ${series}`,
    ...(factorE8 === oneE8 ? [] : [`times ${number(factorE8)}`]),
    ...(adderE8 === 0n ? [] : [`plus ${number(adderE8)} ${currency}/kWh`]),
    ...(capE8 === null ? [] : [`at most ${number(capE8)}`]),
    ...(floorE8 === null ? [] : [`at least ${number(floorE8)}`]),
    ...(resolutionMinutes === null ? [] : [`by the mean of ${resolutionMinutes} minutes`]),
  ];
  const absent =
    missing === 'refuse'
      ? 'without a price there is no bill'
      : missing === 'last'
        ? 'a missing price is the last known one'
        : `a missing price is ${number(missing.priceE8)} ${currency}/kWh`;
  return `${parts.join(', ')}; ${absent}`;
}

function describeMeasure(component: DemandComponent): string {
  const { measure, unit, windowMinutes, sliding } = component;
  if (measure === 'contracted') return 'the contracted power';
  const window = `${sliding ? 'sliding ' : ''}${windowMinutes} minutes`;
  if (measure === 'max') return `the highest ${unit} of ${window}`;
  const of = measure.each === 'day' ? 'daily peaks' : 'windows';
  return `the mean of the ${measure.meanOfTop} highest ${of} in ${unit} of ${window}`;
}

function describeMean(mean: NonNullable<DemandComponent['meanOfMonths']>): string {
  return `the mean of ${mean.months} months, each at least ${number(mean.floorE8)}`;
}

function describeDemand(component: DemandComponent, currency: string): string {
  const { prices, unit, meanOfMonths, minimumE8, ratchets, coincident } = component;
  const units = { price: `${currency}/${unit}`, limit: unit, currency };
  const parts = [
    `${describeMeasure(component)} costs ${describePrices(prices, units)}`,
    ...(meanOfMonths === null ? [] : [describeMean(meanOfMonths)]),
    ...ratchets.map((ratchet) => {
      const of = ratchet.ofMonths === null ? '' : ` (${listed(ratchet.ofMonths.map(monthName))})`;
      const percent = number(ratchet.percentE8);
      return `at least ${percent} % of the peak of the ${ratchet.months} months before${of}`;
    }),
    ...(minimumE8 === 0n ? [] : [`at least ${number(minimumE8)} ${unit}`]),
    ...(coincident === null ? [] : [`only within ${coincident.length} announced windows`]),
    ...(component.proration === 'days' ? ['by the days of the bill'] : []),
  ];
  return parts.join('; ');
}

function describeReactive(
  component: ReactiveComponent,
  currency: string,
  named: (base: Base) => string,
): string {
  switch (component.measure) {
    case 'excess': {
      const units = { price: `${currency}/kvarh`, limit: 'kvarh', currency };
      const free = number(component.freeShareE8 * 100n);
      const quadrants = listed(component.quadrants);
      const prices = describePrices(component.prices, units);
      return `reactive energy of ${quadrants} above ${free} % of the import costs ${prices}`;
    }
    case 'powerFactor': {
      const steps = component.steps.map(
        (step) =>
          `${number(step.percentE8)} % for each ${number(step.perE8)} ${step.side} ` +
          number(step.limitE8),
      );
      return `power factor: ${steps.join(', ')}, of ${named(component.of)}`;
    }
    case 'kvaAdjustment':
      return (
        `${number(component.targetE8)} times the peak kVA above the peak kW costs ` +
        `${number(component.priceE8)} ${currency}/kW`
      );
  }
}

const attributeWords = {
  meters: 'meter',
  contractedKw: 'contracted kW',
  fuseA: 'ampere of the fuse',
  phases: 'phase',
} as const;

function perWords({ per, times }: FixedComponent | MinimumComponent): string {
  return times === null ? `a ${per}` : `a ${per} and ${attributeWords[times]}`;
}

function describeFixed(component: FixedComponent, document: TariffDocument): string {
  const { currency } = document;
  const per = perWords(component);
  const { steps, byPeriod, withoutUseE8 } = component;
  const byUse = (steps ?? []).map(({ upToE8, amountE8 }) => {
    const end = upToE8 === null ? '' : ` up to ${number(upToE8)} kWh`;
    return `${number(amountE8)} ${currency} ${per}${end}`;
  });
  const periods =
    byPeriod === null ? [] : (document.calendars[byPeriod.calendarIndex]?.periods ?? []);
  const byBegin = (byPeriod?.amountsE8 ?? []).map(
    (amountE8, index) => `${periods[index] ?? ''} ${number(amountE8)} ${currency} ${per}`,
  );
  const idle = withoutUseE8 === null ? '' : `; without use ${number(withoutUseE8 * 100n)} % of it`;
  return `${byUse.join(', then ')}${byBegin.join('; ')}${idle}`;
}

function describeTrueUp(component: NettingComponent, currency: string): string {
  if (!('trueUp' in component) || component.trueUp === null) return '';
  const { month, priceE8, shareE8 } = component.trueUp;
  const paid =
    component.method === 'energyCredits'
      ? `${number(priceE8)} ${currency}/kWh`
      : `${number(shareE8 * 100n)} %`;
  return `; what is left in ${monthName(month)} is paid at ${paid}`;
}

function describeNetting(
  component: NettingComponent,
  currency: string,
  named: (base: Base) => string,
): string {
  const trueUp = describeTrueUp(component, currency);
  switch (component.method) {
    case 'interval':
      return 'import and export of each interval cancel out';
    case 'buyAllSellAll':
      return 'all use is bought and all generation sold';
    case 'energyCredits':
      return `a surplus is kept in kWh for later use${trueUp}`;
    case 'moneyCredits':
      return `what ${named(component.of)} earn pays for later bills${trueUp}`;
    case 'netBilling': {
      const unused = { carryOver: 'kept', applyNow: 'paid at once', expire: 'lost' }[
        component.unused
      ];
      const left = `credit of ${named(component.of)} left is ${unused}${trueUp}`;
      return `import and export cancel out by interval; ${left}`;
    }
  }
}

function describeAmount(component: Component, document: TariffDocument): string {
  const { currency } = document;
  const above = document.components.indexOf(component);
  const named = (base: Base): string =>
    base.length > 2 && base.length === above
      ? 'everything above'
      : listed(base.map((index) => document.components[index]?.name ?? ''));
  switch (component.kind) {
    case 'energy':
      return describeEnergy(component, currency);
    case 'dynamic':
      return describeDynamic(component, currency);
    case 'demand':
      return describeDemand(component, currency);
    case 'reactive':
      return describeReactive(component, currency, named);
    case 'fixed':
      return describeFixed(component, document);
    case 'minimum': {
      const least = `${number(component.amountE8)} ${currency} ${perWords(component)}`;
      const month = component.per === 'year' ? `, settled in ${monthName(component.month)}` : '';
      return `${named(component.of)} cost at least ${least}${month}`;
    }
    case 'adjust':
    case 'tax': {
      const { by } = component;
      const exempt = component.kind === 'tax' && component.exemptE8 > 0n;
      const free = exempt ? `; the first ${number(component.exemptE8)} kWh are free` : '';
      if (by.how === 'percent') return `${number(by.percentE8)} % of ${named(by.of)}${free}`;
      if (by.how === 'perKwh') return `${number(by.priceE8)} ${currency}/kWh of import${free}`;
      const share = `${number(by.loadPercentE8)} % of use`;
      const lost = `${number(by.noLoadE8)} kW at all hours and ${share}`;
      return `losses of ${lost} cost ${number(by.priceE8)} ${currency}/kWh`;
    }
    case 'discount': {
      const { by, floorE8 } = component;
      const less =
        by.how === 'percent' ? `${number(by.percentE8)} %` : `${number(by.amountE8)} ${currency}`;
      return `${less} off ${named(component.of)}, not below ${number(floorE8 ?? 0n)} ${currency}`;
    }
    case 'netting':
      return describeNetting(component, currency, named);
  }
}

function describeWhen({ when }: Component): string {
  const parts = [
    ...(when.useAboveE8 === null ? [] : [`use is above ${number(when.useAboveE8)} kWh`]),
    ...(when.useAtMostE8 === null ? [] : [`use is at most ${number(when.useAtMostE8)} kWh`]),
    ...(when.customerClasses === null
      ? []
      : [`the customer class is ${listed(when.customerClasses, 'or')}`]),
  ];
  return parts.length === 0 ? '' : `; only where ${listed(parts)}`;
}

export function describeComponent(component: Component, document: TariffDocument): string {
  const { kind, name } = component;
  const point = describeRounding('its lines rounded', component.rounding);
  const rounding = point.map((text) => `; ${text}`).join('');
  const amount = describeAmount(component, document);
  return `${name} (${kind}): ${amount}${describeWhen(component)}${rounding}.`;
}

/**
 * One line for the whole, one for each calendar, one for each component in the order of the bill.
 */
export function describeTariff(document: TariffDocument): readonly string[] {
  const { currency, zone, validFrom, validTo, rounding } = document;
  const points = [
    ...describeRounding('intervals', rounding.interval),
    ...describeRounding('lines', rounding.line),
    ...describeRounding('taxes', rounding.tax),
    ...describeRounding('the bill', rounding.bill),
  ];
  const head = [
    `Prices in ${currency}`,
    `hours of ${zone ?? "the service point's zone"}`,
    ...(validFrom === null ? [] : [`valid from ${validFrom}`]),
    ...(validTo === null ? [] : [`until ${validTo}`]),
    points.length === 0 ? 'nothing is rounded' : `rounded: ${points.join(', ')}`,
  ];
  return [
    `${head.join('; ')}.`,
    ...document.calendars.map(describeCalendar),
    ...document.components.map((component) => describeComponent(component, document)),
  ];
}
