import type { Calendar } from './calendar.ts';
import type { Component } from './component.ts';
import type { ComponentShape } from './componentShape.ts';
import { readDynamic, readEnergy, readNamed } from './readEnergy.ts';
import { readAdjust, readDiscount, readFixed, readMinimum, readTax } from './readMoney.ts';
import { readNetting, reportNetting } from './readNetting.ts';
import { readDemand, readReactive } from './readPower.ts';
import { report, reportRepeated, within } from './refusal.ts';
import type { Spot } from './refusal.ts';

/** Name of the line for the difference that rounding the bill leaves. */
export const roundingLineName = 'Rounding';

function readComponent(
  spot: Spot,
  raw: ComponentShape,
  above: { readonly calendars: readonly Calendar[]; readonly components: readonly Component[] },
): Component {
  const { calendars, components } = above;
  const context = { calendars, above: components.map(({ name }) => name) };
  const named = readNamed(spot, raw);
  switch (raw.kind) {
    case 'energy':
      return readEnergy(spot, raw, named, context);
    case 'dynamic':
      return readDynamic(spot, raw, named);
    case 'demand':
      return readDemand(spot, raw, named, context);
    case 'reactive':
      return readReactive(spot, raw, named, context);
    case 'fixed':
      return readFixed(spot, raw, named, context);
    case 'minimum':
      return readMinimum(spot, raw, named, context);
    case 'adjust':
      return readAdjust(spot, raw, named, context);
    case 'discount':
      return readDiscount(spot, raw, named, context);
    case 'tax':
      return readTax(spot, raw, named, context);
    case 'netting':
      return readNetting(spot, raw, named, { context, components });
  }
}

export function readComponents(
  spot: Spot,
  raw: readonly ComponentShape[],
  calendars: readonly Calendar[],
): readonly Component[] {
  const names = raw.map(({ name }) => name);
  reportRepeated(spot, names, 'name');
  const reserved = names.indexOf(roundingLineName);
  if (reserved >= 0) {
    const message = 'the line that rounding the bill leaves has this name; choose another.';
    report(within(spot, reserved, 'name'), 'TARIFF_NAME_REPEATED', message);
  }
  const components: Component[] = [];
  for (const [index, component] of raw.entries()) {
    components.push(readComponent(within(spot, index), component, { calendars, components }));
  }
  reportNetting(spot, components);
  return components;
}

/** Every interval is rounded by itself, so that no quantity of a line is priced. */
export function reportIntervalRounding(spot: Spot, components: readonly Component[]): void {
  for (const [index, component] of components.entries()) {
    if (component.kind !== 'energy') continue;
    const place = within(spot, 'components', index);
    if (component.tierRule !== null) {
      const message = 'a price with tiers cannot be rounded by interval; drop rounding.interval.';
      report(within(place, 'tiers'), 'TARIFF_TIERS_MALFORMED', message);
    }
    if (component.quantity !== null) {
      const message = 'a quantity cannot be rounded beside rounding.interval; drop one of them.';
      report(within(place, 'quantity'), 'TARIFF_MALFORMED', message);
    }
  }
}
