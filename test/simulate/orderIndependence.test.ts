import fc from 'fast-check';
import { expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import { BatchMaker } from '../support/build/edge.ts';
import type { TestReading } from '../support/build/edge.ts';
import { buildFleet, dayNightTariff } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';

const minuteMs = 60_000;
/** The turn of March into April and Berlin's clock change lie within the three days after it. */
const startMs = Date.UTC(2026, 2, 28, 20);
const clock = { nowMs: () => startMs + 90 * 86_400_000 };
const meters = 2;

type Drawn = { readonly minute: number; readonly wh: number; readonly quality: number };
/** Batches of some readings, of which the last word on an instant may come first. */
type History = readonly (readonly Drawn[])[];
/** When what arrives: indexes of batches, in calls; between two calls the rater may run. */
type Arrivals = readonly { readonly batches: readonly number[]; readonly isRated: boolean }[];

const reading = fc
  .record({
    minute: fc.oneof(
      fc.integer({ min: 0, max: 4_000 }),
      fc.integer({ min: 0, max: 266 }).map((slot) => slot * 15),
    ),
    /** A register that grows, and now and then a reading that cannot be. */
    noise: fc.oneof(
      { weight: 12, arbitrary: fc.integer({ min: 0, max: 90 }) },
      { weight: 1, arbitrary: fc.constantFrom(-5_000, 500_000) },
    ),
    quality: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ minute, noise, quality }): Drawn => {
    const wh = Math.max(0, 40 * minute + noise);
    return { minute, wh, quality };
  });

const histories: fc.Arbitrary<History> = fc.array(
  fc.array(reading, { minLength: 1, maxLength: 14 }),
  { minLength: 3, maxLength: 9 },
);

/** Every batch at least once, some of them again, in any order and any grouping. */
function arrivalsOf(count: number): fc.Arbitrary<Arrivals> {
  const all = Array.from({ length: count }, (_, index) => index);
  return fc
    .tuple(
      fc.shuffledSubarray(all, { minLength: count, maxLength: count }),
      fc.array(fc.integer({ min: 0, max: count - 1 }), { maxLength: count }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean()), { minLength: 2 * count }),
    )
    .map(([order, again, cuts]) => {
      const queue = [...order, ...again];
      const calls: { batches: number[]; isRated: boolean }[] = [];
      for (const [size, isRated] of cuts) {
        if (queue.length === 0) break;
        calls.push({ batches: queue.splice(0, size), isRated });
      }
      return [...calls, { batches: queue, isRated: true }];
    });
}

const cases = histories.chain((history) =>
  fc.record({ history: fc.constant(history), arrivals: arrivalsOf(history.length) }),
);

let worlds = 0;

/** What the database holds once the arrivals are rated. */
async function booksAfter(document: unknown, history: History, arrivals: Arrivals) {
  worlds += 1;
  const fresh = await freshDatabase(`order_${worlds}`);
  const name = 'order independence';
  const database = await connect(fresh.url, { role: 'joulebook_writer', connectionsMax: 2, name });
  const { sql } = database;
  try {
    const versions = [{ validFromMs: 0, document }];
    const fleet = await buildFleet(sql, { meters, versions });
    const maker = new BatchMaker(fleet.edge, { edgeId: fleet.edgeId });
    const signed = history.map((batch) =>
      maker.readings(
        batch.flatMap(({ minute, wh, quality }) =>
          [...fleet.meters.values()].map((meterId): TestReading => {
            return { meterId, atMs: startMs + minute * minuteMs, wh: wh + meterId, quality };
          }),
        ),
      ),
    );
    const memory = createRatingMemory();
    const deps = {
      sql,
      clock,
      memory,
      rate: async (job: Parameters<typeof rateJob>[0]) => rateJob(job),
    };
    for (const { batches, isRated } of arrivals) {
      const answers = await commitBatches(
        deps,
        batches.map((index) => signed[index]),
      );
      for (const answer of answers) expect(answer).toMatchObject({ ok: true });
      if (isRated) await rateReadings(deps, { shard: 0 });
    }
    while ((await rateReadings(deps, { shard: 0 })).more);
    const days = await sql`
      select meter_id, day, encode(bytes, 'hex') as bytes, encode(carry_in, 'hex') as carry_in
      from series_day order by meter_id, day`;
    const heads = await sql`
      select meter_id, encode(carry, 'hex') as carry, encode(newest, 'hex') as newest
      from series_head order by meter_id`;
    const charges = await sql`
      select meter_id, period_start, tariff_version_id, encode(accumulator, 'hex') as accumulator,
             energy_wh, amount_micros, open_until, carry_in, carry_out
      from charge where energy_wh <> 0 or amount_micros <> 0 order by meter_id, period_start`;
    const balances = await sql`select account_id, balance_micros from account_balance order by 1`;
    return { days: [...days], heads: [...heads], charges: [...charges], balances: [...balances] };
  } finally {
    await database.close();
    await fresh.drop();
  }
}

/** Everything that goes on with time, from bill to bill, or looks at windows and estimates. */
const everyKind = {
  ...dayNightTariff,
  components: [
    {
      kind: 'energy',
      name: 'tiered',
      flow: 'import',
      price: [{ upTo: '5', price: '0.11' }, { price: '0.29' }],
      tiers: { unit: 'kWh', reset: 'year', allocation: 'chronological' },
    },
    {
      kind: 'demand',
      name: 'peak',
      unit: 'kW',
      windowMinutes: 60,
      measure: { meanOfTop: 3, each: 'day' },
      price: '4.5',
      ratchets: [{ percent: '80', months: 11 }],
    },
    { kind: 'fixed', name: 'standing', amount: '0.37', per: 'day' },
    { kind: 'tax', name: 'tax', percent: '19', of: 'subtotal' },
  ],
  rounding: { line: { step: '0.01', mode: 'half-up' } },
};

test.each([
  ['a plain tariff', dayNightTariff],
  ['one of every kind', everyKind],
])('batches in any order and grouping leave identical books: %s', async (_, document) => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ history, arrivals }) => {
      const inOrder = history.map((_, index) => ({ batches: [index], isRated: true }));
      const expected = await booksAfter(document, history, inOrder);
      expect(await booksAfter(document, history, arrivals)).toEqual(expected);
    }),
    { numRuns: 6 },
  );
});
