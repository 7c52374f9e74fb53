import {
  exportChannel,
  importChannel,
  q1Channel,
  q2Channel,
  q3Channel,
  q4Channel,
} from '../channel.ts';
import { registerStepWhMax } from '../limits.ts';
import type { Load } from '../rating/load.ts';
import { slotMs, slotOf } from '../rating/slot.ts';
import { decodeCarry } from './carryCodec.ts';
import { decodeDay } from './dayCodec.ts';
import type { RegisterMark } from './mark.ts';
import { qualityEstimated } from './quality.ts';
import { walkDays } from './walk.ts';

/** Stored days of one meter and channel in time order, as one buffer that can change threads. */
export type PackedDays = {
  readonly channel: number;
  readonly bytes: Uint8Array;
  /** Where in `bytes` each day begins, and at the end its length. */
  readonly offsets: Int32Array;
  /** The walk's state at the first day's beginning. */
  readonly carryIn: Uint8Array | null;
  /** All of the register's, whether they fall into these days or not. */
  readonly marks: readonly RegisterMark[];
};

export type PackedMeter = {
  readonly powerMaxW: number;
  readonly registerModulusWh: number | null;
  readonly channels: readonly PackedDays[];
};

export function packDays(
  channel: number,
  days: readonly { readonly bytes: Uint8Array; readonly carryIn: Uint8Array | null }[],
  marks: readonly RegisterMark[],
): PackedDays {
  const offsets = new Int32Array(days.length + 1);
  for (const [index, { bytes }] of days.entries()) {
    offsets[index + 1] = offsets[index] + bytes.length;
  }
  const packed = new Uint8Array(offsets[days.length]);
  for (const [index, { bytes }] of days.entries()) packed.set(bytes, offsets[index]);
  const carryIn = days[0]?.carryIn ?? null;
  return {
    channel,
    bytes: packed,
    offsets,
    carryIn: carryIn === null ? null : Uint8Array.from(carryIn),
    marks,
  };
}

type Columns = { readonly wh: Float64Array; readonly estimated: Uint8Array };

/** Adds what one meter knows of a channel; a slot is known as soon as one meter knows it. */
function addChannel(
  { wh, estimated }: Columns,
  firstSlot: number,
  meter: PackedMeter,
  days: PackedDays,
): void {
  const decoded = Array.from({ length: days.offsets.length - 1 }, (_, index) =>
    decodeDay(days.bytes.subarray(days.offsets[index], days.offsets[index + 1])),
  );
  const walked = walkDays(decoded, decodeCarry(days.carryIn), {
    powerMaxW: meter.powerMaxW,
    registerStepWh: registerStepWhMax,
    registerModulusWh: meter.registerModulusWh,
    marks: days.marks,
  });
  const from = Math.max(firstSlot, walked.firstSlot);
  const to = Math.min(firstSlot + wh.length, walked.firstSlot + walked.slotWh.length);
  for (let slot = from; slot < to; slot += 1) {
    const energyWh = walked.slotWh[slot - walked.firstSlot];
    if (Number.isNaN(energyWh)) continue;
    const at = slot - firstSlot;
    wh[at] = Number.isNaN(wh[at]) ? energyWh : wh[at] + energyWh;
    if (walked.slotQuality[slot - walked.firstSlot] >= qualityEstimated) estimated[at] = 1;
  }
}

const reactiveChannels = [q1Channel, q2Channel, q3Channel, q4Channel] as const;
/** What a load is made of. */
export const loadChannels = [importChannel, exportChannel, ...reactiveChannels] as const;

/**
 * What flowed at a service point in [fromMs, toMs), by the walk that rating takes: its meters are
 * summed, because one is exchanged for another there. On the slot grid. A register that no meter
 * has ever told of does not exist; of reactive energy all four are there, or none.
 */
export function loadOfMeters(
  meters: readonly PackedMeter[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Load {
  const count = (toMs - fromMs) / slotMs;
  const estimated = new Uint8Array(count);
  const columns = new Map<number, Float64Array>();
  for (const meter of meters) {
    for (const days of meter.channels) {
      if (days.offsets.length < 2) continue;
      const wh = columns.get(days.channel) ?? new Float64Array(count).fill(Number.NaN);
      columns.set(days.channel, wh);
      addChannel({ wh, estimated }, slotOf(fromMs), meter, days);
    }
  }
  const columnOf = (channel: number) =>
    columns.get(channel) ?? new Float64Array(count).fill(Number.NaN);
  const hasReactive = reactiveChannels.some((channel) => columns.has(channel));
  const zeroIfAbsent = (channel: number) => columns.get(channel) ?? new Float64Array(count);
  return {
    fromMs,
    intervalMs: slotMs,
    unitsPerWh: 1,
    import: columnOf(importChannel),
    export: columns.get(exportChannel) ?? null,
    reactive: hasReactive
      ? {
          q1: zeroIfAbsent(q1Channel),
          q2: zeroIfAbsent(q2Channel),
          q3: zeroIfAbsent(q3Channel),
          q4: zeroIfAbsent(q4Channel),
        }
      : null,
    estimated,
  };
}
