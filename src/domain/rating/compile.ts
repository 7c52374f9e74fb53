import { assert } from '../assert.ts';
import { instantMsMax } from '../limits.ts';
import { slotsPerCompiledTariffMax } from '../tariff/limits.ts';
import { refuse } from '../outcome.ts';
import type { Outcome, Refused } from '../outcome.ts';
import type { Component, Prices } from '../tariff/component.ts';
import { seasonOn } from '../tariff/calendar.ts';
import type { TariffDocument } from '../tariff/document.ts';
import type { PriceSeries } from '../tariff/priceSeries.ts';
import { minuteMs } from '../time/civil.ts';
import { isKnownZone, offsetSegments } from '../time/zone.ts';
import type { OffsetSegment } from '../time/zone.ts';
import { addFolds } from './compileFolds.ts';
import type { CompiledComponent, CompiledTariff, TierSpan } from './compiled.ts';
import { billFactsOf } from './facts.ts';
import type { BillFacts } from './facts.ts';
import { flows } from './load.ts';
import type { Flow } from './load.ts';
import { slotMs as quarterMs } from './slot.ts';
import { bucketsOf, slotTableOf } from './slotTable.ts';
import type { Buckets, SlotTable } from './slotTable.ts';

export type CompileRefusal =
  | 'ZONE_UNKNOWN'
  | 'ZONE_OFF_GRID'
  | 'WINDOW_EMPTY'
  | 'WINDOW_OFF_GRID'
  | 'WINDOW_OUT_OF_RANGE'
  | 'WINDOW_TOO_LONG'
  | 'WINDOW_NOT_ONE_MONTH'
  | 'SLOTS_TOO_COARSE';

export type CompileWindow = {
  /** The service point's zone; the tariff's own goes first. */
  readonly zone: string;
  /** One bill: within one local month. */
  readonly fromMs: number;
  readonly toMs: number;
  /** A quarter hour unless given. */
  readonly slotMs?: number;
  /** The load's own interval where its slots were cut finer; the slot unless given. */
  readonly intervalMs?: number;
  /** Any instant at which one of these intervals begins. */
  readonly intervalPhaseMs?: number;
  readonly unitsPerWh?: number;
  /** By name; they go before the series of the same name in the document. */
  readonly prices?: ReadonlyMap<string, PriceSeries>;
};

/** Null when the window can be cut into slots of the zone. */
function refuseWindow(
  zone: string,
  window: Required<CompileWindow>,
): Refused<CompileRefusal> | null {
  const { fromMs, toMs, slotMs } = window;
  const isOnGrid = (atMs: number): boolean => Number.isSafeInteger(atMs) && atMs % slotMs === 0;
  if (!isKnownZone(zone)) {
    return refuse('ZONE_UNKNOWN', `The zone ${zone} is unknown; use an IANA name.`);
  }
  if (!isOnGrid(fromMs) || !isOnGrid(toMs)) {
    const slotText = `${slotMs / minuteMs} minutes`;
    return refuse('WINDOW_OFF_GRID', `A bill begins and ends with a slot of ${slotText}.`);
  }
  if (fromMs < 0 || toMs > instantMsMax) {
    return refuse('WINDOW_OUT_OF_RANGE', 'The window is outside the years 1970 to 2199.');
  }
  if (fromMs >= toMs) return refuse('WINDOW_EMPTY', 'The window ends before it begins.');
  const slotCount = (toMs - fromMs) / slotMs;
  if (slotCount > slotsPerCompiledTariffMax) {
    const message = `The window has ${slotCount} slots, at most ${slotsPerCompiledTariffMax}.`;
    return refuse('WINDOW_TOO_LONG', `${message} Cut it at a month.`);
  }
  return null;
}

/** A component's periods, and by super period the index into them. */
function periodsOf(
  document: TariffDocument,
  component: Component,
): Pick<CompiledComponent, 'periods' | 'periodOfSuper'> {
  const { calendarIndex, periods } = calendarOf(component);
  const superPeriods = [...document.superPeriods.values()];
  if (calendarIndex === null) return { periods, periodOfSuper: superPeriods.map(() => 0) };
  const calendar = document.calendars[calendarIndex];
  assert(calendar !== undefined, 'a component names a calendar of its document');
  const names = periods ?? calendar.periods;
  const periodOfSuper = superPeriods.map(({ periodIndexes }) => {
    const index = names.indexOf(calendar.periods[periodIndexes[calendarIndex]]);
    assert(index >= 0, 'a component has a price for each period of its calendar');
    return index;
  });
  return { periods: names, periodOfSuper };
}

type CalendarUse =
  | { readonly calendarIndex: null; readonly periods: readonly (string | null)[] }
  /** Periods null: as the calendar has them. */
  | { readonly calendarIndex: number; readonly periods: readonly (string | null)[] | null };

function calendarOf(component: Component): CalendarUse {
  const none = { calendarIndex: null, periods: [null] };
  const used = ({ calendarIndex, periods }: Prices): CalendarUse =>
    calendarIndex === null ? none : { calendarIndex, periods };
  if (component.kind === 'energy' || component.kind === 'demand') return used(component.prices);
  if (component.kind === 'reactive' && component.measure === 'excess')
    return used(component.prices);
  if (component.kind === 'fixed' && component.byPeriod !== null) {
    return { calendarIndex: component.byPeriod.calendarIndex, periods: null };
  }
  return none;
}

/** The flows that a component's quantities are made of; import is always there. */
function flowsOf(component: Component): readonly Flow[] {
  switch (component.kind) {
    case 'energy':
    case 'dynamic':
      return component.flow === 'import' ? [] : ['export'];
    case 'demand': {
      const isReactive = component.unit !== 'kW' && component.measure !== 'contracted';
      return isReactive ? ['q1', 'q4'] : [];
    }
    case 'reactive':
      return component.measure === 'kvaAdjustment' ? ['q1', 'q4'] : component.quadrants;
    case 'netting':
      return netsIntervals(component) ? ['export'] : [];
    case 'fixed':
    case 'minimum':
    case 'adjust':
    case 'discount':
    case 'tax':
      return [];
  }
}

function netsIntervals(component: Component): boolean {
  return (
    component.kind === 'netting' &&
    (component.method === 'interval' || component.method === 'netBilling')
  );
}

function channelsOf(components: readonly Component[]): readonly Flow[] {
  const wanted = new Set<Flow>(['import', ...components.flatMap(flowsOf)]);
  return flows.filter((flow) => wanted.has(flow));
}

/** Where runs are cut for tiers that begin anew within a bill; null: sums by super period do. */
function cutsOf(document: TariffDocument, table: SlotTable): ((slot: number) => boolean) | null {
  let needsRuns = false;
  let needsDays = false;
  const seasonal = new Set<number>();
  for (const component of document.components) {
    if (component.kind !== 'energy' || component.tierRule === null) continue;
    const { allocation, reset } = component.tierRule;
    if (allocation === 'chronological' || reset === 'day' || reset === 'season') needsRuns = true;
    if (reset === 'day') needsDays = true;
    if (reset === 'season' && component.prices.calendarIndex !== null) {
      seasonal.add(component.prices.calendarIndex);
    }
  }
  if (!needsRuns) return null;
  const { dayOfSlot } = table;
  const isNewSeason = (before: number, day: number): boolean =>
    [...seasonal].some((index) => {
      const calendar = document.calendars[index];
      return seasonOn(calendar, before) !== seasonOn(calendar, day);
    });
  return (slot) => {
    const before = dayOfSlot[slot - 1];
    const day = dayOfSlot[slot];
    return before !== day && (needsDays || isNewSeason(before, day));
  };
}

function spansOf(
  document: TariffDocument,
  component: Component,
  context: { readonly facts: BillFacts; readonly buckets: Buckets; readonly table: SlotTable },
): readonly TierSpan[] {
  if (component.kind !== 'energy') return [];
  const { facts, buckets, table } = context;
  const whole = { fromBucket: 0, toBucket: buckets.bucketCount };
  const rule = component.tierRule;
  if (rule === null || rule.reset === 'bill') return [{ label: '', ...whole }];
  if (rule.reset === 'month') return [{ label: facts.label, ...whole }];
  if (rule.reset === 'year') {
    const year = facts.month >= rule.resetMonth ? facts.year : facts.year - 1;
    return [{ label: String(year), ...whole }];
  }
  const calendar = document.calendars[component.prices.calendarIndex ?? -1];
  const labelOf = (bucket: number): string => {
    const day = table.dayOfSlot[buckets.firstSlotOfBucket[bucket]];
    if (rule.reset === 'day') return String(day);
    return (calendar === undefined ? null : seasonOn(calendar, day)) ?? '-';
  };
  const spans: TierSpan[] = [];
  for (let bucket = 0; bucket < buckets.bucketCount; bucket += 1) {
    const label = labelOf(bucket);
    const last = spans.at(-1);
    if (last?.label === label) spans[spans.length - 1] = { ...last, toBucket: bucket + 1 };
    else spans.push({ label, fromBucket: bucket, toBucket: bucket + 1 });
  }
  return spans;
}

function compileComponents(
  document: TariffDocument,
  context: { readonly facts: BillFacts; readonly buckets: Buckets; readonly table: SlotTable },
): readonly CompiledComponent[] {
  const { superPeriodOfSlot } = context.table;
  const seen = new Set(superPeriodOfSlot);
  return document.components.map((component) => {
    const { periods, periodOfSuper } = periodsOf(document, component);
    const occurring = new Set([...seen].map((superPeriod) => periodOfSuper[superPeriod]));
    return {
      component,
      periods,
      periodOfSuper,
      occurring: [...occurring].toSorted((left, right) => left - right),
      firstPeriod: periodOfSuper[superPeriodOfSlot[0]],
      spans: spansOf(document, component, context),
      measures: [],
      spot: null,
      roundedSum: null,
    };
  });
}

/** Every field of the window given; the zone is the one that counts. */
function filled(document: TariffDocument, window: CompileWindow): Required<CompileWindow> {
  const slotMs = window.slotMs ?? quarterMs;
  return {
    zone: document.zone ?? window.zone,
    fromMs: window.fromMs,
    toMs: window.toMs,
    slotMs,
    intervalMs: window.intervalMs ?? slotMs,
    intervalPhaseMs: window.intervalPhaseMs ?? 0,
    unitsPerWh: window.unitsPerWh ?? 1,
    prices: window.prices ?? new Map<string, PriceSeries>(),
  };
}

function refuseGrid(zone: string, window: Required<CompileWindow>): Refused<CompileRefusal> {
  const minutes = window.slotMs / minuteMs;
  const message = `In this window the clocks of ${zone} are not on a grid of ${minutes} minutes`;
  return refuse('ZONE_OFF_GRID', `${message} of UTC; it cannot be rated in such slots.`);
}

function firstIntervalOf(window: Required<CompileWindow>): number {
  const { fromMs, slotMs, intervalMs, intervalPhaseMs } = window;
  const behindMs = (fromMs - intervalPhaseMs) % intervalMs;
  const aheadMs = behindMs > 0 ? intervalMs - behindMs : -behindMs;
  assert(aheadMs % slotMs === 0, 'intervals begin with a slot');
  return aheadMs / slotMs;
}

export function compileTariff(
  document: TariffDocument,
  wanted: CompileWindow,
): Outcome<CompiledTariff, CompileRefusal> {
  const window = filled(document, wanted);
  const { zone, fromMs, toMs, slotMs, intervalMs, unitsPerWh } = window;
  assert(slotMs > 0 && intervalMs % slotMs === 0, 'an interval is whole slots');
  assert(Number.isSafeInteger(unitsPerWh) && unitsPerWh > 0, 'units divide a Wh');
  const refused = refuseWindow(zone, window);
  if (refused !== null) return refused;
  const segments = offsetSegments(zone, { fromMs, toMs });
  const isOnGrid = ({ startMs, offsetMs }: OffsetSegment): boolean =>
    startMs % slotMs === 0 && offsetMs % slotMs === 0;
  if (!segments.every(isOnGrid)) return refuseGrid(zone, window);
  const facts = billFactsOf(zone, { fromMs, toMs });
  if (facts === null) {
    return refuse('WINDOW_NOT_ONE_MONTH', 'The window is of two local months; rate each alone.');
  }
  const slotCount = (toMs - fromMs) / slotMs;
  const table = slotTableOf(document, segments, { slotMs, slotCount });
  if (table === null) {
    const message = `A slot of ${slotMs / minuteMs} minutes holds two periods of a calendar`;
    return refuse('SLOTS_TOO_COARSE', `${message}; cut the load into quarter hours.`);
  }
  const buckets = bucketsOf(table, document.superPeriods.size, cutsOf(document, table));
  const { runEnds, bucketOfRun, bucketCount, superPeriodOfBucket } = buckets;
  const channels = channelsOf(document.components);
  return addFolds({
    document,
    window,
    segments,
    sums: {
      currency: document.currency,
      zone,
      facts,
      slotMs,
      intervalMs,
      firstInterval: firstIntervalOf(window),
      unitsPerWh,
      firstSlot: fromMs / slotMs,
      slotCount,
      channels,
      netsIntervals: document.components.some(netsIntervals),
      needsReactive: channels.some((flow) => flow !== 'import' && flow !== 'export'),
      ...table,
      superPeriodCount: document.superPeriods.size,
      runEnds,
      bucketOfRun,
      bucketCount,
      superPeriodOfBucket,
      components: compileComponents(document, { facts, buckets, table }),
      rounding: document.rounding,
    },
  });
}
