import { connect } from '../src/db/connect.ts';
import type { Database } from '../src/db/connect.ts';
import { ensureLogPartitions } from '../src/db/log.ts';
import { assert } from '../src/domain/assert.ts';
import { parseEdgeId } from '../src/domain/ids.ts';
import { rateJob } from '../src/domain/rating/job.ts';
import { commitBatches } from '../src/operations/commitBatches.ts';
import { createRatingMemory } from '../src/operations/rating/registry.ts';
import { rateReadings } from '../src/operations/rateReadings.ts';
import type { RateDeps } from '../src/operations/rateReadings.ts';
import type { RegisterBlock } from '../src/wire/batch.ts';
import type { Compression } from '../src/wire/envelope.ts';
import { encodeReceipt, signReceipt } from '../src/wire/receipt.ts';
import { BatchMaker, testEdge } from '../test/support/build/edge.ts';
import { buildFleet } from '../test/support/build/fleet.ts';
import type { Place } from './place.ts';

/** One edge of a company of its own, with its meters. */
export type RoadEdge = {
  readonly shard: number;
  readonly meterIds: readonly number[];
  sign(block: RegisterBlock): Uint8Array;
};

/** The production operations on a fleet, an edge a shard, with a key that signs the receipts. */
export type Road = {
  readonly url: string;
  readonly database: Database;
  readonly clock: { nowMs(): number };
  readonly edges: readonly RoadEdge[];
  /** One commit; returns the signed receipt that the edge waits for. */
  commit(carried: Uint8Array): Promise<Uint8Array>;
  /** One step of rating; false when there was nothing to do. */
  rate(shard: number): Promise<boolean>;
  close(): Promise<void>;
};

/** After every reading of the benches: they are not in the future when they arrive. */
const receivedAtMs = Date.UTC(2026, 5, 1);

export async function openRoad(
  place: Place,
  given: { name: string; meters: number; shards?: number; compression?: Compression },
): Promise<Road> {
  const { name, meters, shards = 1, compression = 'none' } = given;
  const url = await place.freshDatabase(name);
  const database = await connect(url, { role: 'joulebook_writer', connectionsMax: 8, name });
  const clock = { nowMs: () => receivedAtMs };
  await ensureLogPartitions(database.sql, { nowMs: receivedAtMs, days: 1 });
  const edges: RoadEdge[] = [];
  for (let shard = 0; shard < shards; shard += 1) {
    const shape = { company: `Bench ${shard}`, meters, logShard: shard };
    const fleet = await buildFleet(database.sql, shape);
    const maker = new BatchMaker(fleet.edge, { edgeId: fleet.edgeId, compression });
    const meterIds = [...fleet.meters.values()];
    edges.push({ shard, meterIds, sign: (block) => maker.sign([block]) });
  }
  const head = testEdge();
  const depsOf: RateDeps[] = edges.map(() => ({
    sql: database.sql,
    clock,
    rate: async (job) => rateJob(job),
    memory: createRatingMemory(),
  }));
  return {
    url,
    database,
    clock,
    edges,
    commit: async (carried) => {
      const [answer] = await commitBatches({ sql: database.sql, clock }, [carried]);
      assert(answer.ok, 'a batch of the bench is accepted');
      const edgeId = parseEdgeId(answer.value.edgeId);
      assert(edgeId.ok, 'the log knows its edges');
      const { epoch, sequence, hash, state, position } = answer.value;
      const receipt = encodeReceipt({
        edgeId: edgeId.value,
        epoch,
        stream: 'billing',
        sequence,
        hash,
        state,
        position,
        code: null,
        contiguous: sequence,
        missing: [],
      });
      return signReceipt(receipt, head);
    },
    rate: async (shard) => (await rateReadings(depsOf[shard], { shard })).batches > 0,
    close: () => database.close(),
  };
}

export type Books = {
  readonly readings: bigint;
  readonly chargedMicros: bigint;
  readonly postedMicros: bigint;
  readonly balanceMicros: bigint;
  readonly exceptions: bigint;
};

/** What the road left behind, summed by Postgres. */
export async function readBooks({ database }: Road): Promise<Books> {
  const [row] = await database.sql<[Books]>`
    select coalesce((select sum(reading_count) from batch_log), 0)::int8 as readings,
           coalesce((select sum(amount_micros) from charge), 0)::int8 as "chargedMicros",
           coalesce((select sum(amount_micros) from transfer), 0)::int8 as "postedMicros",
           coalesce((select sum(balance_micros) from account_balance), 0)::int8 as "balanceMicros",
           (select count(*) from reading_exception)::int8 as exceptions`;
  return row;
}

/**
 * @throws unless charges, transfers and balances all say what was expected; then what is true.
 */
export async function verifyBooks(
  road: Road,
  expected: { readings: number; chargedMicros: bigint },
): Promise<string> {
  const books = await readBooks(road);
  const { chargedMicros } = expected;
  const isRight =
    books.readings === BigInt(expected.readings) &&
    books.exceptions === 0n &&
    books.chargedMicros === chargedMicros &&
    books.postedMicros === chargedMicros &&
    books.balanceMicros === -chargedMicros;
  if (!isRight) {
    const found = Object.entries(books).map(([key, value]) => `${key} ${value}`);
    throw new Error(
      `BENCH_RESULT_WRONG: ${expected.readings} readings should cost ${chargedMicros} micros, ` +
        `found ${found.join(', ')}. The figures of this run are worth nothing.`,
    );
  }
  return `${expected.readings} readings, ${chargedMicros} micros charged, posted and owed`;
}

/**
 * Commits and rates at the same time, as a running process does: the rater takes what has been
 * committed since its last step. `batches` are those of one shard.
 */
export async function commitAndRate(
  road: Road,
  shard: number,
  batches: readonly Uint8Array[],
): Promise<void> {
  let isCommitted = false;
  let bell = Promise.withResolvers<void>();
  const commits = async () => {
    for (const carried of batches) {
      await road.commit(carried);
      bell.resolve();
    }
    isCommitted = true;
    bell.resolve();
  };
  const rates = async () => {
    for (;;) {
      const isLast = isCommitted;
      bell = Promise.withResolvers<void>();
      if (await road.rate(shard)) continue;
      if (isLast) return;
      if (!isCommitted) await bell.promise;
    }
  };
  await Promise.all([commits(), rates()]);
}
