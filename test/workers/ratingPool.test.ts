import { afterAll, describe, expect, test } from 'vitest';
import { assert } from '../../src/domain/assert.ts';
import { inlineFoldedSlotsMax } from '../../src/domain/limits.ts';
import { compileTariff } from '../../src/domain/rating/compile.ts';
import { rateJob, sharedJob } from '../../src/domain/rating/job.ts';
import type { RatingJob } from '../../src/domain/rating/job.ts';
import { parseTariffDocument } from '../../src/domain/tariff/document.ts';
import { openRatingPool } from '../../src/workers/ratingPool.ts';
import { flatTariff } from '../operations/smallFleet.ts';

const pool = openRatingPool({ threads: 2, inlineSlots: 96, rangeSlots: 200 });
afterAll(() => pool.close());

const fromMs = Date.UTC(2026, 0, 1);

function compiled(document: unknown) {
  const parsed = parseTariffDocument(document);
  assert(parsed.ok, 'the sample is a tariff');
  const window = { zone: 'UTC', fromMs, toMs: fromMs + 30 * 86_400_000 };
  const table = compileTariff(parsed.value, window);
  assert(table.ok, 'the sample compiles');
  return table.value;
}

const table = compiled(flatTariff('0.30'));
/** The highest quarter hour is no sum. */
const demandTable = compiled({
  currency: 'EUR',
  components: [
    {
      kind: 'demand',
      name: 'demand',
      unit: 'kW',
      windowMinutes: 15,
      measure: 'max',
      price: '10',
    },
  ],
});

/** `agreements` times 96 slots of 1, 2, 3 ... Wh, with one slot of each missing. */
function sampleJob(agreements: number): RatingJob {
  const slotWh = Float64Array.from({ length: agreements * 96 }, (_, slot) =>
    slot % 96 === 5 ? Number.NaN : slot + 1,
  );
  return {
    import: slotWh,
    export: null,
    reactive: null,
    estimated: null,
    hasReactive: null,
    offsets: Int32Array.from({ length: agreements + 1 }, (_, index) => index * 96),
    firstSlot: new Float64Array(agreements).fill(fromMs / 900_000),
    tableIndex: new Int32Array(agreements),
    tables: [table],
  };
}

describe('the rating pool', () => {
  test('rates small jobs in place and large ones on threads, to the same result', async () => {
    const small = await pool.rate(sampleJob(1));
    expect(pool.stats()).toMatchObject({ inline: 1, pooled: 0 });
    // 1 + 2 + ... + 96 without the sixth slot.
    expect([...small.sums]).toEqual([4656 - 6]);
    expect([...small.missingSlots]).toEqual([1]);
    const large = await pool.rate(sampleJob(200));
    expect(pool.stats()).toMatchObject({ inline: 1, pooled: 1 });
    expect(large).toEqual(rateJob(sampleJob(200)));
  });

  test('leaves the columns of a large job as they were', async () => {
    const job = sampleJob(2);
    await pool.rate(job);
    expect(job).toEqual(sampleJob(2));
  });

  test('rates columns in shared memory where they are', async () => {
    const job = sharedJob(sampleJob(30));
    expect(job.import.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(sharedJob(job).import).toBe(job.import);
    await expect(pool.rate(job)).resolves.toEqual(rateJob(sampleJob(30)));
  });

  test('answers many jobs at once, each with its own result', async () => {
    const sizes = Array.from({ length: 40 }, (_, index) => index + 2);
    const results = await Promise.all(sizes.map((size) => pool.rate(sampleJob(size))));
    expect(results.map((result) => result.ratedSlots.length)).toEqual(sizes);
  });

  test('tells of a broken job and goes on', async () => {
    const broken = { ...sampleJob(2), tableIndex: Int32Array.of(0, 7) };
    await expect(pool.rate(broken)).rejects.toThrow('every agreement of a job names one');
    await expect(pool.rate(sampleJob(2))).resolves.toMatchObject({
      ratedSlots: Int32Array.of(95, 95),
    });
  });

  test('sends jobs that fold windows to threads earlier than sums', async () => {
    const byDefault = openRatingPool({ threads: 2 });
    try {
      const job = sampleJob(Math.ceil(inlineFoldedSlotsMax / 96) + 1);
      await byDefault.rate(job);
      expect(byDefault.stats()).toMatchObject({ inline: 1, pooled: 0 });
      const folded = { ...job, tables: [demandTable] };
      const result = await byDefault.rate(folded);
      expect(byDefault.stats()).toMatchObject({ inline: 1, pooled: 1 });
      expect(result).toEqual(rateJob(folded));
      // The last quarter hour of each agreement is its highest, whichever thread it was on.
      const highestWh = result.folds?.map((folds) => folds?.peaks[0][0]);
      expect(highestWh).toEqual(Array.from(job.tableIndex, (_, at) => (at + 1) * 96));
    } finally {
      await byDefault.close();
    }
  });
});
