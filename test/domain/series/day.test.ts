import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionBroken } from '../../../src/domain/assert.ts';
import {
  emptyDay,
  mergeDays,
  mergeReadings,
  mergeRows,
  placesPerDay,
} from '../../../src/domain/series/day.ts';
import type { SeriesDay } from '../../../src/domain/series/day.ts';
import { decodeDay, encodeDay } from '../../../src/domain/series/dayCodec.ts';
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
  quality: fc.integer({ min: 0, max: 2 }),
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
  epoch: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(2_147_483_647)),
  sequence: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.constant(2 ** 50 - 1)),
  row: fc.integer({ min: 0, max: 20 }),
});
const readings = fc.array(fc.oneof(crowded, spread), { maxLength: 60 });

function merged(list: readonly TestReading[]): SeriesDay {
  const day = emptyDay(sampleDay);
  for (const reading of list) offer(day, reading);
  return day;
}

/** The oracle: sort all readings of a slot by time and rank, take the ends. Slow and obvious. */
function slotEnds(list: readonly TestReading[], slot: number): unknown[] {
  const inSlot = list.filter((r) => Math.floor((r.atMs - sampleDayMs) / slotMs) === slot);
  const rank = (r: TestReading): number[] => [
    -(r.quality ?? 0),
    r.epoch ?? 1,
    r.sequence ?? 1,
    r.row ?? 0,
    r.wh,
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

  it('is byte for byte the same for any order, repetition and grouping (rules 12, 13)', () => {
    fc.assert(
      fc.property(readings, fc.infiniteStream(fc.nat()), fc.nat(60), (list, chance, cut) => {
        const expected = encodeDay(merged(list));
        const shuffled = [...list, ...list.slice(0, 7)]
          .map((reading) => ({ reading, key: Number(chance.next().value) }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ reading }) => reading);
        expect(encodeDay(merged(shuffled))).toEqual(expected);
        const left = merged(shuffled.slice(0, cut));
        const right = merged(shuffled.slice(cut));
        const joined = emptyDay(sampleDay);
        mergeDays(joined, right);
        mergeDays(joined, left);
        mergeDays(joined, right);
        expect(encodeDay(joined)).toEqual(expected);
        expect(mergeDays(joined, left).isWritten).toBe(false);
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

  it('merges ranges and picked rows of columns alike, scaled to Wh', () => {
    const columns = {
      readAtMs: Float64Array.of(0, sampleDayMs + 60_000, sampleDayMs + 120_000, 0),
      value: BigInt64Array.of(9n, 12n, 13n, 9n),
      quality: Uint8Array.of(0, 0, 1, 0),
      factor: 1_000,
      epoch: 2,
      sequence: 44n,
    };
    const ranged = emptyDay(sampleDay);
    const picked = emptyDay(sampleDay);
    mergeReadings(ranged, columns, { from: 1, to: 3 });
    mergeRows(picked, columns, Int32Array.of(2, 1));
    expect(encodeDay(ranged)).toEqual(encodeDay(picked));
    expect(placeOf(ranged, 1)).toEqual({
      atMs: sampleDayMs + 120_000,
      wh: 13_000,
      quality: 1,
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
    expect(() => decodeDay(Uint8Array.of(2, ...bytes.slice(1)))).toThrow('layout');
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
