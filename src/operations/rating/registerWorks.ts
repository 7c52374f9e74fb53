import type { Duty } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import type { FreshMeterEvent } from '../../db/meterEvents.ts';
import { markedReason } from '../../db/registerMarks.ts';
import { readStoredChannels } from '../../db/series.ts';
import { setPublishedReason } from '../../db/veeSets.ts';
import { assert } from '../../domain/assert.ts';
import { channelOfMedium, importChannel } from '../../domain/channel.ts';
import { dayOf } from '../../domain/series/day.ts';
import { powerOutage } from '../../domain/series/meterEvent.ts';
import { registerKey } from './gatherReadings.ts';
import type { GatheredReadings, RegisterWork } from './gatherReadings.ts';
import type { RatingMemory } from './registry.ts';

/** Of a meter: from which day on it is walked again. */
export type MeterDuty = {
  fromDay: number;
  /** All of its registers, and not import alone: how a gap of any is laid out may differ. */
  isEveryRegister: boolean;
  isMarked: boolean;
};

/** Prices and time move no energy; marks and rules of validation do, of any register. */
const reasonsOfEnergy: readonly string[] = [markedReason, setPublishedReason];

/** Duties, and outages that meters tell of late: how a gap is laid out may depend on them. */
export function meterDuties(
  duties: readonly Duty[],
  events: readonly FreshMeterEvent[],
): ReadonlyMap<number, MeterDuty> {
  const found = new Map<number, MeterDuty>();
  for (const { meterId, code, fromMs } of events) {
    if (code !== powerOutage) continue;
    const known = found.get(meterId)?.fromDay ?? Infinity;
    const fromDay = Math.min(known, dayOf(fromMs));
    found.set(meterId, { fromDay, isEveryRegister: true, isMarked: false });
  }
  for (const { meterId, fromDay, reason } of duties) {
    const known = found.get(meterId) ?? { fromDay, isEveryRegister: false, isMarked: false };
    known.fromDay = Math.min(known.fromDay, fromDay);
    known.isEveryRegister ||= reasonsOfEnergy.includes(reason);
    known.isMarked ||= reason === markedReason;
    found.set(meterId, known);
  }
  return found;
}

/** The works of the readings, and of meters that only have a duty to be rated again. */
export async function worksOf(
  tx: Transaction,
  gathered: GatheredReadings,
  { memory, due }: { memory: RatingMemory; due: ReadonlyMap<number, MeterDuty> },
): Promise<RegisterWork[]> {
  const works = new Map(gathered.registers);
  const add = (meterId: number, code: number): void => {
    const meter = memory.meters.get(meterId);
    assert(meter !== undefined, 'a duty is of a registered meter');
    const channel = channelOfMedium(code, meter.medium);
    if (channel?.kind !== 'register') return;
    const key = registerKey(meterId, code);
    if (!works.has(key)) works.set(key, { meter, channel, days: new Map() });
  };
  const marked = [...due].flatMap(([meterId, { isMarked }]) => (isMarked ? [meterId] : []));
  const whole = [...due].flatMap(([meterId, duty]) => (duty.isEveryRegister ? [meterId] : []));
  for (const meterId of due.keys()) add(meterId, importChannel);
  for (const { meter, channel } of gathered.registers.values()) {
    if (channel.kind === 'interval') add(meter.meterId, importChannel);
  }
  for (const { meterId, channel } of await readStoredChannels(tx, whole)) add(meterId, channel);
  for (const meterId of marked) {
    for (const channel of memory.meters.get(meterId)?.marks.days.keys() ?? [])
      add(meterId, channel);
  }
  return [...works.values()].toSorted(
    (a, b) => a.meter.meterId - b.meter.meterId || a.channel.code - b.channel.code,
  );
}
