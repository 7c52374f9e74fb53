import fc from 'fast-check';
import { expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { powerOutage } from '../../src/domain/series/meterEvent.ts';
import { estimationRules } from '../../src/domain/vee/ruleName.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import type { RateDeps } from '../../src/operations/rateReadings.ts';
import { BatchMaker, importBlock } from '../support/build/edge.ts';
import { buildFleet, dayNightTariff } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';

const slotMs = 900_000;
/** The turn of March into April and Berlin's clock change lie within the days after it. */
const startMs = Date.UTC(2026, 2, 28);
const slots = 5 * 96;
const clock = { nowMs: () => startMs + 90 * 86_400_000 };

/** Readings of some quarter hours in a row; their own energies (channel 257); or an outage. */
type Piece =
  | { readonly kind: 'read'; readonly slot: number; readonly count: number; readonly offMs: number }
  | { readonly kind: 'outage'; readonly slot: number; readonly count: number }
  | { readonly kind: 'interval'; readonly slot: number; readonly count: number };

const pieces: fc.Arbitrary<readonly Piece[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('read' as const),
        slot: fc.integer({ min: 0, max: slots - 1 }),
        count: fc.integer({ min: 1, max: 70 }),
        offMs: fc.constantFrom(0, 0, 40_000, 700_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('outage' as const, 'interval' as const),
        slot: fc.integer({ min: 0, max: slots - 1 }),
        count: fc.integer({ min: 1, max: 12 }),
      }),
    },
  ),
  { minLength: 6, maxLength: 14 },
);

/** A day's energy has a shape, and no two days the same one. */
function slotWh(slot: number): number {
  return 20 + 2 * (slot % 96) + ((slot * 7_919) % 17);
}

function registerAt(atMs: number): number {
  const whole = Math.floor((atMs - startMs) / slotMs);
  let wh = 1_000;
  for (let slot = 0; slot < whole; slot += 1) wh += slotWh(slot);
  const partMs = atMs - startMs - whole * slotMs;
  return wh + Math.floor((slotWh(whole) * partMs) / slotMs);
}

/** By the mean of the days before where there are some, else by the slots beside it. */
const document = {
  customerClass: 'community',
  estimation: {
    order: ['adjustmentFromScalar', 'subtractiveAdjustment', 'averaging', 'interpolation'],
    averaging: { days: 3, daysMin: 1 },
  },
  rules: { highLow: { historyDaysMin: 1, outcome: 'hold' } },
};

const cases = pieces.chain((history) =>
  fc.record({
    history: fc.constant(history),
    order: fc.shuffledSubarray([...history.keys()], { minLength: history.length }),
    again: fc.array(fc.nat(history.length - 1), { maxLength: 4 }),
    /** After so many batches the rater runs. */
    steps: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 14, maxLength: 18 }),
  }),
);

let worlds = 0;

async function booksAfter(
  history: readonly Piece[],
  { order, steps }: { order: readonly number[]; steps: readonly number[] },
) {
  worlds += 1;
  const fresh = await freshDatabase(`estimates_${worlds}`);
  const name = 'estimates';
  const database = await connect(fresh.url, { role: 'joulebook_writer', connectionsMax: 2, name });
  const { sql } = database;
  try {
    const versions = [{ validFromMs: 0, document: dayNightTariff }];
    const fleet = await buildFleet(sql, { meters: 1, versions });
    const [meterId] = fleet.meters.values();
    await sql`
      insert into vee_set (company_id, customer_class, valid_from, document, author, recorded_at)
      select company_id, 'community', '2000-01-01Z', ${JSON.stringify(document)}::text::jsonb,
             'test', now() from meter`;
    const maker = new BatchMaker(fleet.edge, { edgeId: fleet.edgeId });
    const signed = history.map((piece) => {
      const atMs = startMs + piece.slot * slotMs;
      if (piece.kind === 'outage') {
        return maker.sign([], startMs, [], {
          code: Int32Array.of(powerOutage),
          meterId: Int32Array.of(meterId),
          fromMs: Float64Array.of(atMs),
          toMs: Float64Array.of(atMs + piece.count * slotMs),
        });
      }
      if (piece.kind === 'interval') {
        const block = importBlock(
          Array.from({ length: piece.count }, (_, at) => ({
            meterId,
            atMs: atMs + at * slotMs,
            wh: slotWh(piece.slot + at - 1),
          })),
        );
        return maker.sign([{ ...block, channel: 257 }]);
      }
      const instants = Array.from({ length: piece.count }, (_, at) => {
        return atMs + at * slotMs + piece.offMs;
      });
      return maker.sign([
        importBlock(instants.map((each) => ({ meterId, atMs: each, wh: registerAt(each) }))),
      ]);
    });
    const memory = createRatingMemory();
    const deps: RateDeps = { sql, clock, memory, rate: async (job) => rateJob(job) };
    const queue = [...order];
    for (const size of steps) {
      const taken = queue.splice(0, size);
      if (taken.length === 0) break;
      await commitBatches(
        deps,
        taken.map((index) => signed[index]),
      );
      await rateReadings(deps, { shard: 0 });
    }
    if (queue.length > 0) {
      await commitBatches(
        deps,
        queue.map((index) => signed[index]),
      );
    }
    while ((await rateReadings(deps, { shard: 0 })).more);
    const days = await sql`
      select channel, day, encode(bytes, 'hex') as bytes, encode(carry_in, 'hex') as carry_in
      from series_day order by channel, day`;
    const heads = await sql`
      select channel, encode(carry, 'hex') as carry, encode(newest, 'hex') as newest
      from series_head order by 1`;
    const charges = await sql`
      select period_start, encode(accumulator, 'hex') as accumulator, energy_wh, amount_micros,
             open_until
      from charge where energy_wh <> 0 or amount_micros <> 0 order by period_start`;
    const balances = await sql`select balance_micros from account_balance order by 1`;
    // That a final value was replaced tells of an order of arrival, and of nothing else.
    const decisions = await sql`
      select from_at, to_at, rule, outcome, message, detail from vee_decision
      where withdrawn_at is null and rule <> 'finalReplacement'
      order by from_at, to_at, rule, message`;
    const holds = await sql`select period_start, code, message from charge_hold order by 1`;
    const books = { days, heads, charges, balances, decisions, holds };
    return Object.fromEntries(Object.entries(books).map(([what, rows]) => [what, [...rows]]));
  } finally {
    await database.close();
    await fresh.drop();
  }
}

type Case = {
  readonly history: readonly Piece[];
  readonly order: number[];
  readonly again: number[];
  readonly steps: number[];
};

function read(slot: number, count: number): Piece {
  return { kind: 'read', slot, count, offMs: 0 };
}

/** What the cases must show whatever chance brings, with the one rule that estimates each. */
const shown = [
  {
    rule: 'averaging',
    // Two days are whole when the gap of the third begins.
    history: [read(0, 70), read(70, 70), read(140, 70), read(230, 31)],
    order: [3, 1, 0, 2],
  },
  // Nothing is known of any slot, before the gap or beside it.
  { rule: 'createForGap', history: [read(0, 1), read(20, 1)], order: [1, 0] },
] as const;
/** By history, the rules of the estimates in its books. */
const estimatesSeen = new Map<unknown, Set<unknown>>();

test('estimates of gaps do not depend on what came first', async () => {
  const rules = new Set<unknown>(Object.keys(estimationRules));
  await fc.assert(
    fc.asyncProperty(cases, async ({ history, order, again, steps }) => {
      const inOrder = [...history.keys()];
      const expected = await booksAfter(history, { order: inOrder, steps: inOrder.map(() => 1) });
      const seen = (expected['decisions'] ?? []).map((row): unknown => row['rule']);
      estimatesSeen.set(history, new Set(seen.filter((rule) => rules.has(rule))));
      expect(await booksAfter(history, { order: [...order, ...again], steps })).toEqual(expected);
    }),
    {
      numRuns: shown.length + Number(process.env['ESTIMATE_RUNS'] ?? 6),
      endOnFailure: true,
      examples: shown.map(({ history, order }): [Case] => [
        { history, order: [...order], again: [0], steps: [1, 2, 1, 4] },
      ]),
    },
  );
  // The cases are worth something: gaps are laid out by the days before, and by the even line.
  expect(shown.map(({ history }) => estimatesSeen.get(history))).toEqual(
    shown.map(({ rule }) => new Set([rule])),
  );
}, 300_000);
