import { channelOfMedium } from '../channel.ts';
import type { Medium } from '../medium.ts';
import { placesPerDay } from '../series/day.ts';
import type { SeriesDay } from '../series/day.ts';
import { qualityVoid } from '../series/quality.ts';
import type { RegisterMark } from '../series/mark.ts';
import { slotMs } from '../rating/slot.ts';
import { dayMs } from '../time/civil.ts';
import type { BlockForm, Ratio, ReadingConflict } from './window.ts';

/** How readings were sent, in the words of the rules that judge it. */

/** DLMS unit code of a value that has none (COSEM Blue Book ed. 12, table 4). */
const unitless = 255;
const one: Ratio = { numerator: 1n, denominator: 1n };

type Register = { readonly channel: number; readonly medium: Medium };

function unitOf({ channel, medium }: Register): number {
  return channelOfMedium(channel, medium)?.dlmsUnit ?? unitless;
}

/** Rows that were held back because of their unit. */
export function formOfUnit(
  rows: { readonly unit: number | null; readonly firstMs: number; readonly lastMs: number },
  register: Register,
): BlockForm {
  const { unit, firstMs, lastMs } = rows;
  return {
    fromMs: firstMs,
    toMs: lastMs + 1,
    unit: unit === unitless ? null : unit,
    expectedUnit: unitOf(register),
    multiplier: null,
    expectedMultiplier: one,
  };
}

function isSame(left: Ratio, right: Ratio): boolean {
  return left.numerator * right.denominator === right.numerator * left.denominator;
}

/** What a reading's counts may stand for: at the instant of a mark, before it or from it on. */
function ratiosAt(marks: readonly RegisterMark[], atMs: number): readonly Ratio[] {
  const known = marks.filter((mark) => mark.atMs <= atMs);
  const now = known.at(-1) ?? one;
  const isChanged = known.at(-1)?.atMs === atMs;
  return isChanged ? [now, known.at(-2) ?? one] : [now];
}

/** A ratio as it was sent at an instant beside what the marks say then; null where they agree. */
export function formOfMultiplier(
  { thousandths, atMs }: { readonly thousandths: number; readonly atMs: number },
  { marks, ...register }: Register & { readonly marks: readonly RegisterMark[] },
): BlockForm | null {
  const sent = inLowestTerms(thousandths);
  const known = ratiosAt(marks, atMs);
  if (known.some((ratio) => isSame(ratio, sent))) return null;
  const { numerator, denominator } = known[0] ?? one;
  return {
    fromMs: atMs,
    toMs: atMs + 1,
    // They were taken in, so that their unit is beyond doubt.
    unit: unitOf(register),
    expectedUnit: unitOf(register),
    multiplier: sent,
    expectedMultiplier: { numerator, denominator },
  };
}

function inLowestTerms(thousandths: number): Ratio {
  let [divisor, rest] = [thousandths, 1_000];
  while (rest !== 0) [divisor, rest] = [rest, divisor % rest];
  return { numerator: BigInt(thousandths / divisor), denominator: BigInt(1_000 / divisor) };
}

type Version = { readonly atMs: number; readonly wh: bigint; readonly revision: number };

/** The place of an instant in its day; -1 where the day keeps no reading of it. */
function placeOf(day: SeriesDay | undefined, atMs: number): number {
  if (day === undefined) return -1;
  const offsetMs = atMs - day.day * dayMs;
  const first = 2 * Math.floor(offsetMs / slotMs);
  for (let place = first; place < Math.min(first + 2, placesPerDay); place += 1) {
    if (day.offsetMs[place] === offsetMs) return place;
  }
  return -1;
}

/**
 * Instants that count and of which other values are known, each beside the one that stands. Only
 * the first and the last reading of a slot count, and an edit is the last word on those before it:
 * so this is a function of the set of readings, whatever met first.
 */
export function conflictsOf(
  versions: readonly Version[],
  days: readonly SeriesDay[],
): readonly ReadingConflict[] {
  const byDay = new Map(days.map((day) => [day.day, day]));
  return versions.flatMap(({ atMs, wh, revision }) => {
    const day = byDay.get(Math.floor(atMs / dayMs));
    const place = placeOf(day, atMs);
    if (day === undefined || place === -1) return [];
    if (day.revision[place] !== revision || day.quality[place] === qualityVoid) return [];
    const keptWh = BigInt(day.wh[place]);
    return keptWh === wh ? [] : [{ atMs, keptWh, lostWh: wh }];
  });
}
