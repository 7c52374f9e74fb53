import { parseDecimal, parseDecimalE8 } from '../exact.ts';
import type { RoundingMode } from '../exact.ts';
import {
  datesPerTariffMax,
  priceE8Max,
  roundingStepMicrosMax,
  superPeriodsPerTariffMax,
} from '../limits.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome, Refused } from '../outcome.ts';
import { dayNumberOf, isCivilDate } from '../time/civil.ts';
import { isKnownZone } from '../time/zone.ts';
import { findGap, superPeriodsOf } from './calendar.ts';
import type { Calendar, CalendarRule, DayType, Season, SuperPeriod } from './calendar.ts';
import { minorDigitsOf } from './currency.ts';
import { tariffShape, weekdayNames } from './shape.ts';
import type { TariffShape as Shape } from './shape.ts';

export type RoundingPoint = { readonly stepMicros: bigint; readonly mode: RoundingMode };
/** Null: nothing is rounded there. */
export type TariffRounding = {
  readonly line: RoundingPoint | null;
  readonly bill: RoundingPoint | null;
};

export type EnergyComponent = {
  readonly kind: 'energy';
  readonly name: string;
  readonly flow: 'import';
  readonly calendarIndex: number;
  /** By period index of the calendar; 10^-8 currency units a kWh. */
  readonly pricesE8: readonly bigint[];
};

export type TariffDocument = {
  /** ISO 4217. */
  readonly currency: string;
  readonly minorDigits: number;
  /** IANA name; null: the zone of the service point. */
  readonly zone: string | null;
  readonly rounding: TariffRounding;
  readonly calendars: readonly Calendar[];
  /** In the order of evaluation. */
  readonly components: readonly EnergyComponent[];
  /** The calendars intersected; the order of the entries is the order of the sums in rating. */
  readonly superPeriods: ReadonlyMap<string, SuperPeriod>;
};

export type TariffRefusal =
  | 'TARIFF_MALFORMED'
  | 'TARIFF_GAP'
  | 'TARIFF_NAME_REPEATED'
  | 'TARIFF_REFERENCE_UNKNOWN'
  | 'TARIFF_PRICE_MISSING'
  | 'TARIFF_ALL_ZERO'
  | 'TARIFF_TIME_OFF_GRID'
  | 'TARIFF_ZONE_UNKNOWN'
  | 'TARIFF_CURRENCY_UNKNOWN'
  | 'TARIFF_TOO_COMPLEX';

type Path = readonly (string | number)[];
type Parsed<T> = Outcome<T, TariffRefusal>;

function refuseAt(code: TariffRefusal, path: Path, message: string): Refused<TariffRefusal> {
  const texts = path.map(String);
  const where = texts.length === 0 ? 'The tariff document' : texts.join('.');
  return refuse(code, `${where}: ${message}`, texts);
}

/** All values, or the first refusal. */
function all<In, Out>(
  items: readonly In[],
  path: Path,
  parse: (item: In, path: Path) => Parsed<Out>,
): Parsed<readonly Out[]> {
  const values: Out[] = [];
  for (const [index, item] of items.entries()) {
    const parsed = parse(item, [...path, index]);
    if (!parsed.ok) return parsed;
    values.push(parsed.value);
  }
  return accept(values);
}

function uniqueNames(items: readonly { readonly name: string }[], path: Path): Parsed<null> {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    if (seen.has(item.name)) {
      const message = `the name "${item.name}" is taken; give each its own name.`;
      return refuseAt('TARIFF_NAME_REPEATED', [...path, index, 'name'], message);
    }
    seen.add(item.name);
  }
  return accept(null);
}

function parseMonthDay(text: string, path: Path): Parsed<number> {
  const [month, day] = text.split('-').map(Number);
  if (month === undefined || day === undefined || !isCivilDate({ year: 2000, month, day })) {
    return refuseAt('TARIFF_MALFORMED', path, `no year has the date ${text}; write MM-DD.`);
  }
  return accept(month * 100 + day);
}

function parseFullDate(text: string, path: Path): Parsed<number> {
  const [year, month, day] = text.split('-').map(Number);
  if (year === undefined || month === undefined || day === undefined) {
    return refuseAt('TARIFF_MALFORMED', path, 'write the date as YYYY-MM-DD.');
  }
  if (!isCivilDate({ year, month, day })) {
    return refuseAt('TARIFF_MALFORMED', path, `the calendar has no ${text}; correct the date.`);
  }
  return accept(dayNumberOf({ year, month, day }));
}

function parseSeason(
  raw: Shape['calendars'][number]['seasons'][number],
  path: Path,
): Parsed<Season> {
  const spans = all(raw.spans, [...path, 'spans'], (span, spanPath) => {
    const from = parseMonthDay(span.from, [...spanPath, 'from']);
    if (!from.ok) return from;
    const through = parseMonthDay(span.through, [...spanPath, 'through']);
    return through.ok ? accept({ from: from.value, through: through.value }) : through;
  });
  return spans.ok ? accept({ name: raw.name, spans: spans.value }) : spans;
}

function parseDayType(
  raw: Shape['calendars'][number]['dayTypes'][number],
  path: Path,
): Parsed<DayType> {
  const dayNumbers = all(raw.dates, [...path, 'dates'], parseFullDate);
  if (!dayNumbers.ok) return dayNumbers;
  const monthDays = all(raw.yearly, [...path, 'yearly'], parseMonthDay);
  if (!monthDays.ok) return monthDays;
  const weekdays = raw.weekdays.map((weekday) => weekdayNames.indexOf(weekday) + 1);
  if (weekdays.length + dayNumbers.value.length + monthDays.value.length === 0) {
    const message = 'the day type has no day; give weekdays, dates or yearly.';
    return refuseAt('TARIFF_MALFORMED', path, message);
  }
  return accept({
    name: raw.name,
    weekdays,
    dayNumbers: dayNumbers.value,
    monthDays: monthDays.value,
  });
}

function parseSlot(text: string, path: Path): Parsed<number> {
  const [hour, minute] = text.split(':').map(Number);
  if (hour === undefined || minute === undefined || minute % 15 !== 0) {
    const message = `${text} is not on the quarter hour; use minutes 00, 15, 30 or 45.`;
    return refuseAt('TARIFF_TIME_OFF_GRID', path, message);
  }
  return accept(hour * 4 + minute / 15);
}

function unknownName(
  names: readonly string[],
  known: readonly { readonly name: string }[],
): string | undefined {
  return names.find((wanted) => known.every((candidate) => candidate.name !== wanted));
}

function parseRule(
  raw: Shape['calendars'][number]['rules'][number],
  path: Path,
  calendar: Pick<Calendar, 'seasons' | 'dayTypes' | 'periods'>,
): Parsed<CalendarRule> {
  const season = unknownName(raw.seasons, calendar.seasons);
  const dayType = unknownName(raw.dayTypes, calendar.dayTypes);
  if (season !== undefined || dayType !== undefined) {
    const message = `"${season ?? dayType ?? ''}" is not defined in this calendar; define it.`;
    const field = season === undefined ? 'dayTypes' : 'seasons';
    return refuseAt('TARIFF_REFERENCE_UNKNOWN', [...path, field], message);
  }
  const from = parseSlot(raw.from, [...path, 'from']);
  if (!from.ok) return from;
  const to = parseSlot(raw.to, [...path, 'to']);
  if (!to.ok) return to;
  if (from.value === to.value || from.value === 96) {
    const message = `${raw.from} to ${raw.to} is empty; a whole day is 00:00 to 24:00.`;
    return refuseAt('TARIFF_MALFORMED', path, message);
  }
  const periodIndex = calendar.periods.indexOf(raw.period);
  return accept({
    seasons: raw.seasons,
    dayTypes: raw.dayTypes,
    fromSlot: from.value,
    toSlot: to.value,
    periodIndex,
  });
}

function parseCalendar(raw: Shape['calendars'][number], path: Path): Parsed<Calendar> {
  const uniqueSeasons = uniqueNames(raw.seasons, [...path, 'seasons']);
  if (!uniqueSeasons.ok) return uniqueSeasons;
  const uniqueDayTypes = uniqueNames(raw.dayTypes, [...path, 'dayTypes']);
  if (!uniqueDayTypes.ok) return uniqueDayTypes;
  const seasons = all(raw.seasons, [...path, 'seasons'], parseSeason);
  if (!seasons.ok) return seasons;
  const dayTypes = all(raw.dayTypes, [...path, 'dayTypes'], parseDayType);
  if (!dayTypes.ok) return dayTypes;
  const known = {
    seasons: seasons.value,
    dayTypes: dayTypes.value,
    periods: [...new Set(raw.rules.map((rule) => rule.period))],
  };
  const rules = all(raw.rules, [...path, 'rules'], (rule, rulePath) =>
    parseRule(rule, rulePath, known),
  );
  return rules.ok ? accept({ name: raw.name, ...known, rules: rules.value }) : rules;
}

function refuseGap(calendars: readonly Calendar[], path: Path): Parsed<null> {
  const gap = findGap(calendars);
  if (gap === null) return accept(null);
  const hour = String(Math.floor(gap.slot / 4)).padStart(2, '0');
  const time = `${hour}:${String((gap.slot % 4) * 15).padStart(2, '0')}`;
  const day = `days of ${gap.season ?? 'no'} season and ${gap.dayType ?? 'no'} day type`;
  return refuseAt(
    'TARIFF_GAP',
    [...path, gap.calendarIndex, 'rules'],
    `${time} on ${day} has no period; add a rule, or a last one from 00:00 to 24:00 for the rest.`,
  );
}

function parsePrice(text: string, path: Path): Parsed<bigint> {
  const price = parseDecimalE8(text);
  if (!price.ok) return refuseAt('TARIFF_MALFORMED', path, price.message);
  if (price.value > priceE8Max || price.value < -priceE8Max) {
    const message = 'the price is beyond ten million a kWh; check its unit, currency a kWh.';
    return refuseAt('TARIFF_MALFORMED', path, message);
  }
  return accept(price.value);
}

function parseComponent(
  raw: Shape['components'][number],
  path: Path,
  calendars: readonly Calendar[],
): Parsed<EnergyComponent> {
  const calendarIndex = calendars.findIndex((candidate) => candidate.name === raw.calendar);
  const calendar = calendars[calendarIndex];
  if (calendar === undefined) {
    const message = `there is no calendar "${raw.calendar}"; define it under calendars.`;
    return refuseAt('TARIFF_REFERENCE_UNKNOWN', [...path, 'calendar'], message);
  }
  const prices = new Map(Object.entries(raw.prices));
  const stray = [...prices.keys()].find((period) => !calendar.periods.includes(period));
  if (stray !== undefined) {
    const message = `no rule of calendar "${calendar.name}" names this period; remove the price.`;
    return refuseAt('TARIFF_REFERENCE_UNKNOWN', [...path, 'prices', stray], message);
  }
  const pricesE8: bigint[] = [];
  for (const period of calendar.periods) {
    const text = prices.get(period);
    const pricePath = [...path, 'prices', period];
    if (text === undefined) {
      const message = 'the period has no price; a price of nothing is written "0".';
      return refuseAt('TARIFF_PRICE_MISSING', pricePath, message);
    }
    const price = parsePrice(text, pricePath);
    if (!price.ok) return price;
    pricesE8.push(price.value);
  }
  return accept({ kind: raw.kind, name: raw.name, flow: raw.flow, calendarIndex, pricesE8 });
}

function parseRoundingPoint(
  raw: Shape['rounding']['line'],
  path: Path,
): Parsed<RoundingPoint | null> {
  if (raw === undefined) return accept(null);
  const step = parseDecimal(raw.step, 6);
  if (!step.ok) return refuseAt('TARIFF_MALFORMED', [...path, 'step'], step.message);
  if (step.value <= 0n || step.value > roundingStepMicrosMax) {
    const message = 'a step is above 0 and at most a million, such as "0.01".';
    return refuseAt('TARIFF_MALFORMED', [...path, 'step'], message);
  }
  return accept({ stepMicros: step.value, mode: raw.mode });
}

function parseRounding(raw: Shape['rounding']): Parsed<TariffRounding> {
  const line = parseRoundingPoint(raw.line, ['rounding', 'line']);
  if (!line.ok) return line;
  const bill = parseRoundingPoint(raw.bill, ['rounding', 'bill']);
  return bill.ok ? accept({ line: line.value, bill: bill.value }) : bill;
}

type Body = Pick<TariffDocument, 'calendars' | 'components' | 'superPeriods'>;

function parseBody(shape: Shape): Parsed<Body> {
  const uniqueCalendars = uniqueNames(shape.calendars, ['calendars']);
  if (!uniqueCalendars.ok) return uniqueCalendars;
  const uniqueComponents = uniqueNames(shape.components, ['components']);
  if (!uniqueComponents.ok) return uniqueComponents;
  const dates = shape.calendars.flatMap(({ dayTypes }) => dayTypes.flatMap((type) => type.dates));
  if (dates.length > datesPerTariffMax) {
    const message = `${dates.length} dates are too many; at most ${datesPerTariffMax} in all.`;
    return refuseAt('TARIFF_TOO_COMPLEX', ['calendars'], message);
  }
  const calendars = all(shape.calendars, ['calendars'], parseCalendar);
  if (!calendars.ok) return calendars;
  const whole = refuseGap(calendars.value, ['calendars']);
  if (!whole.ok) return whole;
  const components = all(shape.components, ['components'], (component, path) =>
    parseComponent(component, path, calendars.value),
  );
  if (!components.ok) return components;
  if (components.value.every(({ pricesE8 }) => pricesE8.every((price) => price === 0n))) {
    return refuseAt('TARIFF_ALL_ZERO', ['components'], 'no price is other than 0; give one.');
  }
  const superPeriods = superPeriodsOf(calendars.value);
  if (superPeriods.size > superPeriodsPerTariffMax) {
    const message =
      `the calendars cut time into ${superPeriods.size} different periods together; ` +
      `at most ${superPeriodsPerTariffMax} are possible. Use fewer or simpler calendars.`;
    return refuseAt('TARIFF_TOO_COMPLEX', ['calendars'], message);
  }
  return accept({ calendars: calendars.value, components: components.value, superPeriods });
}

export function parseTariffDocument(raw: unknown): Outcome<TariffDocument, TariffRefusal> {
  const shaped = tariffShape.safeParse(raw);
  if (!shaped.success) {
    const issue = shaped.error.issues[0];
    const path = (issue?.path ?? []).map(String);
    return refuseAt('TARIFF_MALFORMED', path, `${issue?.message ?? 'unreadable'}. Correct it.`);
  }
  const { currency, zone = null } = shaped.data;
  const minorDigits = minorDigitsOf(currency);
  if (minorDigits === undefined) {
    const message = `${currency} is not an ISO 4217 code in use; write one such as EUR.`;
    return refuseAt('TARIFF_CURRENCY_UNKNOWN', ['currency'], message);
  }
  if (zone !== null && !isKnownZone(zone)) {
    const message = 'the zone is unknown; write an IANA name such as Europe/Berlin.';
    return refuseAt('TARIFF_ZONE_UNKNOWN', ['zone'], message);
  }
  const rounding = parseRounding(shaped.data.rounding);
  if (!rounding.ok) return rounding;
  const body = parseBody(shaped.data);
  if (!body.ok) return body;
  return accept({ currency, minorDigits, zone, rounding: rounding.value, ...body.value });
}
