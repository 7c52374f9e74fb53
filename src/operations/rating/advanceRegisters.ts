import type { Duty } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import { readDays, readDaysFrom, readHeads } from '../../db/series.ts';
import type { DayRow, HeadRow } from '../../db/series.ts';
import { assert } from '../../domain/assert.ts';
import { importChannel, channelOf } from '../../domain/channel.ts';
import { slotOf } from '../../domain/rating/slot.ts';
import { decodeCarry, encodeCarry } from '../../domain/series/carryCodec.ts';
import { dayOf } from '../../domain/series/day.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { advanceRegister, affectedFromMs, isLate, mergeRuns, openDay } from './advanceRegister.ts';
import type { Advance, OpenDay } from './advanceRegister.ts';
import { registerKey } from './gatherReadings.ts';
import type { GatheredReadings, RegisterWork } from './gatherReadings.ts';
import { segmentOf } from './registry.ts';
import type { RatingMemory } from './registry.ts';

/** A register after its new readings. */
export type AdvancedRegister = {
  readonly work: RegisterWork;
  readonly advance: Advance;
  /** Null while no reading was ever accepted. */
  readonly head: HeadRow | null;
  /** The walk began before what was accumulated: the charges are worked out anew. */
  readonly isRecomputed: boolean;
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

function dayKey(meterId: number, channel: number, day: number): string {
  return `${meterId}/${channel}/${day}`;
}

async function loadHeads(
  tx: Transaction,
  works: readonly RegisterWork[],
): Promise<Map<number, HeadRow>> {
  const heads = new Map<number, HeadRow>();
  const channels = new Set(works.map((work) => work.channel.code));
  for (const channel of channels) {
    const meterIds = works
      .filter((work) => work.channel.code === channel)
      .map((work) => work.meter.meterId);
    for (const head of await readHeads(tx, { meterIds, channel })) {
      heads.set(registerKey(head.meterId, channel), head);
    }
  }
  return heads;
}

/** The stored rows of the days that get readings, and of the day in which each head stands. */
async function loadDays(
  tx: Transaction,
  works: readonly RegisterWork[],
  heads: ReadonlyMap<number, HeadRow>,
): Promise<Map<string, DayRow>> {
  const keys = { meterId: Array<number>(), channel: Array<number>(), day: Array<number>() };
  for (const { meter, channel, days } of works) {
    const carry = decodeCarry(heads.get(registerKey(meter.meterId, channel.code))?.carry ?? null);
    const wanted = new Set(days.keys());
    if (carry !== null) wanted.add(dayOf(carry.lastAtMs));
    for (const day of wanted) {
      keys.meterId.push(meter.meterId);
      keys.channel.push(channel.code);
      keys.day.push(day);
    }
  }
  const rows = await readDays(tx, keys);
  return new Map(rows.map((row) => [dayKey(row.meterId, row.channel, row.day), row]));
}

/** Merges the readings into their days; `fromDay` is where a late one makes the walk begin. */
function mergeWork(
  work: RegisterWork,
  head: HeadRow | null,
  stored: ReadonlyMap<string, DayRow>,
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
  if (carry !== null) {
    const headDay = dayOf(carry.lastAtMs);
    const row = stored.get(dayKey(meter.meterId, channel.code, headDay));
    assert(row !== undefined, 'the day of the head is stored');
    if (!days.has(headDay)) days.set(headDay, openDay(headDay, row));
  }
  return { work, head, days, fromDay };
}

function headAfter(work: RegisterWork, advance: Advance, powerW: number | null): HeadRow | null {
  if (advance.carrySettled === null || advance.carryOut === null) return null;
  return {
    meterId: work.meter.meterId,
    channel: work.channel.code,
    companyId: work.meter.companyId,
    carry: encodeCarry(advance.carrySettled),
    lastReadAtMs: advance.carryOut.lastAtMs,
    lastValueWh: advance.carryOut.lastWh,
    lastPowerW: powerW,
  };
}

function firstSlotOf({ carryOut, settledFirstSlot }: Advance): number | null {
  return carryOut === null ? null : settledFirstSlot;
}

/** Readings after the head, in time order: the walk goes on from it. */
function goOn(
  { work, head, days }: Merged,
  { memory, powerW }: { memory: RatingMemory; powerW: number | null },
): AdvancedRegister {
  const carry = decodeCarry(head?.carry ?? null);
  const ordered = [...days.values()].toSorted((a, b) => a.day - b.day);
  const { meter, channel } = work;
  const advance = advanceRegister({ meter, channel: channel.code }, ordered, carry);
  const fromMs = carry === null ? ordered[0].day * dayMs : carry.lastAtMs;
  return {
    work,
    advance,
    head: headAfter(work, advance, powerW),
    isRecomputed: false,
    firstSlotEver: carry === null ? firstSlotOf(advance) : null,
    priceFromSlot: 0,
    periodFromMs: segmentOf(memory, meter, slotOf(fromMs)).period.startMs,
  };
}

/** Something changed behind the head: walk again from the begin of the first period it touches. */
async function walkAgain(
  tx: Transaction,
  { work, days }: Merged,
  { memory, fromDay, powerW }: { memory: RatingMemory; fromDay: number; powerW: number | null },
): Promise<AdvancedRegister> {
  const { meter, channel } = work;
  const before = await readDaysFrom(tx, {
    meterId: meter.meterId,
    channel: channel.code,
    fromDay,
  });
  const first = before.find((row) => row.day <= fromDay) ?? null;
  const carryIn =
    first !== null && first.day === fromDay ? decodeCarry(first.carryIn) : carryAfter(first);
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
    fromDay: Math.min(dayOf(periodFromMs), firstDay),
  });
  const all = new Map<number, OpenDay>(stored.map((row) => [row.day, openDay(row.day, row)]));
  for (const [day, open] of days) all.set(day, open);
  const ordered = [...all.values()].toSorted((a, b) => a.day - b.day);
  const walkFrom = decodeCarry(ordered[0].stored?.carryIn ?? null);
  const advance = advanceRegister({ meter, channel: channel.code }, ordered, walkFrom);
  return {
    work,
    advance,
    head: headAfter(work, advance, powerW),
    isRecomputed: true,
    firstSlotEver: walkFrom === null ? firstSlotOf(advance) : null,
    priceFromSlot: slotOf(periodFromMs),
    periodFromMs,
  };
}

/** A stored day before the change bounds how far back it reaches: its own carry is earlier. */
function carryAfter(row: DayRow | null): ReturnType<typeof decodeCarry> {
  return row === null ? null : decodeCarry(row.carryIn);
}

/** The works of the readings, and of meters that only have a duty to be rated again. */
function worksOf(
  gathered: GatheredReadings,
  memory: RatingMemory,
  duties: readonly Duty[],
): RegisterWork[] {
  const channel = channelOf(importChannel);
  assert(channel !== null, 'the import channel is known');
  const works = new Map(gathered.registers);
  for (const { meterId } of duties) {
    const meter = memory.meters.get(meterId);
    assert(meter !== undefined, 'a duty is of a registered meter');
    const key = registerKey(meterId, importChannel);
    if (!works.has(key)) works.set(key, { meter, channel, days: new Map() });
  }
  return [...works.values()].toSorted(
    (a, b) => a.meter.meterId - b.meter.meterId || a.channel.code - b.channel.code,
  );
}

/** Brings the series of all registers with new readings or duties forward. Writes nothing. */
export async function advanceRegisters(
  tx: Transaction,
  gathered: GatheredReadings,
  { memory, duties }: { memory: RatingMemory; duties: readonly Duty[] },
): Promise<readonly AdvancedRegister[]> {
  const works = worksOf(gathered, memory, duties);
  const heads = await loadHeads(tx, works);
  const stored = await loadDays(tx, works, heads);
  const dutyDay = new Map<number, number>();
  for (const { meterId, fromDay } of duties) {
    dutyDay.set(meterId, Math.min(fromDay, dutyDay.get(meterId) ?? fromDay));
  }
  const advanced: AdvancedRegister[] = [];
  for (const work of works) {
    const { meterId } = work.meter;
    const merged = mergeWork(
      work,
      heads.get(registerKey(meterId, work.channel.code)) ?? null,
      stored,
    );
    if (merged.days.size === 0) continue;
    // A batch without power leaves the last one standing.
    const powerW = gathered.power.get(meterId)?.powerW ?? merged.head?.lastPowerW ?? null;
    const due = work.channel.code === importChannel ? dutyDay.get(meterId) : undefined;
    const fromDay = due === undefined ? merged.fromDay : Math.min(due, merged.fromDay ?? due);
    advanced.push(
      fromDay === null
        ? goOn(merged, { memory, powerW })
        : await walkAgain(tx, merged, { memory, fromDay, powerW }),
    );
  }
  return advanced;
}
