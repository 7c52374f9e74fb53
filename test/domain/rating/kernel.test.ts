import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AssertionBroken } from '../../../src/domain/assert.ts';
import {
  decodeAccumulator,
  encodeAccumulator,
} from '../../../src/domain/rating/accumulatorCodec.ts';
import type { CompiledTariff } from '../../../src/domain/rating/compiled.ts';
import { finish } from '../../../src/domain/rating/finish.ts';
import {
  accumulatorAt,
  emptyResult,
  rangesOf,
  rateJob,
  rateRange,
  sharedJob,
} from '../../../src/domain/rating/job.ts';
import type { RatingJob } from '../../../src/domain/rating/job.ts';
import { accumulate, emptyAccumulator, merge } from '../../../src/domain/rating/kernel.ts';
import type { Accumulator, SlotEnergies } from '../../../src/domain/rating/kernel.ts';
import {
  blocksDocument,
  closed,
  compiledMonth,
  dayNightEnergy,
  documentOf,
  foldedDocument,
} from './documents.ts';

const january = compiledMonth(documentOf([dayNightEnergy()]), '2026-01-15T00:00:00Z');
const march = compiledMonth(documentOf([dayNightEnergy()]), '2026-03-15T00:00:00Z');
const folded = compiledMonth(foldedDocument, '2026-01-15T00:00:00Z');
const blocks = compiledMonth(blocksDocument, '2026-01-15T00:00:00Z');

/** Mostly ordinary energies, with gaps and zeros. */
const slotWh = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 9_999 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, Number.NaN) },
);
type Drawn = { readonly units: readonly number[]; readonly flags: readonly boolean[] };
const drawnSlots: fc.Arbitrary<Drawn> = fc.integer({ min: 1, max: 240 }).chain((length) =>
  fc.record({
    units: fc.array(slotWh, { minLength: length * 6, maxLength: length * 6 }),
    flags: fc.array(
      fc.integer({ min: 0, max: 9 }).map((digit) => digit === 0),
      { minLength: length, maxLength: length },
    ),
  }),
);

function energiesOf({ units, flags }: Drawn, firstSlot: number): SlotEnergies {
  const length = flags.length;
  const column = (at: number): Float64Array =>
    Float64Array.from(units.slice(at * length, (at + 1) * length));
  return {
    import: column(0),
    export: column(1),
    reactive: { q1: column(2), q2: column(3), q3: column(4), q4: column(5) },
    estimated: Uint8Array.from(flags, Number),
    firstSlot,
  };
}

function pieceOf(energies: SlotEnergies, from: number, to: number): SlotEnergies {
  return { ...energies, offset: from, count: to - from, firstSlot: energies.firstSlot + from };
}

function bytesOf(accumulator: Accumulator): string {
  return Buffer.from(encodeAccumulator(accumulator)).toString('hex');
}

describe('accumulating', () => {
  test('agrees with a sum slot by slot for any part of the month', () => {
    const parts = fc.record({
      loads: fc.array(slotWh, { maxLength: 300 }),
      skip: fc.integer({ min: 0, max: 2_600 }),
    });
    fc.assert(
      fc.property(parts, ({ loads, skip }) => {
        const expected = new Float64Array(january.superPeriodCount);
        for (const [index, load] of loads.entries()) {
          const superPeriod = january.superPeriodOfSlot[skip + index];
          if (!Number.isNaN(load)) expected[superPeriod] += load;
        }
        const firstSlot = january.firstSlot + skip;
        const sums = accumulate(january, { import: Float64Array.from(loads), firstSlot });
        expect(sums.sums).toEqual(expected);
        expect(sums.missingSlots).toBe(loads.filter(Number.isNaN).length);
        expect(sums.ratedSlots).toBe(loads.length - sums.missingSlots);
      }),
      { numRuns: 200 },
    );
  });

  test('breaks rather than going wrong: beyond 2^53, negative, fractions, off the bill', () => {
    const broken = (units: number[], firstSlot = january.firstSlot): (() => unknown) => {
      return () => accumulate(january, { import: Float64Array.from(units), firstSlot });
    };
    expect(broken([2 ** 53 - 1])).not.toThrow();
    expect(broken([2 ** 53 - 1, 1])).toThrow(AssertionBroken);
    expect(broken([2 ** 52, 2 ** 52, 1, 1, 1, 1])).toThrow(AssertionBroken);
    expect(broken([1, 1, 1, 1, -1])).toThrow(AssertionBroken);
    expect(broken([-1, 1, 1, 1])).toThrow(AssertionBroken);
    expect(broken([0.5])).toThrow(AssertionBroken);
    expect(broken([Number.POSITIVE_INFINITY])).toThrow(AssertionBroken);
    expect(broken([1], january.firstSlot + 0.5)).toThrow(AssertionBroken);
    expect(broken([1], january.firstSlot - 1)).toThrow(AssertionBroken);
    expect(broken([1, 1], january.firstSlot + january.slotCount - 1)).toThrow(AssertionBroken);
    const large = accumulate(january, {
      import: Float64Array.of(2 ** 53 - 1),
      firstSlot: january.firstSlot,
    });
    expect(() => merge(january, large, large)).toThrow(AssertionBroken);
  });

  test('breaks on a slot that comes twice into a window', () => {
    const energies = { import: Float64Array.of(1, 1, 1), firstSlot: folded.firstSlot };
    const two = accumulate(folded, pieceOf(energies, 0, 2));
    const three = accumulate(folded, energies);
    // Both are of the first hour, which has four quarters and not five.
    expect(() => merge(folded, two, three)).toThrow(AssertionBroken);
  });
});

describe('merging', () => {
  const cuts = fc.array(fc.nat({ max: 240 }), { maxLength: 8 });
  const cases = fc.record({
    drawn: drawnSlots,
    skip: fc.integer({ min: 0, max: 2_700 }),
    cuts,
    order: fc.array(fc.nat(), { minLength: 10, maxLength: 10 }),
  });

  test.each([
    ['amounts of intervals, spot prices and demand', folded],
    ['blocks in time order, spot prices and demand', blocks],
  ])('gives the same whatever the parts and their order: %s', (_, compiled) => {
    fc.assert(
      fc.property(cases, ({ drawn, skip, cuts: wanted, order }) => {
        const energies = energiesOf(drawn, compiled.firstSlot + skip);
        const length = drawn.flags.length;
        const ends = [...new Set([...wanted.map((cut) => cut % length), length])]
          .toSorted((left, right) => left - right)
          .filter((end) => end > 0);
        let pieces = ends.map((end, index) =>
          accumulate(compiled, pieceOf(energies, index === 0 ? 0 : ends[index - 1], end)),
        );
        let step = 0;
        while (pieces.length > 1) {
          const pick = (): Accumulator => {
            const [taken] = pieces.splice(order[step % order.length] % pieces.length, 1);
            step += 1;
            return taken;
          };
          const joined = merge(compiled, pick(), pick());
          pieces = [joined, ...pieces];
          // Each survives storage.
          const stored = decodeAccumulator(compiled, encodeAccumulator(pieces[0]));
          expect(stored).toEqual({ ok: true, value: pieces[0] });
        }
        const [merged] = pieces;
        const whole = accumulate(compiled, energies);
        expect(bytesOf(merged)).toBe(bytesOf(whole));
        expect(finish(compiled, merged, closed)).toEqual(finish(compiled, whole, closed));
      }),
      { numRuns: 60 },
    );
  });

  test('with nothing changes nothing, and neither side is changed', () => {
    fc.assert(
      fc.property(drawnSlots, (drawn) => {
        const whole = accumulate(folded, energiesOf(drawn, folded.firstSlot));
        const before = bytesOf(whole);
        expect(bytesOf(merge(folded, whole, emptyAccumulator(folded)))).toBe(before);
        expect(bytesOf(merge(folded, emptyAccumulator(folded), whole))).toBe(before);
        expect(bytesOf(whole)).toBe(before);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a stored accumulator', () => {
  test('with other bytes is refused, and never thrown over', () => {
    const stored = encodeAccumulator(
      accumulate(folded, { import: Float64Array.of(5, 6, 7), firstSlot: folded.firstSlot }),
    );
    const altered = fc.tuple(fc.nat({ max: stored.length - 1 }), fc.nat({ max: 255 }));
    const changed = altered.map(([at, byte]) => {
      const bytes = stored.slice();
      bytes[at] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), changed), (bytes) => {
        const decoded = decodeAccumulator(folded, bytes);
        expect(decoded.ok ? 'ACCUMULATOR_MALFORMED' : decoded.code).toBe('ACCUMULATOR_MALFORMED');
      }),
      { numRuns: 500 },
    );
    const whole = encodeAccumulator(emptyAccumulator(january));
    expect(decodeAccumulator(january, whole).ok).toBe(true);
    expect(decodeAccumulator(january, whole.subarray(0, -1)).ok).toBe(false);
    expect(decodeAccumulator(folded, whole).ok).toBe(false);
    const negative = encodeAccumulator({
      ...emptyAccumulator(january),
      sums: Float64Array.of(-5, 0),
    });
    expect(decodeAccumulator(january, negative).ok).toBe(false);
  });
});

describe('a rating job', () => {
  const tables: readonly CompiledTariff[] = [january, march, folded, blocks];
  const agreements = fc.array(
    fc.record({
      table: fc.integer({ min: 0, max: 3 }),
      drawn: drawnSlots,
      skip: fc.integer({ min: 0, max: 2_700 }),
      isMetered: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  );

  test('of many agreements gives each what it gets alone', () => {
    fc.assert(
      fc.property(agreements, (drawn) => {
        const all = drawn.map(({ table, drawn: slots, skip }) =>
          energiesOf(slots, tables[table].firstSlot + skip),
        );
        const joined = (pick: (each: SlotEnergies) => Iterable<number>): number[] =>
          all.flatMap((each) => [...pick(each)]);
        const reactive = (flow: 'q1' | 'q2' | 'q3' | 'q4'): Float64Array =>
          Float64Array.from(joined((each) => each.reactive?.[flow] ?? []));
        const offsets = [0];
        for (const each of all) offsets.push(offsets[offsets.length - 1] + each.import.length);
        const job: RatingJob = {
          import: Float64Array.from(joined((each) => each.import)),
          export: Float64Array.from(joined((each) => each.export ?? [])),
          reactive: {
            q1: reactive('q1'),
            q2: reactive('q2'),
            q3: reactive('q3'),
            q4: reactive('q4'),
          },
          estimated: Uint8Array.from(joined((each) => each.estimated ?? [])),
          hasReactive: Uint8Array.from(drawn, ({ isMetered }) => Number(isMetered)),
          offsets: Int32Array.from(offsets),
          firstSlot: Float64Array.from(all.map((each) => each.firstSlot)),
          tableIndex: Int32Array.from(drawn.map(({ table }) => table)),
          tables,
        };
        const shared = sharedJob(job);
        expect(sharedJob(shared)).toEqual(shared);
        const result = structuredClone(rateJob(structuredClone(shared)));
        for (const [index, { table, isMetered }] of drawn.entries()) {
          const alone = {
            ...all[index],
            reactive: isMetered ? (all[index].reactive ?? null) : null,
          };
          expect(accumulatorAt(result, index)).toEqual(accumulate(tables[table], alone));
        }
        const inRanges = emptyResult(shared, { isShared: true });
        const cuts = rangesOf(shared, 40);
        const folds = cuts
          .slice(1)
          .map((to, at) => rateRange(shared, inRanges, { from: cuts[at], to }));
        expect({ ...inRanges, folds: folds[0] && folds.flat() }).toEqual(result);
      }),
      { numRuns: 40 },
    );
  });

  test('with columns that do not fit breaks', () => {
    const job: RatingJob = {
      import: new Float64Array(4),
      export: null,
      reactive: null,
      estimated: null,
      hasReactive: null,
      offsets: Int32Array.of(0, 5),
      firstSlot: Float64Array.of(january.firstSlot),
      tableIndex: Int32Array.of(0),
      tables,
    };
    expect(() => rateJob(job)).toThrow(AssertionBroken);
    expect(() => rateJob({ ...job, offsets: Int32Array.of(0, -1) })).toThrow(AssertionBroken);
    expect(() => rateJob({ ...job, offsets: Int32Array.of(0) })).toThrow(AssertionBroken);
    expect(() => rateJob({ ...job, tableIndex: Int32Array.of(4) })).toThrow(AssertionBroken);
  });
});
