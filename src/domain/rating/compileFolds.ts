import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { Component, DemandComponent, DynamicComponent } from '../tariff/component.ts';
import type { TariffDocument } from '../tariff/document.ts';
import { minuteMs } from '../time/civil.ts';
import type { OffsetSegment } from '../time/zone.ts';
import type { CompileWindow } from './compile.ts';
import { sharedUint8 } from './compiled.ts';
import type {
  CompiledComponent,
  CompiledTariff,
  Measure,
  RoundedSum,
  SpotPrices,
  WindowTable,
} from './compiled.ts';
import type { Flow } from './load.ts';
import { fastTotalOf } from './running.ts';
import { seriesOf, spotPricesOf } from './spotPrices.ts';
import { cutAtPeriods, loadWindows, localWindows } from './windowTable.ts';
import type { Grid } from './windowTable.ts';

type FoldFields =
  | 'windowTables'
  | 'measures'
  | 'spots'
  | 'roundedSums'
  | 'keepsSlots'
  | 'tierPeak'
  | 'fast';
export type SumsPart = Omit<CompiledTariff, FoldFields>;

export type FoldInput = {
  readonly document: TariffDocument;
  readonly window: Required<CompileWindow>;
  readonly segments: readonly OffsetSegment[];
  readonly sums: SumsPart;
};

type Refusal = 'SLOTS_TOO_COARSE';
type Windows = { readonly key: string; make(): WindowTable };

function channelBitsOf(channels: readonly Flow[], unit: Measure['unit']): number {
  let bits = 0;
  for (const [index, flow] of channels.entries()) {
    const isReactive = flow === 'q1' || flow === 'q4';
    const isNeeded = isReactive ? unit !== 'kW' : flow === 'import' && unit !== 'kvar';
    if (isNeeded) bits |= 1 << index;
  }
  return bits;
}

/** What the components need beside sums, each kind of windows made once. */
class FoldPlan {
  readonly windowTables: WindowTable[] = [];
  readonly measures: Measure[] = [];
  readonly spots: SpotPrices[] = [];
  readonly roundedSums: RoundedSum[] = [];
  tierPeak: number | null = null;
  /** A length of windows, in minutes, that slots do not fit. */
  misfitMinutes: number | null = null;
  readonly #input: FoldInput;
  readonly #intervalMinutes: number;
  readonly #grid: Grid;
  readonly #tableOfKey = new Map<string, number>();

  constructor(input: FoldInput) {
    this.#input = input;
    this.#intervalMinutes = input.window.intervalMs / minuteMs;
    const { slotMs, slotCount } = input.sums;
    this.#grid = { fromMs: input.window.fromMs, slotMs, slotCount };
  }

  #table(key: string, make: () => WindowTable): number {
    const known = this.#tableOfKey.get(key);
    if (known !== undefined) return known;
    const index = this.windowTables.push(make()) - 1;
    this.#tableOfKey.set(key, index);
    return index;
  }

  #byClock(minutes: number): Windows {
    const { segments, sums } = this.#input;
    if ((minutes * minuteMs) % sums.slotMs !== 0) this.misfitMinutes = minutes;
    return { key: String(minutes), make: () => localWindows(this.#grid, minutes, segments) };
  }

  /** Windows of the load's own interval, or longer ones by the clock. */
  #windows(minutes: number): Windows {
    if (minutes > this.#intervalMinutes) return this.#byClock(minutes);
    const { intervalMs, intervalPhaseMs: phaseMs } = this.#input.window;
    return { key: 'load', make: () => loadWindows(this.#grid, { intervalMs, phaseMs }) };
  }

  /** Windows of demand go by the clock, however long; those that slide by one interval are it. */
  #demandWindows(minutes: number, sliding: boolean): Windows {
    const isInterval = sliding && minutes === this.#intervalMinutes;
    return isInterval ? this.#windows(minutes) : this.#byClock(minutes);
  }

  addMeasure(
    wanted: Pick<Measure, 'unit' | 'top' | 'each' | 'isCounted' | 'countsEstimates'> & {
      readonly windowMinutes: number;
      readonly sliding: boolean;
    },
    periods: Pick<Measure, 'periodOfSuper' | 'periodCount'>,
  ): number {
    const { windowMinutes, sliding, ...kept } = wanted;
    const minutes = Math.max(windowMinutes, this.#intervalMinutes);
    const slides = sliding && windowMinutes > this.#intervalMinutes;
    const windows = this.#demandWindows(minutes, sliding);
    const windowTable = slides ? null : this.#table(windows.key, () => windows.make());
    const channelBits = channelBitsOf(this.#input.sums.channels, kept.unit);
    const measure = { ...kept, ...periods, channelBits, minutes, windowTable };
    return this.measures.push(measure) - 1;
  }

  addSpot(component: DynamicComponent): number {
    const { slotMs } = this.#input.sums;
    const series = seriesOf(component, this.#input);
    const isMisfit =
      series !== undefined && (series.stepMs % slotMs) + (series.fromMs % slotMs) !== 0;
    if (isMisfit) this.misfitMinutes = series.stepMs / minuteMs;
    const { resolutionMinutes } = component;
    if (((resolutionMinutes ?? 0) * minuteMs) % slotMs !== 0)
      this.misfitMinutes = resolutionMinutes;
    return this.spots.push(spotPricesOf(component, this.#input)) - 1;
  }

  addRoundedSum(component: number, by: RoundedSum['by']): number | null {
    const { document, sums } = this.#input;
    const point = document.rounding.interval;
    if (point === null) return null;
    const { key, make } = this.#windows(document.intervalMinutes ?? this.#intervalMinutes);
    let windowTable: number;
    if (by.how === 'spot') windowTable = this.#table(key, make);
    else {
      const { periodOfSuper } = by;
      windowTable = this.#table(`${key} cut ${periodOfSuper.join()}`, () =>
        cutAtPeriods(make(), sums.superPeriodOfSlot, periodOfSuper),
      );
    }
    return this.roundedSums.push({ component, windowTable, point, by }) - 1;
  }
}

function countedSlots(component: DemandComponent, sums: SumsPart): Uint8Array | null {
  const { coincident } = component;
  if (coincident === null) return null;
  const isCounted = sharedUint8(sums.slotCount);
  for (let slot = 0; slot < sums.slotCount; slot += 1) {
    const atMs = sums.facts.fromMs + slot * sums.slotMs;
    const isInside = coincident.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
    isCounted[slot] = isInside ? 1 : 0;
  }
  return isCounted;
}

const plainMeasure = {
  top: 1,
  each: 'window',
  isCounted: null,
  countsEstimates: false,
  sliding: false,
} as const;

function measuresOf(plan: FoldPlan, each: CompiledComponent, sums: SumsPart): readonly number[] {
  const { component, periodOfSuper } = each;
  if (component.kind === 'reactive' && component.measure === 'kvaAdjustment') {
    const { windowMinutes } = component;
    const periods = { periodOfSuper, periodCount: 1 };
    return [
      plan.addMeasure({ ...plainMeasure, unit: 'kVA', windowMinutes }, periods),
      plan.addMeasure({ ...plainMeasure, unit: 'kW', windowMinutes }, periods),
    ];
  }
  if (component.kind !== 'demand' || component.measure === 'contracted') return [];
  const { unit, windowMinutes, sliding, measure, countsEstimates } = component;
  const kept =
    measure === 'max'
      ? { top: 1, each: 'window' as const }
      : { top: measure.meanOfTop, each: measure.each };
  const isCounted = countedSlots(component, sums);
  const wanted = { unit, windowMinutes, sliding, countsEstimates, isCounted, ...kept };
  const periodCount = component.prices.periods.length;
  return [plan.addMeasure(wanted, { periodOfSuper, periodCount })];
}

function roundedSumOf(
  plan: FoldPlan,
  each: CompiledComponent,
  context: { readonly index: number; readonly spot: number | null; readonly banksKwh: boolean },
): number | null {
  const { component, periodOfSuper } = each;
  if (component.kind === 'dynamic' && context.spot !== null) {
    return plan.addRoundedSum(context.index, { how: 'spot', spot: context.spot });
  }
  if (component.kind !== 'energy' || component.tierRule !== null) return null;
  const { flow, prices, surplusE8 } = component;
  // Of kWh that a bank of credits changes there is no amount by interval.
  if (flow === 'net' && context.banksKwh) return null;
  const pricesE8 = prices.tiers.map(([only]) => only.priceE8);
  const by = { how: 'prices', flow, pricesE8, surplusE8, periodOfSuper } as const;
  return plan.addRoundedSum(context.index, by);
}

function looksAtPeak(component: Component): boolean {
  if (component.kind !== 'energy' || component.tierRule === null) return false;
  const { unit, kw } = component.tierRule;
  return kw === 'peak' && (unit === 'kWh/kW' || unit === 'kWh/kW/day');
}

/** Completes a tariff that is compiled as far as its sums go. */
export function addFolds(input: FoldInput): Outcome<CompiledTariff, Refusal> {
  const { document, sums } = input;
  const plan = new FoldPlan(input);
  const banksKwh = document.components.some(
    (each) => each.kind === 'netting' && each.method === 'energyCredits',
  );
  const components = sums.components.map((each, index) => {
    const { component } = each;
    const spot = component.kind === 'dynamic' ? plan.addSpot(component) : null;
    const roundedSum = roundedSumOf(plan, each, { index, spot, banksKwh });
    return { ...each, measures: measuresOf(plan, each, sums), spot, roundedSum };
  });
  if (document.components.some(looksAtPeak)) {
    const periodOfSuper = [...document.superPeriods.keys()].map(() => 0);
    const wanted = { ...plainMeasure, unit: 'kW', windowMinutes: 15 } as const;
    plan.tierPeak = plan.addMeasure(wanted, { periodOfSuper, periodCount: 1 });
  }
  if (plan.misfitMinutes !== null) {
    const slotText = `Slots of ${sums.slotMs / minuteMs} minutes`;
    const message = `${slotText} do not fit windows of ${plan.misfitMinutes}; cut the load finer.`;
    return refuse('SLOTS_TOO_COARSE', message);
  }
  const { windowTables, measures, spots, roundedSums, tierPeak } = plan;
  const compiled = {
    ...sums,
    components,
    windowTables,
    measures,
    spots,
    roundedSums,
    keepsSlots: measures.some(({ windowTable }) => windowTable === null),
    tierPeak,
  };
  return accept({ ...compiled, fast: fastTotalOf(compiled) });
}
