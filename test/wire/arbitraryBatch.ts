import fc from 'fast-check';
import type { Batch, EventBlock, RegisterBlock } from '../../src/wire/batch.ts';
import { edgeId } from './sampleBatch.ts';

/** Any batch that the wire can carry, with and without each column that is rarely there. */
const int32Max = 2_147_483_647;
const instant = fc.integer({ min: 946_684_800_000, max: 4_102_444_799_999 });
const wh = fc.oneof(
  fc.bigInt({ min: -(2n ** 50n), max: 2n ** 50n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 2n ** 31n, 2n ** 32n, -(2n ** 50n), 2n ** 50n - 1n),
);
const reading = fc.record({
  meter: fc.integer({ min: 1, max: int32Max }),
  atMs: instant,
  value: wh,
  quality: fc.constantFrom(0, 0, 1, 2, 4),
  revision: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 32_767 })),
  clockOffsetMs: fc.oneof(fc.constant(0), fc.integer({ min: -int32Max - 1, max: int32Max })),
  frame: fc.nat(16_384),
  multiplierThousandths: fc.oneof(fc.constant(0), fc.nat(int32Max)),
});

/** All zero is the same as absent, and comes back as absent. */
function rare(column: readonly number[]): Int32Array | null {
  return column.some((each) => each !== 0) ? Int32Array.from(column) : null;
}

type Rare = { rich: boolean; frames: number };

function blockOf({ rich, frames }: Rare): fc.Arbitrary<RegisterBlock> {
  return fc
    .record({
      channel: fc.integer({ min: 1, max: 32_767 }),
      unit: fc.integer({ min: 1, max: 255 }),
      scaler: fc.integer({ min: -9, max: 9 }),
      readings: fc.array(reading, { minLength: 1, maxLength: 40 }),
    })
    .map(({ readings, ...head }) => {
      const revision = rich ? rare(readings.map((r) => r.revision)) : null;
      const clockOffsetMs = rich ? rare(readings.map((r) => r.clockOffsetMs)) : null;
      const frame = rich ? rare(readings.map((r) => r.frame % (frames + 1))) : null;
      const multipliers = rich ? rare(readings.map((r) => r.multiplierThousandths)) : null;
      return {
        ...head,
        meterId: Int32Array.from(readings, (r) => r.meter),
        readAtMs: Float64Array.from(readings, (r) => r.atMs),
        value: BigInt64Array.from(readings, (r) => r.value),
        quality: Uint8Array.from(readings, ({ quality }, row) =>
          quality === 4 && (revision?.[row] ?? 0) === 0 ? 0 : quality,
        ),
        ...(revision === null ? {} : { revision }),
        ...(clockOffsetMs === null ? {} : { clockOffsetMs }),
        ...(frame === null ? {} : { frame }),
        ...(multipliers === null ? {} : { multiplierThousandths: multipliers }),
      };
    });
}

const events: fc.Arbitrary<EventBlock> = fc
  .array(
    fc.record({
      code: fc.integer({ min: 1, max: 32_767 }),
      meter: fc.integer({ min: 1, max: int32Max }),
      span: fc.tuple(instant, instant),
    }),
    { minLength: 1, maxLength: 10 },
  )
  .map((rows) => ({
    code: Int32Array.from(rows, (row) => row.code),
    meterId: Int32Array.from(rows, (row) => row.meter),
    fromMs: Float64Array.from(rows, ({ span }) => Math.min(...span)),
    toMs: Float64Array.from(rows, ({ span }) => Math.max(...span)),
  }));

const rareParts = fc.record({
  rich: fc.boolean(),
  events: fc.option(events),
  frames: fc.array(fc.uint8Array({ minLength: 1, maxLength: 30 }), { maxLength: 5 }),
});

export const arbitraryBatch: fc.Arbitrary<Batch> = rareParts.chain((parts) =>
  fc
    .record({
      edgeId: fc.integer({ min: 1, max: int32Max }).map(edgeId),
      epoch: fc.integer({ min: 1, max: int32Max }),
      sequence: fc.bigInt({ min: 1n, max: 2n ** 50n - 1n }),
      previousHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      createdAtMs: instant,
      stream: fc.constantFrom<Batch['stream']>('billing', 'telemetry'),
      blocks: fc.array(blockOf({ rich: parts.rich, frames: parts.frames.length }), {
        maxLength: 4,
      }),
    })
    .map((batch) => ({
      ...batch,
      ...(parts.events === null ? {} : { events: parts.events }),
      ...(parts.frames.length === 0 ? {} : { frames: parts.frames }),
    })),
);
