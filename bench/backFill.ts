import { openFloors } from './floors.ts';
import type { Place } from './place.ts';
import { blockOf, stepWhOf } from './readings.ts';
import { commitAndRate, openRoad, verifyBooks } from './road.ts';
import { compare, sideBySide, timed } from './sideBySide.ts';
import type { Result } from './sideBySide.ts';

export type BackFillSize = { metersPerBatch: number; days: number; rounds: number };

/** 100 meters x 96 quarter hours a batch, a month of days a round, and new meters each round. */
export const backFillSize: BackFillSize = { metersPerBatch: 100, days: 30, rounds: 7 };

const side = 'back-fill';
const quarterMs = 900_000;
const quartersPerDay = 96;

/**
 * Micro-units: 300 a Wh by day and 200 by night, from 22:00 to 06:00 in Berlin, which is 21:00 to
 * 05:00 UTC in January. Readings stand on slot boundaries, so nothing is interpolated.
 */
export function costOfSteps(index: number, steps: number): bigint {
  let microsPerStepWh = 0;
  for (let step = 0; step < steps; step += 1) {
    const hour = Math.floor((step % quartersPerDay) / 4);
    microsPerStepWh += hour >= 21 || hour < 5 ? 200 : 300;
  }
  return BigInt(microsPerStepWh) * BigInt(stepWhOf(index));
}

/** Whole days of the past to rated and posted, for one shard and for two side by side. */
export async function backFill(place: Place, size: BackFillSize): Promise<Result[]> {
  return [...(await measure(place, size, 1)), ...(await measure(place, size, 2))];
}

async function measure(place: Place, size: BackFillSize, shards: number): Promise<Result[]> {
  const { metersPerBatch, days, rounds } = size;
  const metersPerShard = metersPerBatch * (rounds + 1);
  const road = await openRoad(place, {
    name: `back_fill_${shards}`,
    meters: metersPerShard,
    shards,
  });
  const blocksOf = (round: number) =>
    road.edges.map(({ meterIds }) =>
      Array.from({ length: days }, (_, day) =>
        blockOf(
          { meterIds, startMs: Date.UTC(2026, 0, 1), stepMs: quarterMs },
          {
            from: round * metersPerBatch,
            to: (round + 1) * metersPerBatch,
            firstStep: day * quartersPerDay,
            steps: quartersPerDay,
          },
        ),
      ),
    );
  const floors = await openFloors(road.url, (round) => blocksOf(round).flat());
  try {
    const readingsPerRound = shards * metersPerBatch * days * quartersPerDay;
    const roadSide = {
      name: side,
      run: (round: number) => {
        const batches = blocksOf(round).map((blocks, shard) =>
          blocks.map((block) => road.edges[shard].sign(block)),
        );
        return timed(readingsPerRound, async () => {
          await Promise.all(batches.map((ones, shard) => commitAndRate(road, shard, ones)));
        });
      },
    };
    const rates = await sideBySide([roadSide, floors.rowCopy], {
      rounds,
      onProgress: place.onProgress,
    });
    let chargedMicros = 0n;
    for (let index = 0; index < metersPerShard; index += 1) {
      chargedMicros += BigInt(shards) * costOfSteps(index, days * quartersPerDay - 1);
    }
    const readings = shards * metersPerShard * days * quartersPerDay;
    const verified = await verifyBooks(road, { readings, chargedMicros });
    const line = { side, unit: 'readings/s', verified, against: floors.rowCopy.name };
    const name = `back-fill to rated and posted, ${shards} shard${shards === 1 ? '' : 's'}`;
    return [compare(rates, { ...line, name, target: 2.5 })];
  } finally {
    await floors.close();
    await road.close();
  }
}
