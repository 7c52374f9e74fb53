import { assert } from '../assert.ts';
import { instantMsMax, slotsPerCompiledTariffMax } from '../limits.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome, Refused } from '../outcome.ts';
import { dayOfNumber, dayReader, superPeriodKeys } from '../tariff/calendar.ts';
import type { EnergyComponent, TariffDocument, TariffRounding } from '../tariff/document.ts';
import { isKnownZone, offsetSegments } from '../time/zone.ts';
import type { OffsetSegment } from '../time/zone.ts';
import { isOnSlotGrid, slotMs, slotOf, slotsPerDay } from './slot.ts';

export type CompiledComponent = {
  readonly kind: 'energy';
  readonly name: string;
  readonly periods: readonly { readonly name: string; readonly priceE8: bigint }[];
  /** By super period, the index into `periods`. */
  readonly periodOfSuper: readonly number[];
};

/**
 * One tariff document over one window of time in one zone. Plain data: it can be posted to a
 * thread, and its table is shared memory, so that a thread receives no copy of it.
 */
export type CompiledTariff = {
  /** ISO 4217. */
  readonly currency: string;
  readonly zone: string;
  readonly firstSlot: number;
  readonly slotCount: number;
  /** By slot from `firstSlot`; a super period is one period of each calendar. */
  readonly superPeriodOfSlot: Uint8Array;
  readonly superPeriodCount: number;
  /** The same table as runs of one super period each, in time order, because a sum over a run needs
   * no look-up: the slot after the run's last, counted from `firstSlot`, and the super period. */
  readonly runEnds: Int32Array;
  readonly superPeriodOfRun: Uint8Array;
  readonly components: readonly CompiledComponent[];
  /** By super period, all components together: the price of one more kWh. */
  readonly sumPricesE8: readonly bigint[];
  /** The same as float64, exact; NaN where the price is beyond the safe integers. */
  readonly sumPriceNumbersE8: readonly number[];
  readonly rounding: TariffRounding;
};

export type CompileRefusal =
  | 'ZONE_UNKNOWN'
  | 'ZONE_OFF_GRID'
  | 'WINDOW_EMPTY'
  | 'WINDOW_OFF_GRID'
  | 'WINDOW_OUT_OF_RANGE'
  | 'WINDOW_TOO_LONG';

export type CompileWindow = {
  /** The service point's zone; the tariff's own goes first. */
  readonly zone: string;
  readonly fromMs: number;
  readonly toMs: number;
};

function compileComponent(component: EnergyComponent, document: TariffDocument): CompiledComponent {
  const calendar = document.calendars[component.calendarIndex];
  assert(calendar !== undefined, 'a component names a calendar of its document');
  const periods = calendar.periods.map((name, index) => {
    const priceE8 = component.pricesE8[index];
    assert(priceE8 !== undefined, 'every period has a price');
    return { name, priceE8 };
  });
  const periodOfSuper = [...document.superPeriods.values()].map(({ periodIndexes }) => {
    const index = periodIndexes[component.calendarIndex];
    assert(index !== undefined, 'a super period has a period of each calendar');
    return index;
  });
  return { kind: component.kind, name: component.name, periods, periodOfSuper };
}

/** A super period of each quarter hour of a local day, worked out once for each kind of day. */
function superPeriodReader(document: TariffDocument): (dayNumber: number) => Uint8Array {
  const numbers = new Map([...document.superPeriods.keys()].map((key, index) => [key, index]));
  const readDay = dayReader(document.calendars);
  const known = new Map<string, Uint8Array>();
  return (dayNumber) => {
    const day = readDay(dayOfNumber(dayNumber));
    const column = known.get(day.key) ?? new Uint8Array(slotsPerDay);
    if (known.has(day.key)) return column;
    for (const [slot, key] of superPeriodKeys(day).entries()) {
      const superPeriod = numbers.get(key);
      assert(superPeriod !== undefined, 'the document knows the super periods of every day');
      column[slot] = superPeriod;
    }
    known.set(day.key, column);
    return column;
  };
}

function fillTable(
  table: Uint8Array,
  document: TariffDocument,
  segments: readonly OffsetSegment[],
): void {
  const readDay = superPeriodReader(document);
  let index = 0;
  for (const segment of segments) {
    let localSlot = slotOf(segment.startMs + segment.offsetMs);
    const localEnd = slotOf(segment.endMs + segment.offsetMs);
    while (localSlot < localEnd) {
      const dayNumber = Math.floor(localSlot / slotsPerDay);
      const from = localSlot - dayNumber * slotsPerDay;
      const to = Math.min(slotsPerDay, from + localEnd - localSlot);
      table.set(readDay(dayNumber).subarray(from, to), index);
      index += to - from;
      localSlot += to - from;
    }
  }
  assert(index === table.length, 'the segments fill the window');
}

type Runs = Pick<CompiledTariff, 'runEnds' | 'superPeriodOfRun'>;

function runsOf(table: Uint8Array): Runs {
  const ends: number[] = [];
  const superPeriods: number[] = [];
  for (const [slot, superPeriod] of table.entries()) {
    if (slot > 0 && superPeriod === superPeriods.at(-1)) {
      ends[ends.length - 1] = slot + 1;
    } else {
      ends.push(slot + 1);
      superPeriods.push(superPeriod);
    }
  }
  const runEnds = new Int32Array(new SharedArrayBuffer(ends.length * 4));
  runEnds.set(ends);
  const superPeriodOfRun = new Uint8Array(new SharedArrayBuffer(ends.length));
  superPeriodOfRun.set(superPeriods);
  return { runEnds, superPeriodOfRun };
}

function sumPrices(
  components: readonly CompiledComponent[],
  superPeriodCount: number,
): readonly bigint[] {
  return Array.from({ length: superPeriodCount }, (_, superPeriod) =>
    components.reduce((sum, each) => {
      const period = each.periods[each.periodOfSuper[superPeriod] ?? -1];
      assert(period !== undefined, 'every super period has a price of each component');
      return sum + period.priceE8;
    }, 0n),
  );
}

/** Null when the window can be cut into quarter hours of the zone. */
function refuseWindow(zone: string, window: CompileWindow): Refused<CompileRefusal> | null {
  const { fromMs, toMs } = window;
  if (!isKnownZone(zone)) {
    return refuse('ZONE_UNKNOWN', `The zone ${zone} is unknown; use an IANA name.`);
  }
  if (!isOnSlotGrid(fromMs) || !isOnSlotGrid(toMs)) {
    return refuse('WINDOW_OFF_GRID', 'A tariff begins and ends on a quarter hour.');
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

export function compileTariff(
  document: TariffDocument,
  window: CompileWindow,
): Outcome<CompiledTariff, CompileRefusal> {
  const zone = document.zone ?? window.zone;
  const refused = refuseWindow(zone, window);
  if (refused !== null) return refused;
  const { fromMs, toMs } = window;
  const slotCount = (toMs - fromMs) / slotMs;
  const segments = offsetSegments(zone, { fromMs, toMs });
  const onGrid = (segment: OffsetSegment): boolean =>
    isOnSlotGrid(segment.startMs) && isOnSlotGrid(segment.startMs + segment.offsetMs);
  if (!segments.every(onGrid)) {
    const message = `In this window the clocks of ${zone} are not on the quarter hour of UTC`;
    return refuse('ZONE_OFF_GRID', `${message}; it cannot be rated in quarter hours.`);
  }
  const superPeriodOfSlot = new Uint8Array(new SharedArrayBuffer(slotCount));
  fillTable(superPeriodOfSlot, document, segments);
  const components = document.components.map((each) => compileComponent(each, document));
  const superPeriodCount = document.superPeriods.size;
  const sumPricesE8 = sumPrices(components, superPeriodCount);
  return accept({
    currency: document.currency,
    zone,
    firstSlot: slotOf(fromMs),
    slotCount,
    superPeriodOfSlot,
    superPeriodCount,
    ...runsOf(superPeriodOfSlot),
    components,
    sumPricesE8,
    sumPriceNumbersE8: sumPricesE8.map((priceE8) =>
      Number.isSafeInteger(Number(priceE8)) ? Number(priceE8) : Number.NaN,
    ),
    rounding: document.rounding,
  });
}
