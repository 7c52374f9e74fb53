import { importChannel } from '../src/domain/channel.ts';
import type { RegisterBlock } from '../src/wire/batch.ts';

/**
 * Registers whose energy anybody can add up: a meter uses a fixed number of Wh a step, 1 to 97 by
 * its place in the fleet, and shows a register of a few MWh.
 */
export function stepWhOf(index: number): number {
  return 1 + ((index * 31) % 97);
}

export function registerWhOf(index: number, step: number): number {
  return 1_000_000 + index * 1_009 + step * stepWhOf(index);
}

/** Meters `from` to `to` of the fleet, each with its readings of some steps, one by one. */
export type Cut = {
  readonly from: number;
  readonly to: number;
  readonly firstStep: number;
  readonly steps: number;
};

export type Beat = {
  readonly meterIds: readonly number[];
  readonly startMs: number;
  readonly stepMs: number;
};

export function blockOf({ meterIds, startMs, stepMs }: Beat, cut: Cut): RegisterBlock {
  const count = (cut.to - cut.from) * cut.steps;
  const meterId = new Int32Array(count);
  const readAtMs = new Float64Array(count);
  const value = new BigInt64Array(count);
  let row = 0;
  for (let index = cut.from; index < cut.to; index += 1) {
    for (let step = cut.firstStep; step < cut.firstStep + cut.steps; step += 1) {
      meterId[row] = meterIds[index];
      readAtMs[row] = startMs + step * stepMs;
      value[row] = BigInt(registerWhOf(index, step));
      row += 1;
    }
  }
  return {
    channel: importChannel,
    unit: 30,
    scaler: 0,
    meterId,
    readAtMs,
    value,
    quality: new Uint8Array(count),
  };
}
