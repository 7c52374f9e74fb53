import { oneE8 } from '../exact.ts';
import type { Component, DynamicComponent, EnergyComponent, TierRule } from './component.ts';
import type { ComponentShape } from './componentShape.ts';
import { readE8, readOptionalE8, readPriceE8, readRoundingPoint } from './readNumber.ts';
import { firstFlat, firstTiered, readPrices, reportStrayPeriods } from './readPrices.ts';
import type { Context } from './readPrices.ts';
import { report, within } from './refusal.ts';
import type { Spot } from './refusal.ts';

type EnergyShape = Extract<ComponentShape, { kind: 'energy' }>;
type TiersShape = NonNullable<EnergyShape['tiers']>;
export type Named = Pick<Component, 'name' | 'rounding' | 'when'>;

const unitsByReset: Readonly<Record<TiersShape['reset'], readonly TiersShape['unit'][]>> = {
  bill: ['kWh', 'kWh/day', 'kWh/kW', 'kWh/kW/day'],
  month: ['kWh', 'kWh/day', 'kWh/kW', 'kWh/kW/day'],
  day: ['kWh', 'kWh/day'],
  season: ['kWh'],
  year: ['kWh'],
};

/** How the fields of `tiers` go together. */
function reportTierRule(spot: Spot, raw: TiersShape, component: EnergyShape): void {
  const units = unitsByReset[raw.reset];
  if (!units.includes(raw.unit)) {
    const message = `limits that reset with the ${raw.reset} are in ${units.join(' or ')}.`;
    report(within(spot, 'unit'), 'TARIFF_TIERS_MALFORMED', message);
  }
  const isOfPower = raw.unit === 'kWh/kW' || raw.unit === 'kWh/kW/day';
  if (raw.kw !== undefined && !isOfPower) {
    const message = `limits in ${raw.unit} ask for no kW; remove it or use a unit with kW.`;
    report(within(spot, 'kw'), 'TARIFF_TIERS_MALFORMED', message);
  }
  if (raw.resetMonth !== undefined && raw.reset !== 'year') {
    const message = 'only limits that reset with the year have a month; remove it.';
    report(within(spot, 'resetMonth'), 'TARIFF_TIERS_MALFORMED', message);
  }
  if (typeof raw.proration === 'object') {
    const hasDays = raw.reset !== 'season' && raw.reset !== 'year';
    if (!hasDays || raw.unit === 'kWh/day' || raw.unit === 'kWh/kW/day') {
      const message = 'perDays is of kWh or kWh/kW that reset with the bill, month or day.';
      report(within(spot, 'proration'), 'TARIFF_TIERS_MALFORMED', message);
    }
  }
  if (raw.reset === 'season' && component.calendar === undefined) {
    const message = 'limits that reset with the season need a calendar that has seasons.';
    report(within(spot, 'reset'), 'TARIFF_TIERS_MALFORMED', message);
  }
  if (component.flow === 'net' && raw.allocation === 'chronological') {
    const message = 'net energy is known at the end alone; choose another allocation.';
    report(within(spot, 'allocation'), 'TARIFF_TIERS_MALFORMED', message);
  }
}

function readTierRule(spot: Spot, raw: EnergyShape): TierRule | null {
  const tiered = firstTiered(spot, raw);
  const { tiers } = raw;
  if (tiers === undefined) {
    if (tiered !== null) {
      const message = 'a price has tiers; say their unit, reset and allocation.';
      report(within(spot, 'tiers'), 'TARIFF_TIERS_MALFORMED', message);
    }
    return null;
  }
  if (tiered === null) {
    const message = 'no price has tiers; write one as a list of steps, or remove this.';
    report(within(spot, 'tiers'), 'TARIFF_TIERS_MALFORMED', message);
  }
  reportTierRule(within(spot, 'tiers'), tiers, raw);
  const flat = firstFlat(spot, raw);
  if (flat !== null && (raw.calendar !== undefined || tiers.reset !== 'bill')) {
    const message = 'only tiers without a calendar that reset with the bill have an amount.';
    report(flat, 'TARIFF_TIERS_MALFORMED', message);
  }
  return {
    unit: tiers.unit,
    kw: tiers.kw ?? 'peak',
    reset: tiers.reset,
    resetMonth: tiers.resetMonth ?? 1,
    allocation: tiers.allocation,
    proration: tiers.proration ?? 'days',
  };
}

/** By period; its first price unless said. */
function readSurplus(
  spot: Spot,
  raw: EnergyShape,
  component: Pick<EnergyComponent, 'prices'>,
  context: Context,
): readonly bigint[] {
  const { surplusPrice, surplusPrices } = raw;
  const { prices } = component;
  for (const field of ['surplusPrice', 'surplusPrices'] as const) {
    if (raw[field] === undefined || raw.flow === 'net') continue;
    const message = 'only net energy has a surplus; remove the price, or use flow net.';
    report(within(spot, field), 'TARIFF_MALFORMED', message);
  }
  if (surplusPrice !== undefined && surplusPrices !== undefined) {
    const message = 'surplusPrice is given too; keep one of the two.';
    report(within(spot, 'surplusPrices'), 'TARIFF_MALFORMED', message);
  }
  const calendar =
    prices.calendarIndex === null ? null : (context.calendars[prices.calendarIndex] ?? null);
  const given = new Map(Object.entries(surplusPrices ?? {}));
  reportStrayPeriods(within(spot, 'surplusPrices'), given.keys(), calendar);
  const forAll =
    surplusPrice === undefined ? null : readPriceE8(within(spot, 'surplusPrice'), surplusPrice);
  return prices.periods.map((period, index) => {
    const text = period === null ? undefined : given.get(period);
    if (period !== null && text !== undefined) {
      return readPriceE8(within(spot, 'surplusPrices', period), text);
    }
    return forAll ?? prices.tiers[index]?.[0]?.priceE8 ?? 0n;
  });
}

export function readEnergy(
  spot: Spot,
  raw: EnergyShape,
  named: Named,
  context: Context,
): EnergyComponent {
  const prices = readPrices(spot, raw, context);
  const tierRule = readTierRule(spot, raw);
  const calendar = prices.calendarIndex === null ? null : context.calendars[prices.calendarIndex];
  if (tierRule?.reset === 'season' && calendar?.seasons.length === 0) {
    const message = `calendar "${calendar.name}" has no seasons; define them or choose a reset.`;
    report(within(spot, 'tiers', 'reset'), 'TARIFF_TIERS_MALFORMED', message);
  }
  return {
    ...named,
    kind: 'energy',
    flow: raw.flow,
    prices,
    tierRule,
    quantity: readRoundingPoint(within(spot, 'quantity'), raw.quantity),
    surplusE8: readSurplus(spot, raw, { prices }, context),
  };
}

export function readDynamic(
  spot: Spot,
  raw: Extract<ComponentShape, { kind: 'dynamic' }>,
  named: Named,
): DynamicComponent {
  const { missing } = raw;
  const priceOf = (field: 'adder' | 'cap' | 'floor'): bigint | null => {
    const text = raw[field];
    return text === undefined ? null : readPriceE8(within(spot, field), text);
  };
  return {
    ...named,
    kind: 'dynamic',
    flow: raw.flow,
    series: raw.series,
    factorE8: readOptionalE8(within(spot, 'factor'), raw.factor) ?? oneE8,
    adderE8: priceOf('adder') ?? 0n,
    capE8: priceOf('cap'),
    floorE8: priceOf('floor'),
    resolutionMinutes: raw.resolutionMinutes ?? null,
    missing:
      typeof missing === 'string'
        ? missing
        : { priceE8: readPriceE8(within(spot, 'missing', 'price'), missing.price) },
  };
}

/** What every component has. */
export function readNamed(spot: Spot, raw: ComponentShape): Named {
  const { useAtMostKwh, useAboveKwh, customerClasses } = raw.when ?? {};
  const at = within(spot, 'when');
  const least = { least: 0n };
  const useAtMostE8 = readOptionalE8(within(at, 'useAtMostKwh'), useAtMostKwh, least);
  const useAboveE8 = readOptionalE8(within(at, 'useAboveKwh'), useAboveKwh, least);
  if (useAtMostE8 !== null && useAboveE8 !== null && useAtMostE8 <= useAboveE8) {
    const message = 'no use is above useAboveKwh and at most useAtMostKwh; correct one of them.';
    report(at, 'TARIFF_MALFORMED', message);
  }
  return {
    name: raw.name,
    rounding: readRoundingPoint(within(spot, 'rounding'), raw.rounding),
    when: { useAtMostE8, useAboveE8, customerClasses: customerClasses ?? null },
  };
}

/** A share, from nothing to all. */
export function readShareE8(spot: Spot, text: string): bigint {
  return readE8(spot, text, { least: 0n, most: oneE8 });
}
