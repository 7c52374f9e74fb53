import type { Transaction } from '../../db/connect.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { readDaysAroundEach } from '../../db/seriesAround.ts';
import { readRestored } from '../../db/veeFacts.ts';
import { channelOfMedium, importChannel } from '../../domain/channel.ts';
import { slotMs, slotOf, slotsPerDay } from '../../domain/rating/slot.ts';
import { decodeCarry } from '../../domain/series/carryCodec.ts';
import { dayOf, placesPerDay } from '../../domain/series/day.ts';
import type { SeriesDay } from '../../domain/series/day.ts';
import { decodeDay } from '../../domain/series/dayCodec.ts';
import type { RegisterMark } from '../../domain/series/mark.ts';
import { marksOf, walkOptionsOf } from '../../domain/series/meterMarks.ts';
import { qualityVoid } from '../../domain/series/quality.ts';
import { walkDays } from '../../domain/series/walk.ts';
import type { WalkException } from '../../domain/series/walkException.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { sumOver } from '../../domain/vee/columns.ts';
import { historyDaysOf } from '../../domain/vee/set.ts';
import type { VeeSet } from '../../domain/vee/set.ts';
import type { BilledAmount, SlotColumns, Span, WindowInput } from '../../domain/vee/window.ts';
import type { RatingMemory } from '../rating/registry.ts';
import type { JudgedWindow } from './decisionRow.ts';
import {
  byMeter,
  firstSlotOfDay,
  intervalsOf,
  outagesOf,
  readIntervals,
  readSlots,
} from './gapFacts.ts';
import type { OutagesByMeter } from './gapFacts.ts';
import type { JudgedRegister } from './judgedMeters.ts';
import { SlotHistory } from './slotHistory.ts';
import type { VeeRules } from './veeSets.ts';

/** One register of a meter over all that its windows look at. */
type Register = {
  readonly days: readonly SeriesDay[];
  readonly slots: SlotHistory;
  readonly readingsAtMs: Float64Array;
  readonly exceptions: readonly WalkException[];
};

export type WindowFacts = {
  readonly registers: readonly Register[];
  /** By place and channel. */
  readonly siblings: ReadonlyMap<string, SlotHistory>;
  readonly intervals: ReadonlyMap<number, readonly SeriesDay[]>;
  readonly outages: OutagesByMeter;
  /** When voltage came back. */
  readonly restored: OutagesByMeter;
};

const monthMsMax = 31 * dayMs;

/** From when on slots are looked at: history, and for a bill the bills before it. */
function lookBackMs({ meter, windows, fromMs }: JudgedRegister, rules: VeeRules): number {
  const starts = windows.map((window) => {
    if (window.isOpen === true) return window.fromMs;
    const set = rules.setAt(meter, window.fromMs);
    const { on, estimatedBillsMax } = set.rules.prolongedEstimation;
    const bills = window.kind === 'bill' && on ? estimatedBillsMax * monthMsMax : 0;
    return window.fromMs - Math.max(historyDaysOf(set) * dayMs, bills);
  });
  return Math.max(0, Math.min(fromMs, ...starts) - dayMs);
}

function spanOf(judged: JudgedRegister, rules: VeeRules): Span {
  const toMs = Math.max(judged.fromMs, ...judged.windows.map((window) => window.toMs));
  return { fromMs: lookBackMs(judged, rules), toMs };
}

function acceptedInstants(
  days: readonly SeriesDay[],
  exceptions: readonly WalkException[],
): Float64Array {
  const left = new Set(
    exceptions.flatMap(({ code, atMs }) => (code === 'GAP_NOT_BRIDGED' ? [] : [atMs])),
  );
  const instants: number[] = [];
  for (const { day, offsetMs, quality } of days) {
    for (let place = 0; place < placesPerDay; place += 1) {
      if (offsetMs[place] === -1 || quality[place] === qualityVoid) continue;
      const isSame = place % 2 === 1 && offsetMs[place] === offsetMs[place - 1];
      const atMs = day * dayMs + offsetMs[place];
      if (!isSame && !left.has(atMs)) instants.push(atMs);
    }
  }
  return Float64Array.from(instants);
}

async function readRegisters(
  tx: Transaction,
  judged: readonly JudgedRegister[],
  rules: VeeRules,
): Promise<readonly Register[]> {
  const wanted = judged.map((each) => {
    const { fromMs, toMs } = spanOf(each, rules);
    const { channel, meter } = each;
    const { meterId } = meter;
    return { meterId, channel, fromDay: dayOf(fromMs), throughDay: dayOf(toMs) };
  });
  const byWanted = Map.groupBy(await readDaysAroundEach(tx, wanted), (row) => row.wanted);
  return judged.map(({ meter, channel }, index) => {
    const { fromDay, throughDay } = wanted[index];
    const slots = new SlotHistory({
      firstSlot: firstSlotOfDay(fromDay),
      endSlot: firstSlotOfDay(throughDay + 1),
    });
    const rows = byWanted.get(index) ?? [];
    const none = { days: [], slots, readingsAtMs: new Float64Array(0), exceptions: [] };
    if (rows.length === 0) return none;
    const days = rows.map(({ bytes }) => decodeDay(bytes));
    const options = walkOptionsOf(meter, channel);
    const walked = walkDays(days, decodeCarry(rows[0].carryIn), options);
    slots.put(walked);
    const { exceptions } = walked;
    return { days, slots, readingsAtMs: acceptedInstants(days, exceptions), exceptions };
  });
}

function windowsSpan({ fromMs, windows }: JudgedRegister): Span {
  return {
    fromMs: Math.min(fromMs, ...windows.map((window) => window.fromMs)),
    toMs: Math.max(fromMs + slotMs, ...windows.map((window) => window.toMs)),
  };
}

async function readSiblingSlots(
  tx: Transaction,
  judged: readonly JudgedRegister[],
): Promise<ReadonlyMap<string, SlotHistory>> {
  const found = new Map<string, SlotHistory>();
  const wanted = judged.flatMap((each, index) =>
    each.siblings.map(({ channel }) => {
      const span = windowsSpan(each);
      const [fromDay, throughDay] = [dayOf(span.fromMs), dayOf(span.toMs)];
      const [firstSlot, endSlot] = [firstSlotOfDay(fromDay), firstSlotOfDay(throughDay + 1)];
      const into = new SlotHistory({ firstSlot, endSlot });
      found.set(`${index}/${channel}`, into);
      return { meter: each.meter, channel, fromDay, throughDay, into };
    }),
  );
  await readSlots(tx, wanted);
  return found;
}

/** All that the windows of some registers look at, in a few statements. */
export async function readWindowFacts(
  tx: Transaction,
  judged: readonly JudgedRegister[],
  rules: VeeRules,
): Promise<WindowFacts> {
  const spans = judged.map((each) => ({ meterId: each.meter.meterId, ...windowsSpan(each) }));
  return {
    registers: await readRegisters(tx, judged, rules),
    siblings: await readSiblingSlots(tx, judged),
    intervals: await readIntervals(tx, spans, new Map()),
    outages: await outagesOf(tx, spans),
    restored: byMeter(await readRestored(tx, spans)),
  };
}

/** While a meter stood at its place: between its marks of installation and removal. */
function standing(marks: readonly RegisterMark[], { fromMs, toMs }: Span): readonly Span[] {
  const first = marks.find(({ kind }) => kind === 'installed' || kind === 'removed');
  const spans: Span[] = [];
  let sinceMs: number | null = first?.kind === 'installed' ? null : fromMs;
  for (const { kind, atMs } of marks) {
    if (kind === 'installed') sinceMs ??= atMs;
    if (kind !== 'removed' || sinceMs === null) continue;
    spans.push({ fromMs: sinceMs, toMs: atMs });
    sinceMs = null;
  }
  if (sinceMs !== null) spans.push({ fromMs: sinceMs, toMs });
  return spans;
}

function overlap(left: Span, right: Span): readonly Span[] {
  const fromMs = Math.max(left.fromMs, right.fromMs);
  const toMs = Math.min(left.toMs, right.toMs);
  return fromMs < toMs ? [{ fromMs, toMs }] : [];
}

function agreedSpans(
  memory: RatingMemory,
  { meter, channel }: JudgedRegister,
  window: Span,
): readonly Span[] {
  const stood = standing(marksOf(meter.marks, channel), window);
  return (memory.agreements.get(meter.servicePointId) ?? [])
    .flatMap(({ validFromMs, validToMs }) =>
      overlap({ fromMs: validFromMs, toMs: validToMs }, window),
    )
    .flatMap((span) => stood.flatMap((stay) => overlap(stay, span)));
}

/** The bills before this one, newest first, as far as slots of them are at hand. */
function billsBefore(
  zone: string,
  set: VeeSet,
  { slots, window }: { readonly slots: SlotHistory; readonly window: Span },
): readonly BilledAmount[] {
  const { estimatedBillsMax, estimatedPercentMin } = set.rules.prolongedEstimation;
  const bills: BilledAmount[] = [];
  let endMs = window.fromMs;
  while (bills.length < estimatedBillsMax) {
    const { startMs } = billingPeriodAt(zone, endMs - 1);
    const columns = slots.between(slotOf(startMs), slotOf(endMs));
    if (columns === null) break;
    const range = { from: slotOf(startMs), to: slotOf(endMs) };
    const { wh, known, estimated } = sumOver(columns, range);
    const isEstimated = estimated * 100 >= known * estimatedPercentMin;
    bills.push({ fromMs: startMs, toMs: endMs, wh: BigInt(wh), isEstimated });
    endMs = startMs;
  }
  return bills;
}

function orUnknown(columns: SlotColumns | null, { fromMs, toMs }: Span): SlotColumns {
  if (columns !== null) return columns;
  const count = slotOf(toMs - 1) + 1 - slotOf(fromMs);
  const wh = new Float64Array(count).fill(Number.NaN);
  return { firstSlot: slotOf(fromMs), wh, quality: new Uint8Array(count) };
}

/**
 * An electricity meter that was read all the time lives off the line that it measures: there was
 * voltage all along, unless its log says that it came back within the window.
 */
function voltageOf(
  meter: RatedMeter,
  slots: SlotColumns,
  { window, restored }: { readonly window: Span; readonly restored: readonly Span[] },
): boolean | null {
  if (meter.medium !== 'electricity') return null;
  if (restored.some(({ fromMs }) => fromMs >= window.fromMs && fromMs < window.toMs)) return null;
  const range = { from: slotOf(window.fromMs), to: slotOf(window.toMs) };
  const { missing, estimated } = sumOver(slots, range);
  return missing === 0 && estimated === 0 ? true : null;
}

/** The rows of one window out of what was read for all of them. */
export function windowInput(
  { memory, rules, facts }: { memory: RatingMemory; rules: VeeRules; facts: WindowFacts },
  judged: {
    readonly index: number;
    readonly register: JudgedRegister;
    readonly window: JudgedWindow;
  },
): WindowInput {
  const { index, window, register } = judged;
  const { meter, channel, siblings, sent } = register;
  const { kind, fromMs, toMs, isOpen = false } = window;
  const set = rules.setAt(meter, fromMs);
  const { days, slots: all, readingsAtMs, exceptions } = facts.registers[index];
  const range = { from: slotOf(fromMs), to: slotOf(toMs) };
  const slots = orUnknown(all.between(range.from, range.to), window);
  const { wh, missing } = sumOver(slots, range);
  const historySlots = historyDaysOf(set) * slotsPerDay;
  return {
    kind,
    fromMs,
    toMs,
    zone: meter.timeZone,
    isOpen,
    channel,
    unit: channelOfMedium(channel, meter.medium)?.unit ?? 'Wh',
    slots,
    readingsAtMs: readingsAtMs.filter((atMs) => atMs >= fromMs && atMs <= toMs),
    register: missing > 0 ? null : { fromMs, toMs, wh: BigInt(wh) },
    intervals:
      channel === importChannel
        ? intervalsOf(facts.intervals.get(meter.meterId) ?? [], window)
        : null,
    history: all.between(range.from - historySlots, range.from),
    bills: kind === 'bill' ? billsBefore(meter.timeZone, set, { slots: all, window }) : [],
    siblings: siblings
      .filter(({ firstDay }) => firstDay <= dayOf(toMs - 1))
      .map(({ channel }) => {
        const known = facts.siblings.get(`${index}/${channel}`);
        const own = known?.between(range.from, range.to) ?? null;
        return { channel, slots: orUnknown(own, window) };
      }),
    exceptions: exceptions.filter(({ atMs }) => atMs >= fromMs && atMs < toMs),
    conflicts: sent.conflictsIn(window, days),
    blocks: sent.blocksIn(window),
    replacement: null,
    agreed: agreedSpans(memory, register, window),
    isOccupied: rules.meterOf(meter.meterId).isOccupied,
    hasVoltage: voltageOf(meter, slots, {
      window,
      restored: facts.restored.get(meter.meterId) ?? [],
    }),
    outages: facts.outages.get(meter.meterId) ?? [],
  };
}
