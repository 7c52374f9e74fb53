import type { Duty, UnratedRow } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import type { DutyReason } from '../../db/dutyReason.ts';
import type { retryReason } from '../../db/heldBack.ts';
import type { TransferCode } from '../../db/tables/ledger.ts';
import { readAccruals } from '../../db/accruals.ts';
import { readDaysFrom, readHeads } from '../../db/series.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import type { HeadRow } from '../../db/series.ts';
import { importChannel } from '../../domain/channel.ts';
import { slotOf, slotStartMs } from '../../domain/rating/slot.ts';
import { decodeCarry } from '../../domain/series/carryCodec.ts';
import { decodeDay } from '../../domain/series/dayCodec.ts';
import { loadChannels } from '../../domain/series/loadOfDays.ts';
import { walkOptionsOf } from '../../domain/series/meterMarks.ts';
import { walkDays } from '../../domain/series/walk.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import type { AdvancedRegister } from './advanceRegisters.ts';
import type { RegisterWork } from './gatherReadings.ts';
import { metersAt } from './registry.ts';
import type { RatingMemory } from './registry.ts';
import { BillSorter } from './touchedBills.ts';
import type { SlotSpan, TouchedBill } from './touchedBills.ts';

/** What a commit moved: bills, and what has no bill. */
export type MovedBills = {
  readonly bills: readonly TouchedBill[];
  readonly unrated: readonly UnratedRow[];
  /** Meters whose unrated energy is worked out again from an instant on. */
  readonly unratedAgain: readonly { readonly meterId: number; readonly fromMs: number }[];
  readonly recomputedFromMs: ReadonlyMap<number, number>;
  /** Service points of which something behind a head changed, of any register. */
  readonly corrected: ReadonlySet<number>;
  readonly settledUntilSlot: ReadonlyMap<number, number>;
  /** Of meters whose import was not read in this commit. */
  readonly importHeads: ReadonlyMap<number, HeadRow>;
};

/** What a duty's reason is called in a transfer; agreements and tariffs have one name. */
export function transferCodeOf(reason: Exclude<DutyReason, typeof retryReason>): TransferCode {
  switch (reason) {
    case 'price_changed':
    case 'register_marked':
    case 'bill_judged':
    case 'vee_set_published':
    case 'time_passed':
      return reason;
    case 'agreement_added':
    case 'attributes_added':
    case 'tariff_changed':
      return 'tariff_changed';
  }
}

/** Registers of phases are shown; bills are made of those of a load. */
function isBilled({ channel }: RegisterWork): boolean {
  return loadChannels.some((code) => code === channel.code);
}

function spansOf(register: AdvancedRegister): SlotSpan[] {
  const { work, advance, priceFromSlot, isRecomputed, firstSlotEver } = register;
  if (advance.carryOut === null || !isBilled(work)) return [];
  const { settledFirstSlot, settledWh, settledEstimated, openFirstSlot, openWh } = advance;
  const skip = Math.max(0, Math.min(settledWh.length, priceFromSlot - settledFirstSlot));
  const firstSlot = settledFirstSlot + skip;
  const isFirst = firstSlotEver !== null;
  const of = { meter: work.meter, channel: work.channel.code, isRecomputed, isFirst };
  const open = {
    ...of,
    firstSlot: openFirstSlot,
    slotWh: openWh,
    estimated: advance.openEstimated,
    isSettled: false,
  };
  if (settledWh.length === skip) return [open];
  const estimated = settledEstimated?.subarray(skip) ?? null;
  const slotWh = settledWh.subarray(skip);
  return [{ ...of, firstSlot, slotWh, estimated, isSettled: true }, open];
}

type Settled = {
  readonly settledUntilSlot: Map<number, number>;
  /** By service point, the slot after that of its newest reading, which is open. */
  readonly readUntilSlot: Map<number, number>;
  readonly importHeads: Map<number, HeadRow>;
};

/** By service point, how far its import is settled: by the meter that is furthest. */
async function settledSlots(
  tx: Transaction,
  memory: RatingMemory,
  advanced: readonly AdvancedRegister[],
): Promise<Settled> {
  const importHeads = new Map<number, HeadRow>();
  const settledUntilSlot = new Map<number, number>();
  const readUntilSlot = new Map<number, number>();
  const note = (slots: Map<number, number>, point: number, slot: number): void => {
    slots.set(point, Math.max(slot, slots.get(point) ?? 0));
  };
  const known = new Set<number>();
  const points = new Set<number>();
  for (const { work, advance } of advanced) {
    const { servicePointId, meterId } = work.meter;
    points.add(servicePointId);
    if (work.channel.code !== importChannel) continue;
    known.add(meterId);
    if (advance.carrySettled === null || advance.carryOut === null) continue;
    note(settledUntilSlot, servicePointId, advance.carrySettled.boundarySlot);
    note(readUntilSlot, servicePointId, advance.carryOut.boundarySlot + 1);
  }
  const others = [...points].flatMap((point) =>
    metersAt(memory, point).filter(({ meterId }) => !known.has(meterId)),
  );
  if (others.length === 0) return { settledUntilSlot, readUntilSlot, importHeads };
  const pointOf = new Map(others.map((meter) => [meter.meterId, meter.servicePointId]));
  const meterIds = [...pointOf.keys()];
  for (const head of await readHeads(tx, { meterIds, channel: importChannel })) {
    importHeads.set(head.meterId, head);
    const carry = decodeCarry(head.carry);
    if (carry === null) continue;
    const point = pointOf.get(head.meterId) ?? 0;
    note(settledUntilSlot, point, carry.boundarySlot);
    note(readUntilSlot, point, slotOf(head.lastReadAtMs) + 1);
  }
  return { settledUntilSlot, readUntilSlot, importHeads };
}

/**
 * By service point, the slot from which on its bills are all touched, with readings or without:
 * where something behind the head changed, and where a meter is read for the first time. Bills
 * begin with the month of the first reading, and none is left out between two meters.
 */
function timesFrom(
  memory: RatingMemory,
  advanced: readonly AdvancedRegister[],
  {
    importHeads,
    besideFrom,
  }: {
    readonly importHeads: ReadonlyMap<number, HeadRow>;
    readonly besideFrom: ReadonlyMap<number, number>;
  },
): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  const note = (point: number, slot: number): void => {
    times.set(point, Math.min(slot, times.get(point) ?? Infinity));
  };
  /** By meter, where its import stands. */
  const boundaries = new Map<number, number>();
  for (const { meterId, carry } of importHeads.values()) {
    const decoded = decodeCarry(carry);
    if (decoded !== null) boundaries.set(meterId, decoded.boundarySlot);
  }
  for (const { work, advance } of advanced) {
    if (work.channel.code !== importChannel || advance.carrySettled === null) continue;
    boundaries.set(work.meter.meterId, advance.carrySettled.boundarySlot);
  }
  for (const { work, isRecomputed, advance, periodFromMs, firstSlotEver } of advanced) {
    // Another register's readings touch the bills that they are of, and no more.
    if (work.channel.code !== importChannel) continue;
    const { meter } = work;
    const point = meter.servicePointId;
    const besideFromSlot = besideFrom.get(point);
    if (besideFromSlot !== undefined) note(point, Math.max(besideFromSlot, slotOf(periodFromMs)));
    if (advance.carryOut === null || (!isRecomputed && firstSlotEver === null)) continue;
    if (firstSlotEver === null) {
      note(point, slotOf(periodFromMs));
      continue;
    }
    note(point, slotOf(billingPeriodAt(meter.timeZone, slotStartMs(firstSlotEver)).startMs));
    for (const { meterId } of metersAt(memory, point)) {
      const boundary = boundaries.get(meterId);
      if (meterId !== meter.meterId && boundary !== undefined) note(point, boundary);
    }
  }
  return times;
}

/** Of the first reading that counts: its UTC day may have begun in the month before. */
async function firstSlotOf(tx: Transaction, meter: RatedMeter): Promise<number | null> {
  const { meterId } = meter;
  const rows = await readDaysFrom(tx, { meterId, channel: importChannel, fromDay: 0 });
  const days = rows.map(({ bytes }) => decodeDay(bytes));
  const { carryOut, firstSlot } = walkDays(days, null, walkOptionsOf(meter, importChannel));
  return carryOut === null ? null : firstSlot;
}

/**
 * Where a meter begins later than it did, or nowhere, its earlier bills are given back. Of service
 * points at which that happened to one of several meters: the slot from which on the others are
 * read, because those bills stay.
 */
async function slotsBeside(
  tx: Transaction,
  memory: RatingMemory,
  advanced: readonly AdvancedRegister[],
): Promise<ReadonlyMap<number, number>> {
  const slots = new Map<number, number>();
  for (const { work, isRecomputed, advance, firstSlotEver, hadHead } of advanced) {
    const { meter, channel } = work;
    const hasMoved = advance.carryOut === null || firstSlotEver !== null;
    if (channel.code !== importChannel || !isRecomputed || !hadHead || !hasMoved) continue;
    const others = metersAt(memory, meter.servicePointId).filter((each) => each !== meter);
    const firstSlots: number[] = [];
    for (const other of others) {
      const first = await firstSlotOf(tx, other);
      if (first !== null) firstSlots.push(first);
    }
    if (firstSlots.length === 0) continue;
    const { startMs } = billingPeriodAt(meter.timeZone, slotStartMs(Math.min(...firstSlots)));
    slots.set(meter.servicePointId, slotOf(startMs));
  }
  return slots;
}

/**
 * The bills that new slots, corrections, duties and time touch. Where something behind the head
 * changed, all bills from there on are: up to the newest reading, or to where time is charged.
 */
export async function moveBills(
  tx: Transaction,
  memory: RatingMemory,
  { advanced, duties }: { advanced: readonly AdvancedRegister[]; duties: readonly Duty[] },
): Promise<MovedBills> {
  const sorter = new BillSorter(memory);
  for (const each of advanced) for (const span of spansOf(each)) sorter.add(span);
  const standing = await settledSlots(tx, memory, advanced);
  const { settledUntilSlot, readUntilSlot, importHeads } = standing;
  const recomputedFromMs = new Map<number, number>();
  const corrected = new Set<number>();
  for (const { work, isRecomputed, periodFromMs, advance, hadHead } of advanced) {
    // A register that has begun nowhere yet has nothing to give back.
    if (!isRecomputed || !isBilled(work) || (advance.carryOut === null && !hadHead)) continue;
    const point = work.meter.servicePointId;
    corrected.add(point);
    // Where a meter begins only now, the bills before that are of those beside it and stay.
    if (work.channel.code !== importChannel || !hadHead) continue;
    const known = recomputedFromMs.get(point) ?? Infinity;
    recomputedFromMs.set(point, Math.min(known, periodFromMs));
  }
  const dutyPoints = duties.map(({ meterId }) => memory.meters.get(meterId)?.servicePointId ?? 0);
  const accruals = await readAccruals(tx, [...new Set([...corrected, ...dutyPoints])]);
  const besideFrom = await slotsBeside(tx, memory, advanced);
  for (const [point, from] of timesFrom(memory, advanced, { importHeads, besideFrom })) {
    const accruedSlot = slotOf(accruals.get(point) ?? 0);
    const until = Math.max(accruedSlot, readUntilSlot.get(point) ?? 0);
    sorter.addTime(metersAt(memory, point)[0], { from, until });
  }
  return {
    bills: [...sorter.bills.values()],
    unrated: [...sorter.unrated.values()],
    unratedAgain: advanced
      .filter(({ work, isRecomputed }) => isRecomputed && work.channel.code === importChannel)
      .map(({ work, periodFromMs }) => ({ meterId: work.meter.meterId, fromMs: periodFromMs })),
    recomputedFromMs,
    corrected,
    settledUntilSlot,
    importHeads,
  };
}
