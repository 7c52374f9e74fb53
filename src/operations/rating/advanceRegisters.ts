import type { Duty } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import type { FreshMeterEvent } from '../../db/meterEvents.ts';
import { readDaysFrom } from '../../db/series.ts';
import type { HeadRow, Power, StoredDay } from '../../db/series.ts';
import { assert } from '../../domain/assert.ts';
import { importChannel } from '../../domain/channel.ts';
import { slotOf } from '../../domain/rating/slot.ts';
import { decodeCarry, encodeCarry } from '../../domain/series/carryCodec.ts';
import { dayOf } from '../../domain/series/day.ts';
import type { SeriesConflict, SeriesDay } from '../../domain/series/day.ts';
import type { WalkCarry } from '../../domain/series/walk.ts';
import { markDaysOf } from '../../domain/series/meterMarks.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { awaitsNeighbour } from '../vee/nearGap.ts';
import {
  advanceRegister,
  affectedFromMs,
  conflictsIn,
  dropShapes,
  isLate,
  mergeRuns,
  openDay,
} from './advanceRegister.ts';
import type { Advance, OpenDay, WalkedRegister } from './advanceRegister.ts';
import { registerKey } from './gatherReadings.ts';
import type { GatheredReadings, RegisterWork } from './gatherReadings.ts';
import { gapDayOf, keepIntervals } from './intervalRegisters.ts';
import { advanceSlot, openSlots, SlotDays } from './openSlot.ts';
import type { OpenSlot } from './openSlot.ts';
import { meterDuties, worksOf } from './registerWorks.ts';
import { officeOf, segmentOf } from './registry.ts';
import type { RatingMemory } from './registry.ts';
import { dayKey, headDaysOf, loadDays, loadHeads } from './storedRegisters.ts';

/** A register after its new readings. */
export type AdvancedRegister = {
  readonly work: RegisterWork;
  readonly advance: Advance;
  /** What `advance` walked: estimates change the days, and they are walked again. */
  readonly walked: {
    readonly days: readonly OpenDay[];
    readonly carryIn: WalkCarry;
    /** What was told of one instant in two ways, as far as this commit met it. */
    readonly conflicts: readonly SeriesConflict[];
  };
  /** As known to the head: the newest of what this commit brings and what was known. */
  readonly power: Power | null;
  /** Null while no reading is accepted. */
  readonly head: HeadRow | null;
  /** There was one before this commit. */
  readonly hadHead: boolean;
  /** The walk began before what was accumulated: the charges are worked out anew. */
  readonly isRecomputed: boolean;
  /** What this commit could move begins here. */
  readonly changedFromMs: number;
  /** Gaps that end at or after it are laid out anew. */
  readonly gapsFromMs: number;
  /** Slots before it belong to a period that is not touched. */
  readonly priceFromSlot: number;
  /** Begin of the first billing period that is touched. */
  readonly periodFromMs: number;
  /** The slot of its first reading ever, where the walk began with it. */
  readonly firstSlotEver: number | null;
};

type Merged = {
  readonly work: RegisterWork;
  readonly head: HeadRow | null;
  readonly days: Map<number, OpenDay>;
  readonly fromDay: number | null;
};

/**
 * Days of marks that come along: those behind the head, so that what is stored of them is always
 * of the readings before; and where the register begins or its marks are walked anew, those that
 * are not there yet.
 */
function addMarkDays(
  { work, head, days }: Omit<Merged, 'fromDay'>,
  { stored, isMarked }: { stored: ReadonlyMap<string, StoredDay>; isMarked: boolean },
): void {
  const { meter, channel } = work;
  const carry = decodeCarry(head?.carry ?? null);
  for (const day of markDaysOf(meter.marks, channel.code)) {
    const row = stored.get(dayKey(meter.meterId, channel.code, day)) ?? null;
    const isBehind = carry === null || dayOf(carry.lastAtMs) < day;
    const isMissing = row === null && isMarked;
    if (days.has(day) || !(isMissing || isBehind)) continue;
    days.set(day, { ...openDay(day, row), isWritten: row === null });
  }
}

/** Merges the readings into their days; `fromDay` is where a late one makes the walk begin. */
function mergeWork(
  work: RegisterWork,
  head: HeadRow | null,
  { stored, isMarked }: { stored: ReadonlyMap<string, StoredDay>; isMarked: boolean },
): Merged {
  const { meter, channel } = work;
  const days = new Map<number, OpenDay>();
  let fromDay: number | null = null;
  for (const [day, runs] of work.days) {
    const open = openDay(day, stored.get(dayKey(meter.meterId, channel.code, day)) ?? null);
    days.set(day, open);
    const changedFromMs = mergeRuns(open, runs);
    if (isLate(head, changedFromMs)) fromDay = Math.min(fromDay ?? day, day);
  }
  const carry = decodeCarry(head?.carry ?? null);
  const carryDay = dayOf(carry?.lastAtMs ?? 0);
  if (carry !== null) {
    const isNearer = [...days.values()].some((open) => awaitsNeighbour(open, carry));
    if (isNearer) fromDay = Math.min(fromDay ?? Infinity, carryDay);
  }
  for (const day of head === null ? [] : headDaysOf(head)) {
    if (days.has(day)) continue;
    const row = stored.get(dayKey(meter.meterId, channel.code, day));
    // That of a mark is stored only with the mark's duty.
    assert(row !== undefined || day !== carryDay, 'the day of the head is stored');
    if (row !== undefined) days.set(day, openDay(day, row));
  }
  addMarkDays({ work, head, days }, { stored, isMarked });
  return { work, head, days, fromDay };
}

function headAfter(work: RegisterWork, advance: Advance, power: Power | null): HeadRow | null {
  if (advance.carrySettled === null || advance.carryOut === null) return null;
  return {
    meterId: work.meter.meterId,
    channel: work.channel.code,
    companyId: work.meter.companyId,
    carry: encodeCarry(advance.carrySettled),
    lastReadAtMs: advance.carryOut.lastAtMs,
    lastValueWh: advance.carryOut.lastWh,
    lastPower: power,
    newest: advance.newest,
  };
}

/** A batch without power leaves the last one standing, and so does one that was told late. */
function newestPower(told: Power | null, known: Power | null): Power | null {
  return told === null || (known !== null && known.atMs > told.atMs) ? known : told;
}

function registerOf(memory: RatingMemory, { meter, channel }: RegisterWork): WalkedRegister {
  return { meter, channel: channel.code, officeId: officeOf(memory, meter.companyId) };
}

function firstSlotOf({ carryOut, settledFirstSlot }: Advance): number | null {
  return carryOut === null ? null : settledFirstSlot;
}

/** The register after another walk over the same days, with other shapes in them. */
export function advancedBy(register: AdvancedRegister, advance: Advance): AdvancedRegister {
  const { work, walked, power, firstSlotEver } = register;
  return {
    ...register,
    advance,
    head: headAfter(work, advance, power),
    firstSlotEver: walked.carryIn === null ? firstSlotOf(advance) : firstSlotEver,
  };
}

/** Readings after the head, in time order: the walk goes on from it. */
function goOn(
  { work, head, days }: Merged,
  { memory, power }: { memory: RatingMemory; power: Power | null },
): AdvancedRegister {
  const carry = decodeCarry(head?.carry ?? null);
  const ordered = [...days.values()].toSorted((a, b) => a.day - b.day);
  const { meter } = work;
  // A gap whose end was not settled is closed anew.
  for (const open of ordered) dropShapes(open, (carry?.lastAtMs ?? -1) + 1);
  const advance = advanceRegister(registerOf(memory, work), ordered, carry);
  const fromMs = carry === null ? ordered[0].day * dayMs : carry.lastAtMs;
  return {
    work,
    advance,
    walked: { days: ordered, carryIn: carry, conflicts: conflictsIn(ordered) },
    power,
    head: headAfter(work, advance, power),
    hadHead: head !== null,
    isRecomputed: false,
    changedFromMs: fromMs,
    gapsFromMs: (carry?.lastAtMs ?? -1) + 1,
    firstSlotEver: carry === null ? firstSlotOf(advance) : null,
    priceFromSlot: 0,
    periodFromMs: segmentOf(memory, meter, slotOf(fromMs)).period.startMs,
  };
}

/** The head is all that there is to go on from, and all that changes. */
function goOnInSlot(
  work: RegisterWork,
  head: HeadRow,
  given: {
    readonly memory: RatingMemory;
    readonly open: OpenSlot;
    readonly slotDays: SlotDays;
    readonly power: Power | null;
  },
): AdvancedRegister {
  const { meter, channel } = work;
  const { memory, open, power } = given;
  const { carry } = open;
  const { advance, conflicts } = advanceSlot(registerOf(memory, work), open, given.slotDays);
  const { carryOut } = advance;
  assert(carryOut !== null, 'a register that goes on has begun');
  return {
    work,
    advance,
    walked: { days: [], carryIn: carry, conflicts },
    power,
    head: {
      meterId: meter.meterId,
      channel: channel.code,
      companyId: meter.companyId,
      carry: head.carry,
      isCarryStored: true,
      lastReadAtMs: carryOut.lastAtMs,
      lastValueWh: carryOut.lastWh,
      lastPower: power,
      newest: advance.newest,
    },
    hadHead: true,
    isRecomputed: false,
    changedFromMs: carry.lastAtMs,
    gapsFromMs: carry.lastAtMs + 1,
    firstSlotEver: null,
    priceFromSlot: 0,
    periodFromMs: segmentOf(memory, meter, carry.boundarySlot).period.startMs,
  };
}

/** Something changed behind the head: walk again from the begin of the first period it touches. */
async function walkAgain(
  tx: Transaction,
  { work, head, days }: Merged,
  { memory, fromDay, power }: { memory: RatingMemory; fromDay: number; power: Power | null },
): Promise<AdvancedRegister | null> {
  const { meter, channel } = work;
  const before = await readDaysFrom(tx, {
    meterId: meter.meterId,
    channel: channel.code,
    fromDay,
  });
  if (days.size === 0 && before.length === 0) return null;
  const first = before.find((row) => row.day <= fromDay) ?? null;
  // Of a stored day before the change, too: its own carry is earlier, and bounds how far back.
  const carryIn = decodeCarry(first?.carryIn ?? null);
  // A duty may reach back behind all readings: bills begin with the month of the first.
  const firstDay = first?.day ?? Math.min(...days.keys(), ...before.map((row) => row.day));
  const affectedMs = affectedFromMs(firstDay, carryIn);
  const segment = segmentOf(memory, meter, slotOf(affectedMs));
  const periodFromMs = Math.min(
    billingPeriodAt(meter.timeZone, affectedMs).startMs,
    segment.period.startMs,
  );
  const stored = await readDaysFrom(tx, {
    meterId: meter.meterId,
    channel: channel.code,
    // An old day that was only told again is walked too, with those between: none is left out.
    fromDay: Math.min(dayOf(periodFromMs), firstDay, ...days.keys()),
  });
  const all = new Map<number, OpenDay>(stored.map((row) => [row.day, openDay(row.day, row)]));
  for (const [day, open] of days) all.set(day, open);
  const begin = Math.min(...all.keys());
  for (const day of markDaysOf(meter.marks, channel.code)) {
    // A mark of which only the duty is left is passed on its own day all the same.
    if (day > begin && !all.has(day)) all.set(day, { ...openDay(day, null), isWritten: true });
  }
  const ordered = [...all.values()].toSorted((a, b) => a.day - b.day);
  const walkFrom = decodeCarry(ordered[0].stored?.carryIn ?? null);
  // From the change on gaps are estimated anew: what came before them may be other than it was.
  for (const open of ordered) if (open.day >= fromDay) dropShapes(open, 0);
  const advance = advanceRegister(registerOf(memory, work), ordered, walkFrom);
  return {
    work,
    advance,
    walked: { days: ordered, carryIn: walkFrom, conflicts: conflictsIn(ordered) },
    power,
    head: headAfter(work, advance, power),
    hadHead: head !== null,
    isRecomputed: true,
    changedFromMs: affectedMs,
    gapsFromMs: fromDay * dayMs,
    firstSlotEver: walkFrom === null ? firstSlotOf(advance) : null,
    priceFromSlot: slotOf(periodFromMs),
    periodFromMs,
  };
}

function isMain({ channel }: RegisterWork): boolean {
  return channel.code === importChannel;
}

function firstDue(days: readonly (number | null | undefined)[]): number | null {
  const due = days.filter((day) => day !== null && day !== undefined);
  return due.length === 0 ? null : Math.min(...due);
}

/** Intervals of a meter, and from when on its main register is walked again because of them. */
function keepBeside(
  work: RegisterWork,
  beside: {
    readonly main: RegisterWork | undefined;
    readonly head: HeadRow | null;
    readonly stored: ReadonlyMap<string, StoredDay>;
  },
): { readonly register: AdvancedRegister; readonly gapDay: number | null } {
  const { main, head, stored } = beside;
  const { meterId } = work.meter;
  const rowOf = (code: number, day: number) => stored.get(dayKey(meterId, code, day)) ?? null;
  const kept = keepIntervals(work, (day) => rowOf(work.channel.code, day));
  const dayAt = (day: number): SeriesDay | null => {
    const open = openDay(day, rowOf(importChannel, day));
    mergeRuns(open, main?.days.get(day) ?? []);
    return open.series;
  };
  const lastAtMs = head?.lastReadAtMs ?? -1;
  const register = {
    work,
    advance: kept.advance,
    walked: { days: kept.days, carryIn: null, conflicts: conflictsIn(kept.days) },
    power: null,
    head: null,
    hadHead: false,
    isRecomputed: false,
    changedFromMs: Infinity,
    gapsFromMs: Infinity,
    priceFromSlot: 0,
    periodFromMs: Infinity,
    firstSlotEver: null,
  };
  return { register, gapDay: gapDayOf(kept, lastAtMs, dayAt) };
}

/** Brings the series of all registers with new readings or duties forward. Writes nothing. */
export async function advanceRegisters(
  tx: Transaction,
  gathered: GatheredReadings,
  {
    memory,
    duties,
    events,
  }: {
    memory: RatingMemory;
    duties: readonly Duty[];
    /** What meters' logs say that was not known before. */
    events: readonly FreshMeterEvent[];
  },
): Promise<readonly AdvancedRegister[]> {
  const due = meterDuties(duties, events);
  const works = await worksOf(tx, gathered, { memory, due });
  const heads = await loadHeads(tx, works);
  const open = openSlots(works, { heads, due });
  const stored = await loadDays(tx, works, { heads, open });
  const advanced: AdvancedRegister[] = [];
  const slotDays = new SlotDays();
  const gapDays = new Map<number, number>();
  const mains = new Map(works.filter(isMain).map((work) => [work.meter.meterId, work]));
  for (const work of works.filter(({ channel }) => channel.kind === 'interval')) {
    const { meterId } = work.meter;
    const head = heads.get(registerKey(meterId, importChannel)) ?? null;
    const main = mains.get(meterId);
    const { register, gapDay } = keepBeside(work, { main, head, stored });
    advanced.push(register);
    if (gapDay !== null) gapDays.set(meterId, gapDay);
  }
  for (const work of works.filter(({ channel }) => channel.kind === 'register')) {
    const { meterId } = work.meter;
    const duty = due.get(meterId);
    const { isMarked = false, isEveryRegister = false } = duty ?? {};
    const key = registerKey(meterId, work.channel.code);
    const head = heads.get(key) ?? null;
    const slot = open.get(key);
    const power = newestPower(gathered.power.get(meterId) ?? null, head?.lastPower ?? null);
    if (head !== null && slot !== undefined) {
      advanced.push(goOnInSlot(work, head, { memory, open: slot, slotDays, power }));
      continue;
    }
    const merged = mergeWork(work, head, { stored, isMarked });
    const fromDay = firstDue([
      merged.fromDay,
      isMain(work) || isEveryRegister ? duty?.fromDay : null,
      isMain(work) ? gapDays.get(meterId) : null,
    ]);
    const isMoved = work.days.size > 0 || fromDay !== null;
    if (!isMoved || (merged.days.size === 0 && !isMarked)) continue;
    const register =
      fromDay === null
        ? goOn(merged, { memory, power })
        : await walkAgain(tx, merged, { memory, fromDay, power });
    if (register !== null) advanced.push(register);
  }
  return advanced;
}
