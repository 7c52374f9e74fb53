import { openFloors } from './floors.ts';
import type { Place } from './place.ts';
import { blockOf, stepWhOf } from './readings.ts';
import { commitAndRate, openRoad, verifyBooks } from './road.ts';
import type { Road } from './road.ts';
import { compare, sideBySide, timed } from './sideBySide.ts';
import type { Result } from './sideBySide.ts';

export type LiveSize = { meters: number; minutesPerRound: number; rounds: number };

/** A quarter of an hour a round: each round crosses one slot boundary. */
export const liveSize: LiveSize = { meters: 10_000, minutesPerRound: 15, rounds: 5 };

const side = 'live';
/** By day the tariff of the fleet asks 0.30 a kWh. */
const dayMicrosPerWh = 300n;

/** Each batch is rated and posted before the next one arrives: the load of a quiet system. */
async function oneByOne(road: Road, batches: readonly Uint8Array[]): Promise<void> {
  for (const carried of batches) {
    await road.commit(carried);
    await road.rate(0);
  }
}

type Drive = {
  readonly database: string;
  readonly name: string;
  readonly drive: (road: Road, batches: readonly Uint8Array[]) => Promise<void>;
};

const drives: readonly Drive[] = [
  { database: 'live', name: 'live, one batch at a time', drive: oneByOne },
  // As many as can be carried: the rater takes what has queued during its last commit.
  {
    database: 'live_queued',
    name: 'live, as fast as it goes',
    drive: (road, batches) => commitAndRate(road, 0, batches),
  },
];

/** One reading of each meter a batch, minute by minute, to rated and posted. */
export async function live(place: Place, size: LiveSize): Promise<Result[]> {
  const results: Result[] = [];
  for (const drive of drives) results.push(...(await measure(place, size, drive)));
  return results;
}

async function measure(
  place: Place,
  { meters, minutesPerRound, rounds }: LiveSize,
  { database, name, drive }: Drive,
): Promise<Result[]> {
  const road = await openRoad(place, { name: database, meters });
  // 11:07 in Berlin; the rounds end before the night price begins at 22:00.
  const beat = {
    meterIds: road.edges[0].meterIds,
    startMs: Date.UTC(2026, 0, 15, 10, 7),
    stepMs: 60_000,
  };
  const blocksOf = (round: number) =>
    Array.from({ length: minutesPerRound }, (_, minute) =>
      blockOf(beat, {
        from: 0,
        to: meters,
        firstStep: round * minutesPerRound + minute,
        steps: 1,
      }),
    );
  const floors = await openFloors(road.url, blocksOf);
  try {
    const roadSide = {
      name: side,
      run: (round: number) => {
        const batches = blocksOf(round).map((block) => road.edges[0].sign(block));
        return timed(meters * minutesPerRound, () => drive(road, batches));
      },
    };
    const sides = [roadSide, floors.rowCopy, floors.drizzleInsert];
    const rates = await sideBySide(sides, { rounds, onProgress: place.onProgress });
    const minutes = minutesPerRound * (rounds + 1);
    let energyWh = 0;
    for (let index = 0; index < meters; index += 1) energyWh += stepWhOf(index) * (minutes - 1);
    const chargedMicros = BigInt(energyWh) * dayMicrosPerWh;
    const verified = await verifyBooks(road, { readings: meters * minutes, chargedMicros });
    const line = { side, unit: 'readings/s', verified };
    return [
      { name, against: floors.rowCopy.name, target: 1 },
      { name: `${name}, over rows alone`, against: floors.drizzleInsert.name, target: 15 },
    ].map((each) => compare(rates, { ...line, ...each }));
  } finally {
    await floors.close();
    await road.close();
  }
}
