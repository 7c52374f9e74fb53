import { oneE8 } from '../exact.ts';
import type { DemandComponent, Ratchet, ReactiveComponent } from './component.ts';
import type { ComponentShape } from './componentShape.ts';
import type { Named } from './readEnergy.ts';
import { readInstant } from './readInstant.ts';
import { readE8, readOptionalE8, readPriceE8, readRoundingPoint } from './readNumber.ts';
import { firstFlat, firstTiered, readBase, readPrices, reportLoneTiers } from './readPrices.ts';
import type { Context } from './readPrices.ts';
import { readEach, report, reportRepeated, within } from './refusal.ts';
import type { Spot } from './refusal.ts';

type DemandShape = Extract<ComponentShape, { kind: 'demand' }>;
type ReactiveShape = Extract<ComponentShape, { kind: 'reactive' }>;
type Measured<Measure> = Extract<ReactiveShape, { measure: Measure }>;

const notNegative = { least: 0n };

/** The contracted kW is no measurement: nothing of it is carried, and it has no windows. */
function reportContracted(spot: Spot, raw: DemandShape): void {
  if (raw.measure !== 'contracted') return;
  if (raw.unit !== 'kW') {
    report(within(spot, 'unit'), 'TARIFF_MALFORMED', 'contracted power is in kW; write kW.');
  }
  const message = 'contracted power is not measured; remove this, or measure the demand.';
  if (raw.sliding) report(within(spot, 'sliding'), 'TARIFF_MALFORMED', message);
  if (raw.meanOfMonths) report(within(spot, 'meanOfMonths'), 'TARIFF_MALFORMED', message);
  if (raw.ratchets.length > 0) report(within(spot, 'ratchets'), 'TARIFF_MALFORMED', message);
  if (raw.coincident) report(within(spot, 'coincident'), 'TARIFF_MALFORMED', message);
}

function readRatchet(
  spot: Spot,
  raw: DemandShape['ratchets'][number],
  periods: readonly (string | null)[],
): Ratchet {
  const wanted = raw.ofPeriods ?? null;
  reportRepeated(within(spot, 'ofPeriods'), wanted ?? [], null);
  const ofPeriods =
    wanted === null
      ? null
      : readEach(within(spot, 'ofPeriods'), wanted, (periodSpot, period) => {
          const index = periods.indexOf(period);
          if (index < 0) {
            const message = `the component's calendar has no period "${period}"; correct the name.`;
            report(periodSpot, 'TARIFF_REFERENCE_UNKNOWN', message);
          }
          return index;
        });
  return {
    percentE8: readE8(within(spot, 'percent'), raw.percent, notNegative),
    months: raw.months,
    ofMonths: raw.ofMonths ?? null,
    ofPeriods,
  };
}

function readCoincident(spot: Spot, raw: DemandShape['coincident']): DemandComponent['coincident'] {
  if (raw === undefined) return null;
  return readEach(spot, raw, (windowSpot, window) => {
    const fromMs = readInstant(within(windowSpot, 'from'), window.from);
    const toMs = readInstant(within(windowSpot, 'to'), window.to);
    if (fromMs >= toMs) {
      const message = 'the window ends before it begins; correct one of the instants.';
      report(windowSpot, 'TARIFF_MALFORMED', message);
    }
    return { fromMs, toMs };
  });
}

export function readDemand(
  spot: Spot,
  raw: DemandShape,
  named: Named,
  context: Context,
): DemandComponent {
  const prices = readPrices(spot, raw, context);
  reportLoneTiers(spot, raw);
  const flat = firstFlat(spot, raw);
  if (flat !== null && raw.calendar !== undefined) {
    const message = 'only tiers without a calendar have an amount; remove it.';
    report(flat, 'TARIFF_TIERS_MALFORMED', message);
  }
  reportContracted(spot, raw);
  const { meanOfMonths } = raw;
  const floorSpot = within(spot, 'meanOfMonths', 'floor');
  return {
    ...named,
    kind: 'demand',
    unit: raw.unit,
    windowMinutes: raw.windowMinutes,
    sliding: raw.sliding,
    measure: raw.measure,
    prices,
    meanOfMonths:
      meanOfMonths === undefined
        ? null
        : {
            months: meanOfMonths.months,
            floorE8: readOptionalE8(floorSpot, meanOfMonths.floor, notNegative) ?? 0n,
          },
    minimumE8: readOptionalE8(within(spot, 'minimum'), raw.minimum, notNegative) ?? 0n,
    ratchets: readEach(within(spot, 'ratchets'), raw.ratchets, (ratchetSpot, ratchet) =>
      readRatchet(ratchetSpot, ratchet, prices.periods),
    ),
    coincident: readCoincident(within(spot, 'coincident'), raw.coincident),
    quantity: readRoundingPoint(within(spot, 'quantity'), raw.quantity),
    countsEstimates: raw.countsEstimates,
    proration: raw.proration,
    unmetered: raw.unmetered,
  };
}

type PowerFactorComponent = Extract<ReactiveComponent, { measure: 'powerFactor' }>;

function readStep(
  spot: Spot,
  raw: Measured<'powerFactor'>['steps'][number],
): PowerFactorComponent['steps'][number] {
  const { below, above } = raw;
  if ((below === undefined) === (above === undefined)) {
    report(spot, 'TARIFF_MALFORMED', 'a step is either below or above a power factor; give one.');
  }
  const side = below === undefined ? 'above' : 'below';
  const limitSpot = within(spot, side);
  return {
    side,
    limitE8: readE8(limitSpot, below ?? above ?? '1', { least: 0n, most: oneE8 }),
    percentE8: readE8(within(spot, 'percent'), raw.percent),
    perE8: readE8(within(spot, 'per'), raw.per, { least: 0n, above: true }),
  };
}

function readPowerFactor(
  spot: Spot,
  raw: Measured<'powerFactor'>,
  named: Named,
  context: Context,
): ReactiveComponent {
  const steps = readEach(within(spot, 'steps'), raw.steps, readStep);
  for (const [index, { side, limitE8 }] of steps.entries()) {
    const first = steps.findIndex((step) => step.side === side && step.limitE8 === limitE8);
    if (first === index) continue;
    const message = 'a step above has the same limit; each limit has one percentage.';
    report(within(spot, 'steps', index, side), 'TARIFF_MALFORMED', message);
  }
  return {
    ...named,
    kind: 'reactive',
    unmetered: raw.unmetered,
    measure: 'powerFactor',
    quadrants: raw.quadrants,
    decimals: raw.decimals,
    mode: raw.mode,
    steps,
    of: readBase(within(spot, 'of'), raw.of, context),
  };
}

function readExcess(
  spot: Spot,
  raw: Measured<'excess'>,
  named: Named,
  context: Context,
): ReactiveComponent {
  const tiered = firstTiered(spot, raw);
  if (tiered !== null) {
    const message = 'reactive energy has no tiers; write one price as a text.';
    report(tiered, 'TARIFF_TIERS_MALFORMED', message);
  }
  return {
    ...named,
    kind: 'reactive',
    unmetered: raw.unmetered,
    measure: 'excess',
    quadrants: raw.quadrants,
    freeShareE8: readE8(within(spot, 'freeShare'), raw.freeShare, notNegative),
    prices: readPrices(spot, raw, context),
  };
}

export function readReactive(
  spot: Spot,
  raw: ReactiveShape,
  named: Named,
  context: Context,
): ReactiveComponent {
  if (raw.measure !== 'kvaAdjustment') {
    reportRepeated(within(spot, 'quadrants'), raw.quadrants, null);
  }
  switch (raw.measure) {
    case 'excess':
      return readExcess(spot, raw, named, context);
    case 'powerFactor':
      return readPowerFactor(spot, raw, named, context);
    case 'kvaAdjustment':
      return {
        ...named,
        kind: 'reactive',
        unmetered: raw.unmetered,
        measure: raw.measure,
        targetE8: readE8(within(spot, 'target'), raw.target, {
          least: 0n,
          above: true,
          most: oneE8,
        }),
        windowMinutes: raw.windowMinutes,
        priceE8: readPriceE8(within(spot, 'price'), raw.price),
      };
  }
}
