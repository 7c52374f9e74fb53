import { localTextAt } from '../../src/domain/time/localText.ts';
import type { Load } from '../../src/domain/rating/load.ts';
import type { PriceSeries } from '../../src/domain/tariff/priceSeries.ts';
import type { AttributesShape, TariffText } from '../../src/domain/tariff/shape.ts';
import { SeededRandom } from '../simulate/seededRandom.ts';
import { periodNames, randomCalendar } from './randomCalendar.ts';
import {
  decimalText,
  priceText,
  randomDemand,
  randomDynamic,
  randomEnergy,
  randomReactive,
  roundingPoint,
} from './randomComponent.ts';
import type { ComponentText, NettingMethod, Scope } from './randomComponent.ts';
import {
  randomAdjust,
  randomDiscount,
  randomFixed,
  randomMinimum,
  randomNetting,
  randomTax,
} from './randomMoney.ts';

/**
 * A tariff of one to three versions and a load, all from one number, so that it can be repeated.
 */
export type RandomCase = {
  readonly seed: number;
  readonly documents: readonly TariffText[];
  readonly load: Load;
  readonly zone: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly attributes: AttributesShape;
  /** Stored series, which go before those of the documents. */
  readonly prices: ReadonlyMap<string, PriceSeries>;
};

const zones = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Seoul',
  'Pacific/Auckland',
  'Europe/London',
] as const;

/** Changes of the clocks in the zones above, new years, a leap day and ends of months. */
const interestingDates = [
  '2026-03-29',
  '2026-10-25',
  '2026-03-08',
  '2026-11-01',
  '2026-04-05',
  '2026-10-04',
  '2026-09-27',
  '2026-12-31',
  '2028-02-29',
  '2026-06-30',
] as const;

const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;
const dayMs = 96 * quarterMs;

type Times = Pick<RandomCase, 'zone' | 'fromMs' | 'toMs'> & { readonly intervalMinutes: number };

function randomTimes(random: SeededRandom, isYear: boolean): Times {
  const zone = random.pick(zones);
  const aboutMs = Date.parse(`${random.pick(interestingDates)}T00:00:00Z`);
  if (isYear) {
    const fromMs = aboutMs - random.between(0, 400) * dayMs;
    return { zone, fromMs, toMs: fromMs + random.between(380, 430) * dayMs, intervalMinutes: 60 };
  }
  const size = random.below(20);
  if (size < 14) {
    const stepMs = random.chance(0.1) ? 5 * minuteMs : quarterMs;
    const fromMs = aboutMs + random.between(-4 * 96, 96) * stepMs;
    const toMs = fromMs + random.between(1, 5 * 96) * stepMs;
    return { zone, fromMs, toMs, intervalMinutes: random.pick([5, 10, 15, 15, 30, 60]) };
  }
  const fromMs = aboutMs - random.between(0, 40) * dayMs;
  const days = size < 19 ? random.between(20, 45) : random.between(60, 120);
  const intervalMinutes = size < 19 ? random.pick([30, 60]) : 60;
  return { zone, fromMs, toMs: fromMs + days * dayMs, intervalMinutes };
}

/** Whole units of an interval. Round loads meet the limits of tiers exactly. */
function randomUnits(random: SeededRandom, sizeUnits: number, isRound: boolean): number {
  if (random.chance(0.05)) return 0;
  const units = random.below(2 * sizeUnits);
  return isRound ? Math.round(units / sizeUnits) * sizeUnits : units;
}

function randomFlags(random: SeededRandom, count: number): Uint8Array {
  const share = random.pick([0.02, 0.2]);
  return Uint8Array.from({ length: count }, () => (random.chance(share) ? 1 : 0));
}

function randomLoad(
  random: SeededRandom,
  times: Times,
  kind: { readonly sizeWh: number; readonly isProsumer: boolean },
): Load {
  const { fromMs, toMs, intervalMinutes } = times;
  const { sizeWh, isProsumer } = kind;
  const intervalMs = intervalMinutes * minuteMs;
  // Often a meter's clock hours are those of UTC, whatever the zone.
  const gridMs = random.chance(0.7) ? intervalMs : Math.min(intervalMs, quarterMs);
  const shift = random.chance(0.2) ? random.between(-60, 60) : -random.below(5);
  const startMs = Math.floor((fromMs + shift * gridMs) / gridMs) * gridMs;
  const endMs = toMs + (random.chance(0.2) ? random.between(-60, 60) : 2) * intervalMs;
  const count = Math.max(1, Math.ceil((endMs - startMs) / intervalMs));
  // Sums of a month stay below 2^53.
  const unitsPerWh = random.pick(sizeWh > 1_000_000_000 ? [1, 10] : [1, 1, 10, 1_000]);
  const isRound = random.chance(0.4);
  const gaps = random.chance(0.3) ? random.pick([0.002, 0.05]) : 0;
  // Mostly a meter that is silent is so in all registers.
  const isPartly = random.chance(0.3);
  const isMissing = Array.from({ length: count }, () => random.chance(gaps));
  const register = (share: number): Float64Array =>
    Float64Array.from(isMissing, (missing) =>
      missing && (!isPartly || random.chance(0.5))
        ? Number.NaN
        : randomUnits(random, Math.max(1, Math.round(sizeWh * unitsPerWh * share)), isRound),
    );
  const isReactive = random.chance(0.6);
  return {
    fromMs: startMs,
    intervalMs,
    unitsPerWh,
    import: random.chance(0.03) ? new Float64Array(count) : register(1),
    export: isProsumer || random.chance(0.6) ? register(random.pick([0.3, 1, 1.5])) : null,
    reactive: isReactive
      ? { q1: register(0.6), q2: register(0.1), q3: register(0.1), q4: register(0.3) }
      : null,
    estimated: random.chance(0.3) ? randomFlags(random, count) : null,
  };
}

function randomSeries(
  random: SeededRandom,
  name: string,
  times: Times,
): NonNullable<TariffText['priceSeries']>[number] {
  // A series has at most 38,400 prices.
  const isLong = times.toMs - times.fromMs > 350 * dayMs;
  const minutes = random.pick(isLong ? ([30, 60] as const) : ([15, 30, 60] as const));
  const unit = random.pick(['kWh', 'MWh'] as const);
  const isWhole = random.chance(0.6);
  const startMs = times.fromMs - (isWhole ? 2 * dayMs : random.below(3) * quarterMs);
  const fromMs = Math.floor(startMs / quarterMs) * quarterMs;
  const lengthMs = times.toMs - fromMs + (isWhole ? dayMs : -random.below(4) * 3_600_000);
  const gaps = random.chance(0.5) ? 0.02 : 0;
  const isFlat = random.chance(0.1);
  const flat = decimalText(random.between(-50, 400), 2);
  const price = (): string => (isFlat ? flat : decimalText(random.between(-5_000, 40_000), 4));
  const prices = Array.from(
    { length: Math.max(1, Math.ceil(lengthMs / (minutes * minuteMs))) },
    () => (random.chance(gaps) ? null : price()),
  );
  return { name, unit, minutes, from: new Date(fromMs).toISOString(), prices };
}

const noPrices: ReadonlyMap<string, PriceSeries> = new Map();

/** As a market publishes it and the database keeps it: the whole time, and nothing twice. */
function storedSeries(random: SeededRandom, times: Times): ReadonlyMap<string, PriceSeries> {
  const fromMs = Math.floor((times.fromMs - dayMs) / quarterMs) * quarterMs;
  const stepMs = random.pick([30, 60]) * minuteMs;
  const isWide = random.chance(0.1);
  const price = (): bigint =>
    BigInt(random.between(-50_000_000, 400_000_000)) * (isWide ? 100_000_003n : 1n);
  const pricesE8 = Array.from({ length: Math.ceil((times.toMs - fromMs) / stepMs) }, () =>
    random.chance(0.01) ? null : price(),
  );
  return new Map([['spot', { name: 'spot', fromMs, stepMs, pricesE8 }]]);
}

const makers = [
  randomEnergy,
  randomEnergy,
  randomEnergy,
  randomDynamic,
  randomDemand,
  randomDemand,
  randomReactive,
  randomFixed,
  randomMinimum,
  randomAdjust,
  randomDiscount,
  randomTax,
] as const;
/** These are of lines above them. */
const needsAbove: ReadonlySet<unknown> = new Set([randomMinimum, randomDiscount, randomTax]);

const nettingMethods: readonly NettingMethod[] = [
  'interval',
  'energyCredits',
  'energyCredits',
  'moneyCredits',
  'netBilling',
  'buyAllSellAll',
];

function decorated(random: SeededRandom, scope: Scope, component: ComponentText): ComponentText {
  const days = (scope.toMs - scope.fromMs) / dayMs;
  const limit = String(Math.max(1, Math.round(scope.dailyKwh * days)));
  const whens = [
    { useAtMostKwh: limit },
    { useAboveKwh: limit },
    { customerClasses: ['home', 'farm'] },
  ];
  return {
    ...component,
    ...(random.chance(0.2) ? { rounding: roundingPoint(random) } : {}),
    ...(component.kind !== 'netting' && !scope.isPlain && random.chance(0.12)
      ? { when: random.pick(whens) }
      : {}),
  };
}

function isNet(component: ComponentText): boolean {
  return component.kind === 'energy' && component.flow === 'net';
}

function randomComponents(
  random: SeededRandom,
  shared: Omit<Scope, 'name' | 'above' | 'netting' | 'random'>,
): ComponentText[] {
  const { isPlain } = shared;
  const netting = !isPlain && random.chance(0.35) ? random.pick(nettingMethods) : null;
  const components: ComponentText[] = [];
  const scopeNow = (): Scope => ({
    ...shared,
    random,
    netting,
    name: `c${components.length}`,
    above: components.map(({ name }) => name),
  });
  const count = random.between(1, isPlain ? 3 : 6);
  const addNetting = (): void => {
    const net = components.find(isNet);
    const calendar =
      net?.kind === 'energy'
        ? shared.calendars.find(({ name }) => name === net.calendar)
        : undefined;
    if (netting === 'energyCredits' && net === undefined) return;
    if (netting === null || components.length === 0) return;
    components.push(
      decorated(
        random,
        scopeNow(),
        randomNetting(scopeNow(), calendar === undefined ? [] : periodNames(calendar)),
      ),
    );
  };
  for (let index = 0; index < count; index += 1) {
    const scope = scopeNow();
    const isEnergy = isPlain || (index === 0 && random.chance(0.7));
    const isSpot = isPlain && random.chance(0.3);
    const maker = isEnergy ? (isSpot ? randomDynamic : randomEnergy) : random.pick(makers);
    if (needsAbove.has(maker) && scope.above.length === 0) continue;
    components.push(decorated(random, scope, maker(scope)));
  }
  addNetting();
  if (!isPlain && random.chance(0.4) && components.length > 0) {
    const scope = scopeNow();
    components.push(decorated(random, scope, randomTax(scope)));
  }
  const first = { ...scopeNow(), above: [] };
  return components.length > 0 ? components : [randomEnergy(first)];
}

function randomDocument(random: SeededRandom, times: Times, dailyKwh: number): TariffText {
  const aboutMs = (times.fromMs + times.toMs) / 2;
  const calendars = Array.from({ length: random.below(3) }, (_, index) =>
    randomCalendar(random, `calendar ${index}`, aboutMs),
  );
  const roundsIntervals = random.chance(0.2);
  const firstMonth = new Date(times.fromMs + dayMs).getUTCMonth();
  // The first is the likeliest to end within the bills.
  const months = [firstMonth, firstMonth, firstMonth, firstMonth + 1].map(
    (month) => (month % 12) + 1,
  );
  const priceSeries = [randomSeries(random, 'spot', times), randomSeries(random, 'other', times)];
  const { fromMs, toMs } = times;
  const series = priceSeries.map(({ name }) => name);
  const isPlain = random.chance(0.2);
  const shared = { calendars, series, dailyKwh, fromMs, toMs, months, roundsIntervals, isPlain };
  const components = randomComponents(random, shared);
  const rounding = {
    ...(roundsIntervals ? { interval: roundingPoint(random) } : {}),
    ...(random.chance(0.4) ? { line: roundingPoint(random) } : {}),
    ...(random.chance(0.2) ? { tax: roundingPoint(random) } : {}),
    ...(random.chance(0.3) ? { bill: roundingPoint(random) } : {}),
  };
  const isDynamic = components.some(({ kind }) => kind === 'dynamic');
  const intervalMinutes = random.pick([15, 30, 60] as const);
  return {
    currency: 'EUR',
    rounding,
    ...(random.chance(0.5) ? { intervalMinutes } : {}),
    calendars,
    priceSeries: isDynamic ? priceSeries : [],
    components,
  };
}

/** The same components at other prices, so that what is carried finds its component again. */
function repriced(random: SeededRandom, document: TariffText): TariffText {
  const components = document.components.map((component) => {
    const plain = 'price' in component && typeof component.price === 'string';
    return plain ? { ...component, price: priceText(random) } : component;
  });
  return { ...document, components };
}

function randomAttributes(random: SeededRandom, dailyKwh: number): AttributesShape {
  const some = <T extends object>(value: T): Partial<T> => (random.chance(0.97) ? value : {});
  return {
    ...some({ meters: random.below(4) }),
    ...some({ contractedKw: decimalText(Math.round(dailyKwh * 10 * (1 + random.below(9))), 3) }),
    ...some({ fuseA: random.pick(['16', '35', '63.5']) }),
    ...some({ phases: random.pick([1, 3]) }),
    ...some({ customerClass: random.pick(['home', 'shop']) }),
  };
}

/** Versions cut the time at quarter hours; most tariffs have one. */
function randomVersions(random: SeededRandom, times: Times, dailyKwh: number): TariffText[] {
  const { fromMs, toMs } = times;
  const zone = random.chance(0.15) ? random.pick(zones) : undefined;
  const first = {
    ...randomDocument(random, times, dailyKwh),
    ...(zone === undefined ? {} : { zone }),
  };
  const quarters = Math.floor((toMs - fromMs) / quarterMs);
  const count = quarters < 3 ? 1 : random.pick([1, 1, 1, 2, 2, 3]);
  const cuts = new Set(Array.from({ length: count - 1 }, () => random.between(1, quarters - 1)));
  const documents: TariffText[] = [first];
  const gridMs = Math.floor(fromMs / quarterMs) * quarterMs;
  for (const cut of [...cuts].toSorted((left, right) => left - right)) {
    const validFrom = localTextAt(zone ?? times.zone, gridMs + cut * quarterMs);
    const before = documents.at(-1) ?? first;
    // Two instants of the hour that comes twice have one name.
    if ((before.validFrom ?? '') >= validFrom) continue;
    const next = random.chance(0.6)
      ? repriced(random, before)
      : { ...randomDocument(random, times, dailyKwh), ...(zone === undefined ? {} : { zone }) };
    documents.push({ ...next, validFrom });
  }
  return documents;
}

/** Of some days or some months, or of more than a year. */
export function randomCase(seed: number, length: 'short' | 'year' = 'short'): RandomCase {
  const random = new SeededRandom(seed);
  const times = randomTimes(random, length === 'year');
  const sizeWh = random.pick([1, 250, 1_000, 1_000, 4_000, 2_000_000, 5_000_000_000]);
  const dailyKwh = ((sizeWh / 1_000) * 1_440) / times.intervalMinutes;
  const documents = randomVersions(random, times, dailyKwh);
  const isProsumer = documents.some(({ components }) =>
    components.some(({ kind }) => kind === 'netting'),
  );
  const load = randomLoad(random, times, { sizeWh, isProsumer });
  const attributes = randomAttributes(random, dailyKwh);
  const { zone, fromMs, toMs } = times;
  const prices = random.chance(0.2) ? storedSeries(random, times) : noPrices;
  return { seed, documents, load, zone, fromMs, toMs, attributes, prices };
}
