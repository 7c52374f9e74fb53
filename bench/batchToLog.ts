import { assert } from '../src/domain/assert.ts';
import { openFloors } from './floors.ts';
import type { Place } from './place.ts';
import { blockOf } from './readings.ts';
import { openRoad, readBooks } from './road.ts';
import type { Road } from './road.ts';
import { compare, sideBySide, timed } from './sideBySide.ts';
import type { Result, Side } from './sideBySide.ts';

export type BatchToLogSize = { meters: number; batchesPerRound: number; rounds: number };

export const batchToLogSize: BatchToLogSize = { meters: 10_000, batchesPerRound: 20, rounds: 7 };

const side = 'batch to log';

function roadSide(road: Road, blocksOf: (round: number) => ReturnType<typeof blockOf>[]): Side {
  return {
    name: side,
    run: (round) => {
      const blocks = blocksOf(round);
      const batches = blocks.map((block) => road.edges[0].sign(block));
      const readings = blocks.reduce((sum, block) => sum + block.meterId.length, 0);
      return timed(readings, async () => {
        for (const carried of batches) await road.commit(carried);
      });
    },
  };
}

/**
 * An accepted batch to the committed log with its signed receipt: open, verify, decode, guard,
 * append, commit, sign. One batch in flight, one reading of each meter a batch.
 */
export async function batchToLog(place: Place, size: BatchToLogSize): Promise<Result[]> {
  const { meters, batchesPerRound, rounds } = size;
  const road = await openRoad(place, { name: 'batch_to_log', meters });
  const beat = {
    meterIds: road.edges[0].meterIds,
    startMs: Date.UTC(2026, 0, 15, 10),
    stepMs: 60_000,
  };
  const blocksOf = (round: number) =>
    Array.from({ length: batchesPerRound }, (_, n) =>
      blockOf(beat, { from: 0, to: meters, firstStep: round * batchesPerRound + n, steps: 1 }),
    );
  const floors = await openFloors(road.url, blocksOf);
  try {
    const sides = [roadSide(road, blocksOf), floors.rowCopy, floors.nodeCopy];
    const rates = await sideBySide(sides, { rounds, onProgress: place.onProgress });
    const books = await readBooks(road);
    const expected = BigInt(meters * batchesPerRound * (rounds + 1));
    assert(books.readings === expected, `the log holds ${expected} readings`);
    const verified = `${expected} readings in the log, each batch once`;
    const line = { side, unit: 'readings/s', verified };
    return [
      { name: 'batch to log with receipt', against: floors.rowCopy.name, target: 4 },
      { name: 'batch to log, Node encodes both', against: floors.nodeCopy.name, target: null },
    ].map((each) => compare(rates, { ...line, ...each }));
  } finally {
    await floors.close();
    await road.close();
  }
}
