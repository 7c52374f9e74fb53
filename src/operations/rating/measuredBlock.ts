import { checkUnit } from '../../domain/channel.ts';
import type { Channel, UnitCheckCode } from '../../domain/channel.ts';
import type { Medium } from '../../domain/medium.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { correctedInstant } from '../../domain/series/clockOffset.ts';
import type { ReadingColumns } from '../../domain/series/day.ts';
import type { Batch, RegisterBlock } from '../../wire/batch.ts';

/** A block, and the number of its first row within the batch. */
export type PlacedBlock = { readonly block: RegisterBlock; readonly firstRow: number };

/** A block with the instants at which its readings were taken, whatever their clocks said. */
export type TimedBlock = PlacedBlock & {
  readonly readAtMs: Float64Array;
  readonly quality: Uint8Array;
  /** Why a row belongs to no instant. */
  readonly drifted: ReadonlyMap<number, { readonly code: string; readonly message: string }>;
  /** The largest offset that was taken off; 0 where no clock was off. */
  readonly offsetMsMax: number;
};

export function timeBlock(placed: PlacedBlock): TimedBlock {
  const { block } = placed;
  const { clockOffsetMs } = block;
  const drifted = new Map<number, { readonly code: string; readonly message: string }>();
  if (clockOffsetMs === undefined || clockOffsetMs.every((offsetMs) => offsetMs === 0)) {
    const { readAtMs, quality } = block;
    return { ...placed, readAtMs, quality, drifted, offsetMsMax: 0 };
  }
  const readAtMs = Float64Array.from(block.readAtMs);
  const quality = Uint8Array.from(block.quality);
  let offsetMsMax = 0;
  for (const [row, offsetMs] of clockOffsetMs.entries()) {
    const corrected = correctedInstant(readAtMs[row], offsetMs);
    if (!corrected.ok) {
      drifted.set(row, corrected);
      continue;
    }
    readAtMs[row] = corrected.value.atMs;
    // A void stays one: its code is above those of readings.
    quality[row] = Math.max(quality[row], corrected.value.qualityMin);
    offsetMsMax = Math.max(offsetMsMax, Math.abs(offsetMs));
  }
  return { ...placed, readAtMs, quality, drifted, offsetMsMax };
}

/** A block's values in the unit of their channel, as meters of one medium count. */
export type Measured = {
  readonly channel: Channel;
  readonly factor: number;
  readonly columns: ReadingColumns;
};

export function measure(
  { epoch, sequence }: Batch,
  { block, firstRow, readAtMs, quality }: TimedBlock,
  medium: Medium,
): Outcome<Measured, UnitCheckCode> {
  const unit = checkUnit(block, medium);
  if (!unit.ok) return unit;
  const { channel, factor } = unit.value;
  const { value, revision } = block;
  const plain = { readAtMs, value, quality, factor, epoch, sequence, firstRow };
  const columns = revision === undefined ? plain : { ...plain, revision };
  return accept({ channel, factor, columns });
}
