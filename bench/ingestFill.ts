import { systemBusClock } from '../src/devices/busClock.ts';
import { assert } from '../src/domain/assert.ts';
import { createIntake } from '../src/ingest/intake.ts';
import { commitBatches } from '../src/operations/commitBatches.ts';
import { costOfSteps } from './backFill.ts';
import { openFloors } from './floors.ts';
import type { Place } from './place.ts';
import { blockOf } from './readings.ts';
import { openRoad, verifyBooks } from './road.ts';
import type { Road } from './road.ts';
import { compare, shown, sideBySide, spreadOf, timed } from './sideBySide.ts';
import type { Rates, Result } from './sideBySide.ts';

export type IngestFillSize = {
  readonly metersPerBatch: number;
  readonly batchesPerRound: number;
  /** Fleets that each fill whole days, with how many rounds after the warm-up. */
  readonly fleets: readonly { readonly meters: number; readonly rounds: number }[];
};

/** 96 quarter hours of 100 meters a batch, 960,000 readings a round, 9.6 million in the last. */
export const ingestFillSize: IngestFillSize = {
  metersPerBatch: 100,
  batchesPerRound: 100,
  fleets: [
    { meters: 1_000, rounds: 4 },
    { meters: 10_000, rounds: 4 },
    { meters: 100_000, rounds: 9 },
  ],
};

const side = 'intake to posted';
const quarterMs = 900_000;
const quartersPerDay = 96;
/** Of a gateway's stream over HTTP: so many batches wait for their receipts. */
const underwayMax = 32;

type Cut = { readonly from: number; readonly day: number };

/** The `n`-th batch of a fleet: group after group of its meters, then the next day. */
function cutOf(n: number, { meters, metersPerBatch }: { meters: number; metersPerBatch: number }) {
  const groups = meters / metersPerBatch;
  return { from: (n % groups) * metersPerBatch, day: Math.floor(n / groups) };
}

/** Through the queue of the intake in groups, and rated as it comes in. */
async function fill(road: Road, batches: readonly Uint8Array[]): Promise<void> {
  const clock = systemBusClock();
  let bell = Promise.withResolvers<void>();
  let isCommitted = false;
  const intake = createIntake({
    commit: (carried) => commitBatches({ sql: road.database.sql, clock: road.clock }, carried),
    clock,
    onCommitted: () => bell.resolve(),
    report: ({ error }) => {
      throw error;
    },
  });
  const send = async (carried: Uint8Array): Promise<void> => {
    for (;;) {
      const offered = intake.offer(carried, 'bench');
      if (offered === 'full') {
        await intake.whenRoom();
        continue;
      }
      const result = await offered;
      assert(result.kind === 'answered' && result.answer.ok, 'a batch of the bench is accepted');
      return;
    }
  };
  const sends = async (): Promise<void> => {
    const underway = new Set<Promise<void>>();
    for (const carried of batches) {
      if (underway.size >= underwayMax) await Promise.race(underway);
      const sent = send(carried).finally(() => underway.delete(sent));
      underway.add(sent);
    }
    await Promise.all(underway);
    isCommitted = true;
    bell.resolve();
  };
  const rates = async (): Promise<void> => {
    for (;;) {
      const isLast = isCommitted;
      bell = Promise.withResolvers<void>();
      if (await road.rate(0)) continue;
      if (isLast) return;
      if (!isCommitted) await bell.promise;
    }
  };
  await Promise.all([sends(), rates()]);
  await intake.stop();
}

type Filled = {
  readonly rates: Rates;
  readonly rssMb: readonly number[];
  readonly verified: string;
};

async function fillFleet(
  place: Place,
  { metersPerBatch, batchesPerRound }: IngestFillSize,
  { meters, rounds }: IngestFillSize['fleets'][number],
): Promise<Filled> {
  const road = await openRoad(place, { name: `fill_${meters}`, meters, compression: 'zstd' });
  const [edge] = road.edges;
  const beat = { meterIds: edge.meterIds, startMs: Date.UTC(2026, 0, 1), stepMs: quarterMs };
  const cutsOf = (round: number): readonly Cut[] =>
    Array.from({ length: batchesPerRound }, (_, at) =>
      cutOf(round * batchesPerRound + at, { meters, metersPerBatch }),
    );
  const blocksOf = (round: number) =>
    cutsOf(round).map(({ from, day }) =>
      blockOf(beat, {
        from,
        to: from + metersPerBatch,
        firstStep: day * quartersPerDay,
        steps: quartersPerDay,
      }),
    );
  const floors = await openFloors(road.url, blocksOf);
  const rssMb: number[] = [];
  try {
    const readingsPerRound = batchesPerRound * metersPerBatch * quartersPerDay;
    const roadSide = {
      name: side,
      run: async (round: number) => {
        const batches = blocksOf(round).map((block) => edge.sign(block));
        const took = await timed(readingsPerRound, () => fill(road, batches));
        rssMb.push(process.memoryUsage().rss / 1_048_576);
        return took;
      },
    };
    const rates = await sideBySide([roadSide, floors.rowCopy], {
      rounds,
      onProgress: (line) => place.onProgress(`${shown(meters)} meters  ${line}`),
    });
    let chargedMicros = 0n;
    const steps = new Map<number, number>();
    for (let round = 0; round <= rounds; round += 1) {
      for (const { from } of cutsOf(round)) {
        for (let index = from; index < from + metersPerBatch; index += 1) {
          steps.set(index, (steps.get(index) ?? -1) + quartersPerDay);
        }
      }
    }
    for (const [index, each] of steps) chargedMicros += costOfSteps(index, each);
    const readings = readingsPerRound * (rounds + 1);
    const verified = await verifyBooks(road, { readings, chargedMicros });
    return { rates, rssMb, verified };
  } finally {
    await floors.close();
    await road.close();
  }
}

/**
 * Whole days of the past through the intake to rated and posted, for fleets of three sizes: what a
 * reading costs must not grow with the fleet, nor with what is stored already, nor the memory.
 */
export async function ingestFill(place: Place, size: IngestFillSize): Promise<Result[]> {
  const results: Result[] = [];
  const medians: number[] = [];
  for (const fleet of size.fleets) {
    const { rates, rssMb, verified } = await fillFleet(place, size, fleet);
    const own = rates.get(side) ?? [];
    medians.push(spreadOf(own).median);
    const line = { side, unit: 'readings/s', verified, against: 'row COPY' };
    const name = `${shown(fleet.meters)} meters`;
    results.push(compare(rates, { ...line, name: `intake to posted, ${name}`, target: 2.5 }));
    const blank = { ratio: null, ratioMin: null, ratioMax: null, verified };
    results.push({
      ...blank,
      name: `memory of the process after the fill, ${name}`,
      value: rssMb.at(-1) ?? Number.NaN,
      unit: 'MB',
      against: rssMb[0] ?? Number.NaN,
      againstName: 'MB after the warm-up',
      target: null,
    });
    results.push({
      ...blank,
      name: `cost of a reading, last round over first, ${name}`,
      value: (own[0] ?? Number.NaN) / (own.at(-1) ?? Number.NaN),
      unit: 'times',
      against: null,
      againstName: null,
      target: 1.15,
    });
  }
  const blank = { ratio: null, ratioMin: null, ratioMax: null, against: null, againstName: null };
  results.push({
    ...blank,
    name: 'cost of a reading, largest fleet over smallest',
    value: (medians[0] ?? Number.NaN) / (medians.at(-1) ?? Number.NaN),
    unit: 'times',
    target: 1.15,
    verified: 'as above',
  });
  return results;
}
