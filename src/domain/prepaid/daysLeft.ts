import { assert } from '../assert.ts';
import { microsOf, subtract } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import { runningBill } from '../lab/estimate.ts';
import { billAt, knownUntil } from '../lab/history.ts';
import type { History } from '../lab/history.ts';
import { accept } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { billSpansOf } from '../rating/billSpans.ts';
import type { BillSpan } from '../rating/billSpans.ts';
import { changeColumns } from '../rating/load.ts';
import type { Load } from '../rating/load.ts';
import type { RateRefusal } from '../rating/rateLoad.ts';
import { slotMs } from '../rating/slot.ts';
import { dayMs, weekdayOf } from '../time/civil.ts';
import { offsetMsAt, startOfLocalDayMs } from '../time/zone.ts';
import { daysLeftMax, forecastDaysMax } from './limits.ts';

export type DaysLeft = {
  /** Tenths of a day, rounded down; null: it lasts longer than anybody looks ahead. */
  readonly tenths: number | null;
  readonly runsOutMs: number | null;
  /** What an ordinary day costs: the mean of the next seven. */
  readonly dailyMicros: bigint;
  /** Whole local days that the guess is the mean of; 0: the standing charge alone. */
  readonly historyDays: number;
};

/** Without one whole day of use and without a standing charge nobody can say anything. */
export function isUnknown({ historyDays, dailyMicros }: DaysLeft): boolean {
  return historyDays === 0 && dailyMicros === 0n;
}

const slotsOfDay = dayMs / slotMs;

function localOf(zone: string, atMs: number): { readonly day: number; readonly slot: number } {
  const localMs = atMs + offsetMsAt(zone, atMs);
  const day = Math.floor(localMs / dayMs);
  return { day, slot: Math.floor((localMs - day * dayMs) / slotMs) };
}

/** 1 on Saturday and Sunday: the two kinds of days that households have. */
function typeOf(day: number): 0 | 1 {
  return weekdayOf(day) > 5 ? 1 : 0;
}

/** Sums and counts by kind of day and slot of the local day. */
class Means {
  readonly #sums = new Float64Array(2 * slotsOfDay);
  readonly #counts = new Float64Array(2 * slotsOfDay);

  add(day: number, slot: number, value: number): void {
    if (Number.isNaN(value)) return;
    this.#sums[typeOf(day) * slotsOfDay + slot] += value;
    this.#counts[typeOf(day) * slotsOfDay + slot] += 1;
  }

  /** Whole units; of the other kind of day where this kind was never seen, and else zero. */
  of(day: number, slot: number): number {
    const type = typeOf(day);
    for (const kind of [type, 1 - type]) {
      const at = kind * slotsOfDay + slot;
      const count = this.#counts[at];
      if (count > 0) return Math.floor((2 * this.#sums[at] + count) / (2 * count));
    }
    return 0;
  }
}

type Days = { readonly zone: string; readonly starts: readonly { fromMs: number; toMs: number }[] };

/** The last local days of which every interval is known, within as many days before. */
function wholeDays(load: Load, zone: string, untilMs: number): Days {
  const last = localOf(zone, untilMs).day;
  const starts: { fromMs: number; toMs: number }[] = [];
  for (let day = last - forecastDaysMax; day < last; day += 1) {
    const fromMs = startOfLocalDayMs(zone, day);
    const toMs = startOfLocalDayMs(zone, day + 1);
    const [first, end] = [(fromMs - load.fromMs) / slotMs, (toMs - load.fromMs) / slotMs];
    if (first < 0 || end > load.import.length || !Number.isInteger(first)) continue;
    const isWhole = !load.import.subarray(first, end).some((value) => Number.isNaN(value));
    if (isWhole) starts.push({ fromMs, toMs });
  }
  return { zone, starts };
}

/** The end of what is known. */
function knownEndMs(load: Load): number {
  for (let at = load.import.length - 1; at >= 0; at -= 1) {
    if (!Number.isNaN(load.import[at])) return load.fromMs + (at + 1) * slotMs;
  }
  return load.fromMs;
}

/** What comes after the known, guessed from the mean of whole days. */
function guessedLoad(
  load: Load,
  { zone, starts }: Days,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Load {
  const count = Math.ceil((toMs - load.fromMs) / slotMs);
  const places = new Map<number, { day: number; slot: number }>();
  const placeAt = (atMs: number) => {
    const known = places.get(atMs) ?? localOf(zone, atMs);
    places.set(atMs, known);
    return known;
  };
  const grow = (column: Float64Array): Float64Array => {
    const means = new Means();
    for (const day of starts) {
      for (let atMs = day.fromMs; atMs < day.toMs; atMs += slotMs) {
        const { day: number, slot } = placeAt(atMs);
        means.add(number, slot, column[(atMs - load.fromMs) / slotMs] ?? Number.NaN);
      }
    }
    const grown = new Float64Array(count).fill(Number.NaN);
    grown.set(column.subarray(0, Math.min(count, column.length)));
    for (let atMs = Math.max(fromMs, load.fromMs); atMs < toMs; atMs += slotMs) {
      const { day, slot } = placeAt(atMs);
      grown[(atMs - load.fromMs) / slotMs] = means.of(day, slot);
    }
    return grown;
  };
  const { estimated } = load;
  const marks = estimated === null ? null : new Uint8Array(count);
  if (marks !== null && estimated !== null) {
    marks.set(estimated.subarray(0, Math.min(count, estimated.length)));
  }
  return { ...load, ...changeColumns(load, grow), estimated: marks };
}

/** The first slot's end at which a rising cost has reached an amount; null: not within. */
function firstReached(
  cost: (atMs: number) => bigint,
  amount: bigint,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): number | null {
  if (cost(toMs) < amount) return null;
  let below = 0;
  let reached = Math.ceil((toMs - fromMs) / slotMs);
  while (reached - below > 1) {
    const middle = Math.floor((below + reached) / 2);
    if (cost(fromMs + middle * slotMs) >= amount) reached = middle;
    else below = middle;
  }
  return fromMs + reached * slotMs;
}

/** Asked for first wherever a longer time would have to be rated for an answer near by. */
const looksDays = [8, 32, daysLeftMax] as const;

class RateRefused extends Error {
  readonly refusal: Outcome<never, RateRefusal>;

  constructor(refusal: Outcome<never, RateRefusal>) {
    super('refused');
    this.refusal = refusal;
  }
}

/**
 * How long a balance lasts if the days to come are like the last ones, by the tariff with its times
 * of use and its standing charge (domain rule 72). The load is in quarter hours.
 */
export function daysLeft(
  history: History,
  {
    spareMicros,
    nowMs,
  }: {
    /** What is available above the limit at which the supply is cut. */
    readonly spareMicros: bigint;
    readonly nowMs: number;
  },
): Outcome<DaysLeft, RateRefusal> {
  assert(history.load.intervalMs === slotMs, 'a stored load is in quarter hours');
  const bill = billAt(history, nowMs);
  if (!bill.ok) return bill;
  const fromMs = Math.floor(nowMs / slotMs) * slotMs;
  const endMs = Math.min(fromMs + daysLeftMax * dayMs, history.validToMs);
  // To the end of a month: a charge of a month is shared among its days, not among those looked at.
  const spans = spansFor(history, bill.value.fromMs, endMs);
  if (!spans.ok) return spans;
  const { zone } = bill.value;
  const past = knownUntil(history.load, nowMs);
  const days = wholeDays(past, zone, knownEndMs(past));
  const window = { fromMs: knownEndMs(past), toMs: endMs };
  const guessed = { ...history, load: guessedLoad(past, days, window) };
  const totalAt = (of: History, atMs: number): Fraction => {
    const running = runningBill(of, spans.value, Math.max(atMs, bill.value.fromMs + slotMs));
    if (!running.ok) throw new RateRefused(running);
    return running.value.total;
  };
  try {
    const sofar = totalAt({ ...history, load: past }, fromMs);
    const cost = (atMs: number): bigint => microsOf(subtract(totalAt(guessed, atMs), sofar));
    const weekMs = Math.min(fromMs + 7 * dayMs, endMs);
    const weekDays = BigInt(Math.max(1, Math.round((weekMs - fromMs) / dayMs)));
    const dailyMicros = cost(weekMs) / weekDays;
    const historyDays = days.starts.length;
    if (spareMicros <= 0n) {
      return accept({ tenths: 0, runsOutMs: nowMs, dailyMicros, historyDays });
    }
    for (const look of looksDays) {
      const toMs = Math.min(fromMs + look * dayMs, endMs);
      const runsOutMs = firstReached(cost, spareMicros, { fromMs, toMs });
      if (runsOutMs === null) continue;
      const tenths = Math.max(0, Math.floor(((runsOutMs - nowMs) * 10) / dayMs));
      return accept({ tenths, runsOutMs, dailyMicros, historyDays });
    }
    return accept({ tenths: null, runsOutMs: null, dailyMicros, historyDays });
  } catch (error) {
    if (error instanceof RateRefused) return error.refusal;
    throw error;
  }
}

function spansFor(
  { documents, zone, validToMs }: History,
  fromMs: number,
  endMs: number,
): Outcome<readonly BillSpan[], RateRefusal> {
  const monthMs = 31 * dayMs;
  const toMs = Math.min(endMs + monthMs, validToMs);
  return billSpansOf(documents, { zone, fromMs, toMs });
}
