import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionBroken } from '../../../src/domain/assert.ts';
import { emptyDay, mergeReadings, placesPerDay } from '../../../src/domain/series/day.ts';
import type { SeriesDay } from '../../../src/domain/series/day.ts';
import { decodeDay, encodeDay } from '../../../src/domain/series/dayCodec.ts';
import { gapSlots } from '../../../src/domain/series/gapShape.ts';
import type { GapShape } from '../../../src/domain/series/gapShape.ts';
import { offer, sampleDay, sampleDayMs, slotMs } from './readings.ts';
import type { TestReading } from './readings.ts';

/** Few instants, values and ranks, so that ties of every kind are frequent. */
const crowded: fc.Arbitrary<TestReading> = fc.record({
  atMs: fc
    .oneof(
      fc.integer({ min: 0, max: 7 }),
      fc.constantFrom(slotMs - 1, slotMs, slotMs + 1, 95 * slotMs, 96 * slotMs - 1),
    )
    .map((offsetMs) => sampleDayMs + offsetMs),
  wh: fc.integer({ min: -2, max: 3 }),
  quality: fc.constantFrom(0, 1, 2, 4),
  revision: fc.constantFrom(0, 0, 1, 2),
  epoch: fc.integer({ min: 1, max: 2 }),
  sequence: fc.integer({ min: 1, max: 2 }),
  row: fc.integer({ min: 0, max: 1 }),
});
const spread: fc.Arbitrary<TestReading> = fc.record({
  atMs: fc.integer({ min: 0, max: 86_399_999 }).map((offsetMs) => sampleDayMs + offsetMs),
  wh: fc.oneof(
    fc.integer({ min: 0, max: 1_000_000 }),
    fc.constantFrom(-(2 ** 50) + 1, 2 ** 50 - 1),
  ),
  quality: fc.integer({ min: 0, max: 2 }),
  revision: fc.constantFrom(0, 0, 0, 0, 1, 2_147_483_647),
  epoch: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(2_147_483_647)),
  sequence: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.constant(2 ** 50 - 1)),
  row: fc.integer({ min: 0, max: 20 }),
});
const readings = fc.array(fc.oneof(crowded, spread), { maxLength: 60 });

/** Gaps that end in the sample day, up to four days long. */
const shape: fc.Arbitrary<GapShape> = fc
  .record({
    toMs: fc.integer({ min: 0, max: 86_399_999 }).map((offsetMs) => sampleDayMs + offsetMs),
    lengthMs: fc.integer({ min: 1, max: 345_600_000 }),
    rule: fc.integer({ min: 1, max: 200 }),
    weight: fc.infiniteStream(
      fc.oneof(fc.constant(0), fc.nat(9), fc.constantFrom(1_000_000_000, 2 ** 41)),
    ),
    quality: fc.infiniteStream(fc.constantFrom(0, 1, 2)),
  })
  .map(({ toMs, lengthMs, rule, weight, quality }) => {
    const fromMs = toMs - lengthMs;
    const length = gapSlots({ fromMs, toMs });
    const weights = Float64Array.from({ length }, () => Number(weight.next().value));
    const qualities = Uint8Array.from({ length }, () => Number(quality.next().value));
    return { fromMs, toMs, rule, weights, quality: qualities };
  });

function merged(list: readonly TestReading[]): SeriesDay {
  const day = emptyDay(sampleDay);
  for (const reading of list) offer(day, reading);
  return day;
}

/** The oracle: sort all readings of a slot by time and rank, take the ends. Slow and obvious. */
function slotEnds(list: readonly TestReading[], slot: number): unknown[] {
  const inSlot = list.filter((r) => Math.floor((r.atMs - sampleDayMs) / slotMs) === slot);
  const rank = (r: TestReading): number[] => [
    r.revision ?? 0,
    // VOID counts as ACTUAL.
    r.quality === 4 ? 0 : -(r.quality ?? 0),
    r.epoch ?? 1,
    r.sequence ?? 1,
    r.row ?? 0,
    r.wh,
    r.quality ?? 0,
  ];
  const best = (atMs: number): TestReading | undefined =>
    inSlot
      .filter((r) => r.atMs === atMs)
      .toSorted((a, b) => {
        const differing = rank(a).findIndex((value, index) => value !== rank(b)[index]);
        return differing === -1 ? 0 : (rank(b)[differing] ?? 0) - (rank(a)[differing] ?? 0);
      })[0];
  const times = inSlot.map((r) => r.atMs);
  return [best(Math.min(...times)), best(Math.max(...times))];
}

function placeOf(day: SeriesDay, place: number): TestReading | undefined {
  if (day.offsetMs[place] === -1) return undefined;
  return {
    atMs: sampleDayMs + (day.offsetMs[place] ?? 0),
    wh: day.wh[place] ?? 0,
    quality: day.quality[place] ?? 0,
    revision: day.revision[place] ?? 0,
    epoch: day.epoch[place] ?? 0,
    sequence: day.sequence[place] ?? 0,
    row: day.row[place] ?? 0,
  };
}

describe('a day of the series', () => {
  it('keeps of each slot its first and last reading, the highest rank of each instant', () => {
    fc.assert(
      fc.property(readings, (list) => {
        const day = merged(list);
        for (let slot = 0; slot < placesPerDay / 2; slot += 1) {
          expect([placeOf(day, 2 * slot), placeOf(day, 2 * slot + 1)]).toEqual(
            slotEnds(list, slot),
          );
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is byte for byte the same for any order and repetition (rules 12, 13)', () => {
    fc.assert(
      fc.property(readings, fc.infiniteStream(fc.nat()), (list, chance) => {
        const expected = encodeDay(merged(list));
        const shuffled = [...list, ...list.slice(0, 7)]
          .map((reading) => ({ reading, key: Number(chance.next().value) }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ reading }) => reading);
        const day = merged(shuffled);
        expect(encodeDay(day)).toEqual(expected);
        for (const reading of list) expect(offer(day, reading).isWritten).toBe(false);
      }),
    );
  });

  it('reports the earliest instant at which a walk would see a difference', () => {
    const visible = (day: SeriesDay, untilMs: number): unknown[] => {
      const seen: unknown[] = [];
      for (let place = 0; place < placesPerDay; place += 1) {
        const at = placeOf(day, place);
        if (at !== undefined && at.atMs < untilMs) seen.push([at.atMs, at.wh, at.quality]);
      }
      // A reading that stands in both places of its slot is one reading.
      return seen.filter((r, index) => JSON.stringify(r) !== JSON.stringify(seen[index - 1]));
    };
    fc.assert(
      fc.property(fc.array(crowded, { maxLength: 12 }), crowded, (list, next) => {
        const before = merged(list);
        const after = merged(list);
        const report = offer(after, next);
        expect(visible(after, report.changedFromMs)).toEqual(visible(before, report.changedFromMs));
        const isSame = Buffer.compare(encodeDay(before), encodeDay(after)) === 0;
        expect(report.isWritten).toBe(!isSame);
      }),
    );
  });

  it('rule 12: the same reading 100 times is one; another value is a conflict by rank', () => {
    const day = emptyDay(sampleDay);
    const reading = { atMs: sampleDayMs + 5_000, wh: 1_000, sequence: 7 };
    const reports = Array.from({ length: 100 }, () => offer(day, reading));
    expect(reports.filter((report) => report.isWritten)).toHaveLength(1);
    expect(reports.flatMap((report) => report.conflicts)).toEqual([]);
    const later = offer(day, { ...reading, wh: 1_003, sequence: 8 });
    expect(later.conflicts).toMatchObject([
      { kept: { wh: 1_003n, sequence: 8n }, lost: { wh: 1_000n, sequence: 7n } },
    ]);
    // Arriving last does not help: ACTUAL stands before ESTIMATED, a sequence before a lower one.
    expect(offer(day, { ...reading, wh: 1_009, sequence: 9, quality: 2 }).conflicts).toMatchObject([
      { kept: { wh: 1_003n }, lost: { wh: 1_009n, quality: 2 } },
    ]);
    expect(offer(day, { ...reading, wh: 1_001, sequence: 6 }).isWritten).toBe(false);
    expect(day.wh[0]).toBe(1_003);
    expect(day.wh[1]).toBe(1_003);
  });

  it('rule 12: an edit supersedes by its revision, and one that voids leaves nothing', () => {
    const atMs = sampleDayMs + 5_000;
    const day = merged([{ atMs, wh: 1_000, epoch: 9, sequence: 900 }]);
    const edit = { atMs, wh: 990, revision: 1, quality: 2, epoch: 1, sequence: 1 };
    // An edit of an office is no conflict: it says what it stands in for.
    expect(offer(day, edit)).toMatchObject({ changedFromMs: atMs, conflicts: [] });
    expect(offer(day, { atMs, wh: 1_000, epoch: 9, sequence: 901 }).isWritten).toBe(false);
    expect([day.wh[0], day.revision[0], day.quality[0]]).toEqual([990, 1, 2]);
    const voided = { ...edit, revision: 2, quality: 4 };
    expect(offer(day, voided).changedFromMs).toBe(atMs);
    expect(offer(day, edit).isWritten).toBe(false);
    expect([day.revision[0], day.quality[1]]).toEqual([2, 4]);
  });

  it('ends the shape of a gap with a change of its readings, and with one between them', () => {
    const [fromMs, toMs] = [sampleDayMs + 2 * slotMs, sampleDayMs + 8 * slotMs + 60_000];
    const ends = [
      { atMs: fromMs, wh: 100 },
      { atMs: toMs, wh: 200 },
    ];
    const [weights, quality] = [new Float64Array(7).fill(3), new Uint8Array(7).fill(2)];
    const shaped = (): SeriesDay => {
      const day = merged(ends);
      day.shapes = [{ fromMs, toMs, weights, quality, rule: 20 }];
      return day;
    };
    const shapesAfter = (atMs: number, wh: number): number => {
      const day = shaped();
      offer(day, { atMs, wh, sequence: 2 });
      return day.shapes.length;
    };
    expect(shapesAfter(fromMs - 1, 90)).toBe(1);
    expect(shapesAfter(fromMs, 100)).toBe(1);
    expect(shapesAfter(fromMs, 101)).toBe(0);
    expect(shapesAfter(fromMs + 4 * slotMs, 150)).toBe(0);
    expect(shapesAfter(toMs, 201)).toBe(0);
    expect(shapesAfter(toMs + slotMs, 210)).toBe(1);
    // The reading that ended the gap still stands as its slot's first.
    expect(shapesAfter(toMs + 1, 201)).toBe(1);
    // A first reading of its slot that is no longer the last one either is gone.
    const day = shaped();
    offer(day, { atMs: toMs - 1, wh: 199 });
    expect(day.shapes).toHaveLength(0);
  });

  it('merges a range of columns, scaled to Wh', () => {
    const columns = {
      readAtMs: Float64Array.of(0, sampleDayMs + 60_000, sampleDayMs + 120_000, 0),
      value: BigInt64Array.of(9n, 12n, 13n, 9n),
      quality: Uint8Array.of(0, 0, 1, 0),
      factor: 1_000,
      epoch: 2,
      sequence: 44n,
    };
    const ranged = emptyDay(sampleDay);
    mergeReadings(ranged, columns, { from: 1, to: 3 });
    expect(placeOf(ranged, 1)).toEqual({
      atMs: sampleDayMs + 120_000,
      wh: 13_000,
      quality: 1,
      revision: 0,
      epoch: 2,
      sequence: 44,
      row: 2,
    });
    expect(() => mergeReadings(ranged, columns, { from: 0, to: 1 })).toThrow('of the day');
  });
});

function outcomeOf(bytes: Uint8Array): string {
  try {
    decodeDay(bytes);
    return 'decoded';
  } catch (error) {
    return error instanceof Error ? error.name : 'not an error';
  }
}

describe('the bytes of a day', () => {
  it('give the day back, and one day has one spelling', () => {
    fc.assert(
      fc.property(readings, (list) => {
        const day = merged(list);
        const bytes = encodeDay(day);
        expect(decodeDay(bytes)).toEqual(day);
        expect(encodeDay(decodeDay(bytes))).toEqual(bytes);
      }),
    );
  });

  it('keep the first layout for a day as it was read, and the second for edits and shapes', () => {
    const first = { epoch: 3, sequence: 77 };
    const read = merged([
      { ...first, atMs: sampleDayMs, wh: 10, row: 0 },
      { ...first, atMs: sampleDayMs + 1_200_000, wh: 25, quality: 2, row: 1 },
      { ...first, atMs: sampleDayMs + 1_260_000, wh: 26, row: 2 },
    ]);
    // As the encoder wrote it before there were revisions.
    const bytes = Buffer.from(encodeDay(read)).toString('hex');
    expect(bytes).toBe(
      '01bda001030300000000000000000000000200000000000000000000000200c0cf24c0a907' +
        '02141e02020004030006009a01010002',
    );
    const day = merged([{ atMs: sampleDayMs, wh: 10 }]);
    expect(encodeDay(day)[0]).toBe(1);
    offer(day, { atMs: sampleDayMs, wh: 10, revision: 1 });
    expect(encodeDay(day)[0]).toBe(2);
    const voided = merged([{ atMs: sampleDayMs, wh: 10, quality: 4 }]);
    expect(encodeDay(voided)[0]).toBe(2);
  });

  it('give the shapes of gaps back, a few bytes each, and refuse what is none', () => {
    fc.assert(
      fc.property(readings, fc.array(shape, { maxLength: 5 }), (list, shapes) => {
        const day = merged(list);
        const ends = new Map(shapes.map((each) => [each.toMs, each]));
        day.shapes = [...ends.values()].toSorted((a, b) => a.toMs - b.toMs);
        const bytes = encodeDay(day);
        expect(decodeDay(bytes)).toEqual(day);
        expect(encodeDay(decodeDay(bytes))).toEqual(bytes);
      }),
    );
    const day = emptyDay(sampleDay);
    const bare = encodeDay(day).length;
    const toMs = sampleDayMs + 10 * slotMs;
    const even = { fromMs: sampleDayMs, toMs, rule: 20, quality: new Uint8Array(10).fill(2) };
    day.shapes = [{ ...even, weights: Float64Array.from({ length: 10 }, (_, at) => 50 + at) }];
    expect(encodeDay(day).length - bare).toBeLessThanOrEqual(16);
    day.shapes = [{ ...even, weights: new Float64Array(9) }];
    expect(() => encodeDay(day)).toThrow('a weight for each slot');
    day.shapes = [{ ...even, weights: new Float64Array(10).fill(0.5) }];
    expect(() => encodeDay(day)).toThrow('whole number');
    day.shapes = [{ ...even, weights: new Float64Array(10).fill(2 ** 50) }];
    expect(() => encodeDay(day)).toThrow('within their sum');
  });

  it('take at most 4 bytes a slot for a closed day read on its boundaries', () => {
    // 0 to 10 kW in a fixed pseudo-random sequence, a batch every 5 s of which each 180th counts.
    let register = 45_231_400;
    const list = Array.from({ length: 96 }, (_, slot) => {
      register += (slot * 7_919) % 2_500;
      const sequence = 3_000_000 + slot * 180 + (slot % 3);
      return { atMs: sampleDayMs + slot * slotMs, wh: register, sequence, row: 17 };
    });
    expect(encodeDay(merged(list)).length).toBeLessThanOrEqual(96 * 4);
  });

  it('that were not written by the encoder are a broken promise', () => {
    const list = Array.from({ length: 40 }, (_, at) => ({
      atMs: sampleDayMs + at * 700_001,
      wh: 5_000 + at * at,
      sequence: at + 1,
    }));
    const bytes = encodeDay(merged(list));
    for (let cut = 0; cut < bytes.length; cut += 1) {
      expect(() => decodeDay(bytes.slice(0, cut))).toThrow(AssertionBroken);
    }
    expect(() => decodeDay(Uint8Array.of(...bytes, 0))).toThrow('nothing follows');
    expect(() => decodeDay(Uint8Array.of(3, ...bytes.slice(1)))).toThrow('layout');
  });

  it('never hang or break in another way, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (tail) => {
        expect(['decoded', 'AssertionBroken']).toContain(outcomeOf(Uint8Array.of(1, ...tail)));
      }),
      { numRuns: 2_000 },
    );
  });
});
