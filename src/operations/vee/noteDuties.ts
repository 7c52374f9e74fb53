import type { Duty } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import type { DutyReason } from '../../db/dutyReason.ts';
import { markedReason } from '../../db/registerMarks.ts';
import type { FactPlace } from '../../db/sentFacts.ts';
import { upsertVeeDuties } from '../../db/veeFacts.ts';
import { readFirstBills } from '../../db/veeWindows.ts';
import { importChannel } from '../../domain/channel.ts';
import { slotOf, slotsPerDay, slotStartMs } from '../../domain/rating/slot.ts';
import { dayMs, dayNumberOf } from '../../domain/time/civil.ts';
import { billingPeriodAt, localPartsAt, startOfLocalDayMs } from '../../domain/time/zone.ts';
import type { AdvancedRegister } from '../rating/advanceRegisters.ts';
import type { ChargeDelta } from '../rating/rateChains.ts';
import { metersAt } from '../rating/registry.ts';
import type { RatingMemory } from '../rating/registry.ts';

/** The reason of a duty to rate a bill again because it is held now, or no longer. */
export const judgedReason = 'bill_judged' satisfies DutyReason;

/** The local day that holds an instant, as slots: [firstSlot, endSlot). */
export type LocalDay = {
  readonly day: number;
  readonly firstSlot: number;
  readonly endSlot: number;
};

export function localDayAt(zone: string, atMs: number): LocalDay {
  const day = dayNumberOf(localPartsAt(zone, atMs));
  const startMs = startOfLocalDayMs(zone, day);
  const endMs = startOfLocalDayMs(zone, day + 1);
  return { day, firstSlot: slotOf(startMs), endSlot: slotOf(endMs) };
}

/** The day asked for last, by zone: of a live batch nearly all registers stand in the same one. */
class LocalDays {
  readonly #known = new Map<string, LocalDay>();

  at(zone: string, slot: number): LocalDay {
    const known = this.#known.get(zone);
    if (known !== undefined && known.firstSlot <= slot && slot < known.endSlot) return known;
    const day = localDayAt(zone, slotStartMs(slot));
    this.#known.set(zone, day);
    return day;
  }
}

/** Energies of intervals are compared with a register's days: those of a day that is over. */
function intervalsFromMs(
  { work, walked }: AdvancedRegister,
  days: LocalDays,
  nowMs: number,
): number | null {
  const [first] = walked.days;
  if (first === undefined || !walked.days.some(({ isWritten }) => isWritten)) return null;
  // The first of its intervals may have begun the day before.
  const day = days.at(work.meter.timeZone, first.day * slotsPerDay - 1);
  return slotStartMs(day.endSlot) <= nowMs ? slotStartMs(day.firstSlot) : null;
}

/** From when on the register is to be validated; null: no local day is complete or changed. */
function dueFromMs(register: AdvancedRegister, days: LocalDays, nowMs: number): number | null {
  if (register.work.channel.kind === 'interval') return intervalsFromMs(register, days, nowMs);
  const { work, advance, isRecomputed, changedFromMs, firstSlotEver } = register;
  const zone = work.meter.timeZone;
  const fromSlot = isRecomputed ? slotOf(changedFromMs) : advance.settledFirstSlot;
  // Registers beside import are looked for from the UTC day on in which they begin.
  const isBeside = work.channel.code !== importChannel;
  const utcDaySlot = Math.floor(fromSlot / slotsPerDay) * slotsPerDay;
  const changed = days.at(zone, isBeside ? utcDaySlot : fromSlot);
  if (isRecomputed) return slotStartMs(changed.firstSlot);
  if (advance.carrySettled === null) return null;
  const day = days.at(zone, advance.settledFirstSlot);
  if (firstSlotEver !== null) return slotStartMs(changed.firstSlot);
  return advance.openFirstSlot >= day.endSlot ? slotStartMs(day.firstSlot) : null;
}

type VeeDuty = { readonly meterId: number; readonly companyId: number; readonly fromMs: number };

/**
 * Bills that closed, or are open again, by the readings of any meter of the point or by time; and
 * closed ones that readings still come for: what they miss is told anew with each slot, also where
 * no local day becomes complete.
 */
function ofClosedBills(
  charges: readonly ChargeDelta[],
  {
    memory,
    days,
    judged,
  }: {
    readonly memory: RatingMemory;
    readonly days: LocalDays;
    readonly judged: ReadonlySet<number>;
  },
): readonly VeeDuty[] {
  return charges
    .filter(({ wasClosed, row }) => {
      const isClosed = row.openUntilMs === null;
      return wasClosed !== isClosed || (isClosed && !judged.has(row.meterId));
    })
    .flatMap(({ place, row }) =>
      metersAt(memory, place.agreement.servicePointId).map(({ meterId, companyId, timeZone }) => {
        const { endMs } = billingPeriodAt(timeZone, row.periodStartMs);
        const { firstSlot } = days.at(timeZone, slotOf(endMs - 1));
        return { meterId, companyId, fromMs: slotStartMs(firstSlot) };
      }),
    );
}

/**
 * Marks say when a meter stood at its place, and so which bills it has to be known in: the closed
 * ones too, of which it may have no reading that could be walked again.
 */
async function marked(
  tx: Transaction,
  duties: readonly Duty[],
  { memory, days }: { readonly memory: RatingMemory; readonly days: LocalDays },
): Promise<readonly VeeDuty[]> {
  const changed = duties.filter(({ reason }) => reason === markedReason);
  const first = await readFirstBills(
    tx,
    changed.map(({ meterId }) => meterId),
  );
  return changed.flatMap(({ meterId, fromDay }) => {
    const meter = memory.meters.get(meterId);
    const billsFromMs = first.get(meterId);
    if (meter === undefined || billsFromMs === undefined) return [];
    const { companyId, timeZone } = meter;
    const { firstSlot } = days.at(timeZone, slotOf(Math.max(billsFromMs, fromDay * dayMs)));
    return { meterId, companyId, fromMs: slotStartMs(firstSlot) };
  });
}

/**
 * Leaves a duty for each meter of which a local day became complete or changed. Validation itself
 * is not part of a rating commit: a soft check never makes a reading or a balance wait.
 */
export async function noteDuties(
  tx: Transaction,
  advanced: readonly AdvancedRegister[],
  {
    duties,
    charges,
    sent,
    memory,
    nowMs,
  }: {
    readonly duties: readonly Duty[];
    readonly charges: readonly ChargeDelta[];
    /** Where something about the form of readings was noted. */
    readonly sent: readonly FactPlace[];
    readonly memory: RatingMemory;
    readonly nowMs: number;
  },
): Promise<void> {
  const days = new LocalDays();
  const others = duties.filter(({ reason }) => reason !== judgedReason);
  // Rated again because of what validation found: nothing about the readings has changed.
  const judged = new Set(duties.map(({ meterId }) => meterId));
  for (const { meterId } of others) judged.delete(meterId);
  const due = new Map<number, VeeDuty>();
  const add = ({ meterId, companyId, fromMs }: VeeDuty): void => {
    const known = due.get(meterId)?.fromMs ?? Infinity;
    // A clock that begins in 1970 does so on a local day that may begin before it.
    due.set(meterId, { meterId, companyId, fromMs: Math.max(0, Math.min(known, fromMs)) });
  };
  for (const register of advanced) {
    const fromMs = dueFromMs(register, days, nowMs);
    if (fromMs === null || judged.has(register.work.meter.meterId)) continue;
    const { meterId, companyId } = register.work.meter;
    add({ meterId, companyId, fromMs });
  }
  ofClosedBills(charges, { memory, days, judged }).forEach(add);
  (await marked(tx, duties, { memory, days })).forEach(add);
  for (const { meterId, companyId, atMs } of sent) {
    const zone = memory.meters.get(meterId)?.timeZone;
    if (zone === undefined) continue;
    add({ meterId, companyId, fromMs: slotStartMs(days.at(zone, slotOf(atMs)).firstSlot) });
  }
  await upsertVeeDuties(
    tx,
    [...due.values()].toSorted((a, b) => a.meterId - b.meterId),
  );
}

/** Begins of local days from that of an instant on, the last one after `untilMs`. */
export function localDaysFrom(zone: string, fromMs: number, untilMs: number): number[] {
  const starts: number[] = [];
  for (let { day } = localDayAt(zone, fromMs); ; day += 1) {
    const startMs = startOfLocalDayMs(zone, day);
    starts.push(startMs);
    if (startMs > untilMs || starts.length > (untilMs - fromMs) / dayMs + 3) return starts;
  }
}
