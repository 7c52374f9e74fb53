import type { Calendar } from './calendar.ts';
import type { Base, Prices, Tier } from './component.ts';
import type { ComponentShape } from './componentShape.ts';
import { readE8, readPriceE8 } from './readNumber.ts';
import { readEach, report, reportRepeated, within } from './refusal.ts';
import type { Spot } from './refusal.ts';

type PriceShape = NonNullable<Extract<ComponentShape, { kind: 'energy' }>['price']>;

export type Priced = {
  readonly calendar?: string | undefined;
  readonly price?: PriceShape | undefined;
  readonly prices?: Readonly<Record<string, PriceShape>> | undefined;
};

/** What a component may refer to. */
export type Context = {
  readonly calendars: readonly Calendar[];
  /** Names of the components above, in order. */
  readonly above: readonly string[];
};

const openTier: Tier = { upToE8: null, priceE8: 0n, flatE8: 0n };

/** Limits rise from above 0 and the last step is open. `least` is what the first is above. */
export function reportLimits(
  spot: Spot,
  limits: readonly (bigint | null)[],
  firstIsAbove: bigint,
): void {
  let before = firstIsAbove;
  for (const [index, limit] of limits.entries()) {
    const isLast = index === limits.length - 1;
    const place = within(spot, index, 'upTo');
    if (isLast && limit !== null) {
      const message = 'the last step has an end; leave its upTo out, so that all use is priced.';
      report(place, 'TARIFF_TIERS_MALFORMED', message);
    }
    if (!isLast && limit === null) {
      const message = 'the step has no end although others follow; give its upTo.';
      report(place, 'TARIFF_TIERS_MALFORMED', message);
    }
    if (limit !== null && limit <= before) {
      const message = 'the limits do not rise; write each step above the one before it.';
      report(place, 'TARIFF_TIERS_MALFORMED', message);
    }
    before = limit ?? before;
  }
}

function readTiers(spot: Spot, raw: PriceShape): readonly Tier[] {
  if (typeof raw === 'string') return [{ ...openTier, priceE8: readPriceE8(spot, raw) }];
  const tiers = readEach(spot, raw, (tierSpot, tier) => ({
    upToE8: tier.upTo === undefined ? null : readE8(within(tierSpot, 'upTo'), tier.upTo),
    priceE8: readPriceE8(within(tierSpot, 'price'), tier.price),
    flatE8: tier.flat === undefined ? 0n : readE8(within(tierSpot, 'flat'), tier.flat),
  }));
  reportLimits(
    spot,
    tiers.map(({ upToE8 }) => upToE8),
    0n,
  );
  return tiers;
}

/** The index of a calendar, or null with a report. */
export function readCalendarName(spot: Spot, name: string, context: Context): number | null {
  const index = context.calendars.findIndex((candidate) => candidate.name === name);
  if (index >= 0) return index;
  const message = `there is no calendar "${name}"; define it under calendars.`;
  report(spot, 'TARIFF_REFERENCE_UNKNOWN', message);
  return null;
}

/** One value for each period of a calendar: none is missing and none is left over. */
export function readByPeriod<Raw, Read>(
  spot: Spot,
  raw: Readonly<Record<string, Raw>>,
  calendar: Calendar,
  read: (spot: Spot, raw: Raw) => Read,
): readonly Read[] {
  const given = new Map(Object.entries(raw));
  reportStrayPeriods(spot, given.keys(), calendar);
  const values: Read[] = [];
  for (const period of calendar.periods) {
    const value = given.get(period);
    const place = within(spot, period);
    if (value === undefined) {
      const message = 'the period has no price; a price of nothing is written "0".';
      report(place, 'TARIFF_PRICE_MISSING', message);
      continue;
    }
    values.push(read(place, value));
  }
  return values;
}

export function reportStrayPeriods(
  spot: Spot,
  names: Iterable<string>,
  calendar: Calendar | null,
): void {
  const stray = [...names].find((name) => calendar === null || !calendar.periods.includes(name));
  if (stray === undefined) return;
  const message =
    calendar === null
      ? 'the component has no calendar; name the one that has this period.'
      : `no rule of calendar "${calendar.name}" names the period; remove it or correct the name.`;
  report(within(spot, stray), 'TARIFF_REFERENCE_UNKNOWN', message);
}

export function readPrices(spot: Spot, raw: Priced, context: Context): Prices {
  const { calendar: name, price, prices } = raw;
  const nothing: Prices = { calendarIndex: null, periods: [null], tiers: [[openTier]] };
  if (name === undefined) {
    if (prices !== undefined) {
      const message = 'prices by period need a calendar; name one, or give one price for all.';
      report(within(spot, 'prices'), 'TARIFF_MALFORMED', message);
    }
    if (price === undefined) {
      const message = 'the component has no price; a price of nothing is written "0".';
      report(within(spot, 'price'), 'TARIFF_PRICE_MISSING', message);
      return nothing;
    }
    return { ...nothing, tiers: [readTiers(within(spot, 'price'), price)] };
  }
  const calendarIndex = readCalendarName(within(spot, 'calendar'), name, context);
  const calendar = calendarIndex === null ? undefined : context.calendars[calendarIndex];
  if (price !== undefined) {
    const message = 'one price for all beside a calendar; give prices by its periods instead.';
    report(within(spot, 'price'), 'TARIFF_MALFORMED', message);
  }
  if (prices === undefined) {
    const message = 'the calendar’s periods have no prices; a price of nothing is written "0".';
    report(within(spot, 'prices'), 'TARIFF_PRICE_MISSING', message);
  }
  if (calendar === undefined || prices === undefined) return nothing;
  const tiers = readByPeriod(within(spot, 'prices'), prices, calendar, readTiers);
  return { calendarIndex, periods: calendar.periods, tiers };
}

type PricePlace = { readonly spot: Spot; readonly raw: PriceShape };

/** The prices that are given, each with its place. */
function pricePlaces(spot: Spot, raw: Priced): readonly PricePlace[] {
  const byPeriod = Object.entries(raw.prices ?? {}).map(([period, price]) => ({
    spot: within(spot, 'prices', period),
    raw: price,
  }));
  return raw.price === undefined
    ? byPeriod
    : [{ spot: within(spot, 'price'), raw: raw.price }, ...byPeriod];
}

/** The first price that is written as a list of tiers. */
export function firstTiered(spot: Spot, raw: Priced): Spot | null {
  return pricePlaces(spot, raw).find((place) => typeof place.raw !== 'string')?.spot ?? null;
}

/** The first tier with an amount of its own. */
export function firstFlat(spot: Spot, raw: Priced): Spot | null {
  for (const place of pricePlaces(spot, raw)) {
    if (typeof place.raw === 'string') continue;
    const index = place.raw.findIndex((tier) => tier.flat !== undefined);
    if (index >= 0) return within(place.spot, index, 'flat');
  }
  return null;
}

/** A list of one tier says no more than a plain price, and leaves open whether it has a number. */
export function reportLoneTiers(spot: Spot, raw: Priced): void {
  for (const place of pricePlaces(spot, raw)) {
    if (typeof place.raw === 'string' || place.raw.length > 1) continue;
    if (place.raw[0]?.flat !== undefined) continue;
    const message = 'a list of one step; write its price as a text instead.';
    report(place.spot, 'TARIFF_TIERS_MALFORMED', message);
  }
}

export function readBase(spot: Spot, raw: 'subtotal' | readonly string[], context: Context): Base {
  if (raw === 'subtotal') {
    if (context.above.length === 0) {
      const message = 'there is nothing above to add up; move the component below what it is of.';
      report(spot, 'TARIFF_REFERENCE_UNKNOWN', message);
    }
    return context.above.map((_, index) => index);
  }
  reportRepeated(spot, raw, null);
  return readEach(spot, raw, (nameSpot, wanted) => {
    const index = context.above.indexOf(wanted);
    if (index < 0) {
      const message = `no component above is named "${wanted}"; only lines above can be counted.`;
      report(nameSpot, 'TARIFF_REFERENCE_UNKNOWN', message);
    }
    return Math.max(0, index);
  });
}
