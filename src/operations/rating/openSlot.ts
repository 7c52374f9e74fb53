import type { HeadRow } from '../../db/series.ts';
import { assert } from '../../domain/assert.ts';
import { slotMs, slotOf, slotStartMs } from '../../domain/rating/slot.ts';
import { decodeCarry } from '../../domain/series/carryCodec.ts';
import { emptyDay, mergeReadings } from '../../domain/series/day.ts';
import type { SeriesConflict, SeriesDay } from '../../domain/series/day.ts';
import { markDaysOf, marksOf, walkOptionsOf } from '../../domain/series/meterMarks.ts';
import {
  decodeNewest,
  encodeNewest,
  newestOf,
  putNewest,
} from '../../domain/series/newestReading.ts';
import type { NewestReading } from '../../domain/series/newestReading.ts';
import { qualityEstimated } from '../../domain/series/quality.ts';
import { walkDays } from '../../domain/series/walk.ts';
import type { WalkCarry } from '../../domain/series/walk.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { exceptionRow } from './advanceRegister.ts';
import type { Advance, WalkedRegister } from './advanceRegister.ts';
import { registerKey } from './gatherReadings.ts';
import type { ReadingRun, RegisterWork } from './gatherReadings.ts';
import type { MeterDuty } from './registerWorks.ts';

/** Whether all rows are readings of one slot, later than an instant, and none of them an edit. */
function isWithin(
  { columns, from, to }: ReadingRun,
  { afterMs, endMs }: { readonly afterMs: number; readonly endMs: number },
): boolean {
  for (let row = from; row < to; row += 1) {
    const atMs = columns.readAtMs[row];
    if (!(atMs > afterMs && atMs < endMs)) return false;
    if ((columns.revision?.[row] ?? 0) !== 0 || columns.quality[row] > qualityEstimated) {
      return false;
    }
  }
  return true;
}

function hasMarkFrom({ meter, channel }: RegisterWork, { day, slot }: NewestSlot): boolean {
  const isAhead = marksOf(meter.marks, channel.code).some(({ atMs }) => slotOf(atMs) >= slot);
  return isAhead || markDaysOf(meter.marks, channel.code).some((marked) => marked >= day);
}

type NewestSlot = NewestReading & { readonly slot: number };

/** Where a register stands that only goes on in its open slot. */
export type OpenSlot = {
  /** Behind the slot's first reading. */
  readonly carry: NonNullable<WalkCarry>;
  readonly newest: NewestReading;
  readonly runs: readonly ReadingRun[];
};

/**
 * The live load: further readings of the slot in which the register stands. Its walk goes on behind
 * the slot's first reading, and of all that follows there is only the newest, which the head knows:
 * so the day is neither read nor written. Null where the day itself is needed, because a reading is
 * of another slot or not the newest, is an edit, or meets a mark; or because the slot's first
 * reading is not believed, and the walk goes on from before it.
 */
function openSlotOf(work: RegisterWork, head: HeadRow): OpenSlot | null {
  const { days, channel } = work;
  if (head.newest === null || channel.kind !== 'register' || days.size !== 1) return null;
  const newest = decodeNewest(head.newest);
  const runs = days.get(newest.day);
  const carry = decodeCarry(head.carry);
  if (runs === undefined || carry === null || carry.phase !== 'counting') return null;
  const newestMs = newest.day * dayMs + newest.offsetMs;
  const slot = slotOf(newestMs);
  if (slotOf(carry.lastAtMs) !== slot || carry.boundarySlot !== slot) return null;
  if (hasMarkFrom(work, { ...newest, slot })) return null;
  const endMs = slotStartMs(slot + 1);
  if (!runs.every((run) => isWithin(run, { afterMs: newestMs, endMs }))) return null;
  return { carry, newest, runs };
}

/**
 * Days for the registers of one commit to stand in, one register after the other: a day for each of
 * them would be thousands of columns that are empty but for one slot.
 */
export class SlotDays {
  readonly #days = new Map<number, SeriesDay>();

  /** A day with the open slot alone, until `leave`. */
  enter({ carry, newest }: OpenSlot): SeriesDay {
    const day = this.#days.get(newest.day) ?? emptyDay(newest.day);
    this.#days.set(newest.day, day);
    // What stands there is behind the walk; it is never read again.
    const firstMs = carry.lastAtMs - newest.day * dayMs;
    day.offsetMs[2 * Math.floor(firstMs / slotMs)] = firstMs;
    putNewest(day, newest);
    return day;
  }

  leave({ newest }: OpenSlot): void {
    const first = 2 * Math.floor(newest.offsetMs / slotMs);
    this.#days.get(newest.day)?.offsetMs.fill(-1, first, first + 2);
  }
}

const noSlots = new Float64Array(0);
const noConflicts: readonly SeriesConflict[] = [];

/**
 * The register after further readings of its open slot: as `advanceRegister` over the day, of which
 * nothing but the slot's energy so far and its newest reading can be new.
 */
export function advanceSlot(
  register: WalkedRegister,
  open: OpenSlot,
  slotDays: SlotDays,
): { readonly advance: Advance; readonly conflicts: readonly SeriesConflict[] } {
  const { meter, channel } = register;
  const series = slotDays.enter(open);
  let conflicts: readonly SeriesConflict[] = noConflicts;
  for (const { columns, from, to } of open.runs) {
    const report = mergeReadings(series, columns, { from, to });
    if (report.conflicts.length > 0) conflicts = [...conflicts, ...report.conflicts];
  }
  const walked = walkDays([series], open.carry, walkOptionsOf(meter, channel));
  const newest = newestOf(series);
  const { carrySettled, tailSlot } = walked;
  const isWithinSlot = walked.slotWh.length === 0 && carrySettled?.lastAtMs === open.carry.lastAtMs;
  assert(isWithinSlot && newest !== null, 'a walk within a slot closes none');
  const exceptions = walked.exceptions.map((each) => exceptionRow(register, series, each));
  slotDays.leave(open);
  const advance = {
    settledFirstSlot: tailSlot,
    settledWh: noSlots,
    settledEstimated: null,
    openFirstSlot: tailSlot,
    openWh: Float64Array.of(walked.isTailKnown ? walked.tailWh : Number.NaN),
    openEstimated: null,
    carrySettled,
    carryOut: walked.carryOut,
    days: [],
    newest: encodeNewest(newest),
    gaps: [],
    exceptions,
  };
  return { advance, conflicts };
}

/** Registers that only go on in their open slot, by `registerKey`. */
export function openSlots(
  works: readonly RegisterWork[],
  { heads, due }: { heads: ReadonlyMap<number, HeadRow>; due: ReadonlyMap<number, MeterDuty> },
): ReadonlyMap<number, OpenSlot> {
  const found = new Map<number, OpenSlot>();
  // Energies of intervals may lay out anew what lies behind.
  const beside = new Set(
    works.filter(({ channel }) => channel.kind === 'interval').map(({ meter }) => meter.meterId),
  );
  for (const work of works) {
    const { meterId } = work.meter;
    const key = registerKey(meterId, work.channel.code);
    const head = heads.get(key);
    if (head === undefined || due.has(meterId) || beside.has(meterId)) continue;
    const open = openSlotOf(work, head);
    if (open !== null) found.set(key, open);
  }
  return found;
}
