import type { HeadRow } from '../../db/series.ts';
import { slotMs, slotOf, slotStartMs } from '../../domain/rating/slot.ts';
import { decodeCarry } from '../../domain/series/carryCodec.ts';
import { emptyDay } from '../../domain/series/day.ts';
import { markDaysOf, marksOf } from '../../domain/series/meterMarks.ts';
import { decodeNewest, putNewest } from '../../domain/series/newestReading.ts';
import type { NewestReading } from '../../domain/series/newestReading.ts';
import { qualityEstimated } from '../../domain/series/quality.ts';
import { dayMs } from '../../domain/time/civil.ts';
import type { OpenDay } from './advanceRegister.ts';
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

/**
 * The live load: further readings of the slot in which the register stands. Its walk goes on behind
 * the slot's first reading, and of all that follows there is only the newest, which the head knows:
 * so the day is neither read nor written. Null where the day itself is needed, because a reading is
 * of another slot or not the newest, is an edit, or meets a mark; or because the slot's first
 * reading is not believed, and the walk goes on from before it.
 */
function openSlotOf(work: RegisterWork, head: HeadRow): OpenDay | null {
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
  const series = emptyDay(newest.day);
  // What stands there is behind the walk; it is never read again.
  const firstMs = carry.lastAtMs - newest.day * dayMs;
  series.offsetMs[2 * Math.floor(firstMs / slotMs)] = firstMs;
  putNewest(series, newest);
  const { day } = newest;
  return { day, series, stored: null, isSlotAlone: true, isWritten: false, conflicts: [] };
}

/** Registers that only go on in their open slot, by `registerKey`. */
export function openSlots(
  works: readonly RegisterWork[],
  { heads, due }: { heads: ReadonlyMap<number, HeadRow>; due: ReadonlyMap<number, MeterDuty> },
): ReadonlyMap<number, OpenDay> {
  const found = new Map<number, OpenDay>();
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
