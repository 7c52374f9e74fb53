import type { Transaction } from '../../db/connect.ts';
import { readDays, readHeads } from '../../db/series.ts';
import type { HeadRow, StoredDay } from '../../db/series.ts';
import { assert } from '../../domain/assert.ts';
import { importChannel } from '../../domain/channel.ts';
import { decodeCarry } from '../../domain/series/carryCodec.ts';
import { dayOf } from '../../domain/series/day.ts';
import { markDaysOf } from '../../domain/series/meterMarks.ts';
import { registerKey } from './gatherReadings.ts';
import type { RegisterWork } from './gatherReadings.ts';
import { daysTouched } from './intervalRegisters.ts';
import type { OpenSlot } from './openSlot.ts';

export function dayKey(meterId: number, channel: number, day: number): string {
  return `${meterId}/${channel}/${day}`;
}

export async function loadHeads(
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

/** Where the walk goes on, and where it has come to: a slot's first reading may not be believed. */
export function headDaysOf({ carry, lastReadAtMs }: HeadRow): readonly number[] {
  const settled = decodeCarry(carry);
  assert(settled !== null, 'a head has read something');
  return [...new Set([dayOf(settled.lastAtMs), dayOf(lastReadAtMs)])];
}

/**
 * The stored rows of the days that get readings or have a mark, and of the day in which each head
 * stands; none of registers that go on in their open slot.
 */
export async function loadDays(
  tx: Transaction,
  works: readonly RegisterWork[],
  { heads, open }: { heads: ReadonlyMap<number, HeadRow>; open: ReadonlyMap<number, OpenSlot> },
): Promise<Map<string, StoredDay>> {
  const keys = { meterId: Array<number>(), channel: Array<number>(), day: Array<number>() };
  const intervals = new Map(
    works
      .filter(({ channel }) => channel.kind === 'interval')
      .map((work) => [work.meter.meterId, daysTouched(work)]),
  );
  for (const { meter, channel, days } of works) {
    const key = registerKey(meter.meterId, channel.code);
    if (open.has(key)) continue;
    const head = heads.get(key);
    const wanted = new Set([...days.keys(), ...markDaysOf(meter.marks, channel.code)]);
    const beside = channel.code === importChannel ? intervals.get(meter.meterId) : undefined;
    for (const day of beside ?? []) wanted.add(day);
    if (head !== undefined) headDaysOf(head).forEach((day) => wanted.add(day));
    for (const day of wanted) {
      keys.meterId.push(meter.meterId);
      keys.channel.push(channel.code);
      keys.day.push(day);
    }
  }
  const rows = await readDays(tx, keys);
  return new Map(rows.map((row) => [dayKey(row.meterId, row.channel, row.day), row]));
}
