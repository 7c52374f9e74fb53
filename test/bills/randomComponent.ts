import type { ComponentShape } from '../../src/domain/tariff/componentShape.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import type { SeededRandom } from '../simulate/seededRandom.ts';
import { periodNames, pickSome } from './randomCalendar.ts';
import type { CalendarText } from './randomCalendar.ts';

export type ComponentText = TariffText['components'][number];
export type NettingMethod = Extract<ComponentShape, { kind: 'netting' }>['method'];

/** What a random component may look at. */
export type Scope = {
  readonly random: SeededRandom;
  readonly name: string;
  readonly calendars: readonly CalendarText[];
  /** Names of the components above. */
  readonly above: readonly string[];
  readonly series: readonly string[];
  /** kWh that a day of the load has, about; limits are drawn around it. */
  readonly dailyKwh: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Months of the bills, so that something is settled in one of them. */
  readonly months: readonly number[];
  readonly netting: NettingMethod | null;
  readonly roundsIntervals: boolean;
  /** Energy alone, of which the kernel knows a total without lines. */
  readonly isPlain: boolean;
};

const modes = ['half-even', 'half-up', 'down', 'up'] as const;

/** Text of an integer at 10^-decimals. */
export function decimalText(value: number, decimals: number): string {
  const digits = String(Math.abs(value)).padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const part = digits.slice(digits.length - decimals);
  return `${value < 0 ? '-' : ''}${whole}${part === '' ? '' : `.${part}`}`;
}

export function priceText(random: SeededRandom): string {
  if (random.chance(0.02)) return '0';
  if (random.chance(0.02)) return decimalText(random.between(1, 9_999_999_999_999), 7);
  if (random.chance(0.1)) return decimalText(-random.between(1, 200_000_000), 8);
  return random.chance(0.5)
    ? decimalText(random.between(1, 999), 2)
    : decimalText(random.between(1, 999_999_999), 8);
}

export function roundingPoint(random: SeededRandom): {
  step: string;
  mode: (typeof modes)[number];
} {
  const step = random.pick(['0.01', '0.001', '1', '10', '0.05', '0.000001', '0.003']);
  return { step, mode: random.pick(modes) };
}

/** A number around the given one, often whole so that limits are met exactly. */
export function about(random: SeededRandom, value: number): string {
  const drawn = value * (0.1 + 2 * (random.below(1_000) / 1_000));
  if (random.chance(0.5)) return String(Math.max(1, Math.round(drawn)));
  return decimalText(Math.max(1, Math.round(drawn * 1_000)), 3);
}

/** Limits that rise. */
export function limits(random: SeededRandom, value: number, count: number): readonly string[] {
  const drawn = new Set(Array.from({ length: count }, () => about(random, value)));
  const sorted = [...drawn].toSorted((left, right) => Number(left) - Number(right));
  return sorted.filter((text, index) => index === 0 || Number(text) > Number(sorted[index - 1]));
}

type TierTexts = { upTo?: string; price: string; flat?: string }[];

function tierTexts(random: SeededRandom, value: number, hasFlats: boolean): TierTexts {
  const ends: (string | undefined)[] = [...limits(random, value, random.between(1, 3)), undefined];
  return ends.map((upTo) => ({
    ...(upTo === undefined ? {} : { upTo }),
    price: priceText(random),
    ...(hasFlats && random.chance(0.7) ? { flat: decimalText(random.between(-99, 999), 1) } : {}),
  }));
}

type PriceFields = Pick<
  Extract<ComponentText, { kind: 'demand' }>,
  'calendar' | 'price' | 'prices'
>;

function priceFields(scope: Scope, tiered: { about: number; flats: boolean } | null): PriceFields {
  const { random } = scope;
  const price = (hasFlats: boolean): string | TierTexts =>
    tiered !== null && random.chance(0.85)
      ? tierTexts(random, tiered.about, hasFlats)
      : priceText(random);
  if (scope.calendars.length === 0 || random.chance(0.3)) {
    return tiered === null
      ? { price: priceText(random) }
      : { price: tierTexts(random, tiered.about, tiered.flats && random.chance(0.5)) };
  }
  const calendar = random.pick(scope.calendars);
  const names = periodNames(calendar);
  const prices = new Map(names.map((period) => [period, price(false)]));
  if (tiered !== null) prices.set(names[0] ?? '', tierTexts(random, tiered.about, false));
  return { calendar: calendar.name, prices: Object.fromEntries(prices) };
}

type EnergyText = Extract<ComponentText, { kind: 'energy' }>;
type TiersText = NonNullable<EnergyText['tiers']>;

function tierRule(scope: Scope, flow: EnergyText['flow'], hasSeasons: boolean): TiersText {
  const { random } = scope;
  if (scope.isPlain) {
    const unit = random.pick(['kWh', 'kWh/day'] as const);
    const reset = random.pick(['bill', 'day'] as const);
    return { unit, reset, allocation: 'chronological' };
  }
  const resets = ['bill', 'day', 'month', 'season', 'year'] as const;
  const reset = random.pick(resets.filter((each) => each !== 'season' || hasSeasons));
  const units = {
    bill: ['kWh', 'kWh/day', 'kWh/kW', 'kWh/kW/day'],
    month: ['kWh', 'kWh/day', 'kWh/kW', 'kWh/kW/day'],
    day: ['kWh', 'kWh/day'],
    season: ['kWh'],
    year: ['kWh'],
  } as const;
  const unit = random.pick<TiersText['unit']>(units[reset]);
  const allocations = ['chronological', 'proportional', 'perPeriod', 'volume'] as const;
  const isOfPower = unit === 'kWh/kW' || unit === 'kWh/kW/day';
  const hasPerDays =
    (reset === 'bill' || reset === 'month' || reset === 'day') &&
    (unit === 'kWh' || unit === 'kWh/kW');
  const prorations = [
    'none',
    'days',
    ...(hasPerDays ? [{ perDays: random.between(1, 31) }] : []),
  ] as const;
  return {
    unit,
    reset,
    ...(isOfPower && random.chance(0.7)
      ? { kw: random.pick(['peak', 'contracted'] as const) }
      : {}),
    ...(reset === 'year' && random.chance(0.6) ? { resetMonth: random.pick(scope.months) } : {}),
    allocation: random.pick(
      allocations.filter((each) => flow !== 'net' || each !== 'chronological'),
    ),
    ...(random.chance(0.6) ? { proration: random.pick(prorations) } : {}),
  };
}

/** The size of a limit in the unit, so that some of the use lies on both sides of it. */
function limitSize(scope: Scope, { unit, reset }: TiersText): number {
  const days = Math.max(1, (scope.toMs - scope.fromMs) / 86_400_000);
  if (unit === 'kWh/day') return scope.dailyKwh;
  if (unit === 'kWh/kW/day') return 12;
  if (unit === 'kWh/kW') return 12 * days;
  return reset === 'day' ? scope.dailyKwh : scope.dailyKwh * days;
}

function randomFlow({ random, isPlain, netting }: Scope): EnergyText['flow'] {
  if (isPlain) return random.pick(['import', 'import', 'export'] as const);
  const wantsNet = netting === 'energyCredits' || netting === 'moneyCredits';
  return wantsNet
    ? random.pick(['net', 'net', 'import'] as const)
    : random.pick(['import', 'import', 'export', 'net'] as const);
}

export function randomEnergy(scope: Scope): EnergyText {
  const { random, name, roundsIntervals } = scope;
  const flow = randomFlow(scope);
  const hasTiers = !roundsIntervals && random.chance(0.6);
  const hasSeasons = scope.calendars.some(({ seasons = [] }) => seasons.length > 0);
  const rule = hasTiers ? tierRule(scope, flow, hasSeasons) : null;
  const seasonal = scope.calendars.filter(({ seasons = [] }) => seasons.length > 0);
  const own = rule?.reset === 'season' ? { ...scope, calendars: seasonal } : scope;
  const flats = rule?.reset === 'bill' && !scope.isPlain;
  let fields = priceFields(own, rule === null ? null : { about: limitSize(scope, rule), flats });
  for (let tries = 0; rule?.reset === 'season' && fields.calendar === undefined; tries += 1) {
    if (tries > 100) throw new Error('a season needs a calendar');
    fields = priceFields(own, { about: limitSize(scope, rule), flats });
  }
  const quantity = !roundsIntervals && !scope.isPlain && random.chance(0.15);
  const surplus = flow === 'net' && random.chance(0.5);
  const [first] = Object.keys(fields.prices ?? {});
  const ofFirst = surplus && first !== undefined && random.chance(0.5);
  return {
    kind: 'energy',
    name,
    flow,
    ...fields,
    ...(rule === null ? {} : { tiers: rule }),
    ...(quantity ? { quantity: roundingPoint(random) } : {}),
    ...(surplus && !ofFirst ? { surplusPrice: priceText(random) } : {}),
    ...(ofFirst ? { surplusPrices: { [first]: priceText(random) } } : {}),
  };
}

export function randomDynamic(scope: Scope): ComponentText {
  const { random, name } = scope;
  const resolutionMinutes = random.pick([15, 30, 60] as const);
  return {
    kind: 'dynamic',
    name,
    flow: random.pick(['import', 'import', 'export'] as const),
    series: random.pick(scope.series),
    missing: random.pick(['refuse', 'last', 'last', { price: priceText(random) }] as const),
    ...(random.chance(0.5) ? { factor: decimalText(random.between(-50, 300), 2) } : {}),
    ...(random.chance(0.5) ? { adder: priceText(random) } : {}),
    ...(random.chance(0.3) ? { cap: decimalText(random.between(0, 500), 2) } : {}),
    ...(random.chance(0.3) ? { floor: decimalText(random.between(-100, 300), 2) } : {}),
    ...(random.chance(0.5) ? { resolutionMinutes } : {}),
  };
}

function coincidentWindows(scope: Scope): { from: string; to: string }[] {
  const { random, fromMs, toMs } = scope;
  const quarters = Math.ceil((toMs - fromMs) / 900_000);
  return Array.from({ length: random.between(1, 3) }, () => {
    const startMs = fromMs + random.below(quarters) * 900_000;
    const endMs = startMs + random.between(1, 24) * 900_000;
    return { from: new Date(startMs).toISOString(), to: new Date(endMs).toISOString() };
  });
}

export function randomDemand(scope: Scope): ComponentText {
  const { random, name } = scope;
  const kw = scope.dailyKwh / 12;
  const isContracted = random.chance(0.15);
  const fields = priceFields(scope, random.chance(0.4) ? { about: kw, flats: true } : null);
  const meanOfTop = {
    meanOfTop: random.between(1, 5),
    each: random.pick(['day', 'window'] as const),
  };
  const common = {
    kind: 'demand' as const,
    name,
    windowMinutes: random.pick([5, 10, 15, 15, 30, 30, 60] as const),
    ...fields,
    ...(random.chance(0.3) ? { minimum: about(random, kw / 2) } : {}),
    ...(random.chance(0.2) ? { quantity: roundingPoint(random) } : {}),
    proration: random.pick(['none', 'days'] as const),
  };
  if (isContracted) return { ...common, unit: 'kW', measure: 'contracted' };
  const periods = fields.prices === undefined ? [] : Object.keys(fields.prices);
  const ratchet = (): NonNullable<
    Extract<ComponentText, { kind: 'demand' }>['ratchets']
  >[number] => ({
    percent: decimalText(random.between(300, 1_200), 1),
    months: random.between(1, 12),
    ...(random.chance(0.3) ? { ofMonths: [random.pick(scope.months)] } : {}),
    ...(periods.length > 0 && random.chance(0.3) ? { ofPeriods: [random.pick(periods)] } : {}),
  });
  return {
    ...common,
    unit: random.pick(['kW', 'kW', 'kVA', 'kvar'] as const),
    sliding: random.chance(0.3),
    measure: random.chance(0.5) ? 'max' : meanOfTop,
    ...(random.chance(0.3)
      ? {
          meanOfMonths: {
            months: random.between(2, 12),
            ...(random.chance(0.5) ? { floor: about(random, kw) } : {}),
          },
        }
      : {}),
    ratchets: Array.from({ length: random.below(3) }, ratchet),
    ...(random.chance(0.2) ? { coincident: coincidentWindows(scope) } : {}),
    countsEstimates: random.chance(0.4),
    unmetered: random.chance(0.8) ? 'leaveOut' : 'refuse',
  };
}

export function base(scope: Scope): 'subtotal' | string[] {
  const { random, above } = scope;
  const some = pickSome(random, above);
  return some.length === 0 || random.chance(0.4) ? 'subtotal' : some;
}

function quadrants(random: SeededRandom): ('q1' | 'q2' | 'q3' | 'q4')[] {
  const some = pickSome(random, ['q1', 'q2', 'q3', 'q4'] as const);
  return some.length === 0 ? ['q1'] : some;
}

export function randomReactive(scope: Scope): ComponentText {
  const { random, name } = scope;
  const unmetered = random.chance(0.8) ? ('leaveOut' as const) : ('refuse' as const);
  const common = { kind: 'reactive' as const, name, unmetered };
  const choice = scope.above.length === 0 ? random.below(2) : random.below(3);
  if (choice === 0) {
    const freeShare = decimalText(random.between(0, 80), 2);
    const fields = priceFields(scope, null);
    return { ...common, measure: 'excess', quadrants: quadrants(random), freeShare, ...fields };
  }
  if (choice === 1) {
    return {
      ...common,
      measure: 'kvaAdjustment',
      target: decimalText(random.between(70, 100), 2),
      windowMinutes: random.pick([15, 30, 60] as const),
      price: priceText(random),
    };
  }
  const limits = pickSome(random, ['0.75', '0.8', '0.85', '0.9', '0.95']);
  const step = (side: 'below' | 'above') => (limit: string) => ({
    [side]: limit,
    percent: decimalText(random.between(-20, 50), 1),
    per: random.pick(['0.01', '0.1', '0.003']),
  });
  return {
    ...common,
    measure: 'powerFactor',
    quadrants: quadrants(random),
    decimals: random.between(1, 6),
    mode: random.pick(modes),
    steps: [
      ...limits.map(step('below')),
      ...pickSome(random, limits).map(step('above')),
      step('below')('1'),
    ],
    of: base(scope),
  };
}
