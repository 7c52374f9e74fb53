import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AssertionBroken } from '../../../src/domain/assert.ts';
import {
  decodeAccumulator,
  encodeAccumulator,
} from '../../../src/domain/rating/accumulatorCodec.ts';
import { compileTariff } from '../../../src/domain/rating/compile.ts';
import type { CompiledTariff } from '../../../src/domain/rating/compile.ts';
import { accumulatorAt, rateJob, transferablesOf } from '../../../src/domain/rating/job.ts';
import {
  accumulate,
  chargeMicros,
  emptyAccumulator,
  finish,
  merge,
  runningMicros,
} from '../../../src/domain/rating/kernel.ts';
import { slotMs } from '../../../src/domain/rating/slot.ts';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import type { TariffDocument } from '../../../src/domain/tariff/document.ts';
import { billingPeriodAt } from '../../../src/domain/time/zone.ts';
import { slotLoads } from '../../bills/randomTariff.ts';

function documentOf(prices = { night: '0.2', day: '0.3' }): TariffDocument {
  const parsed = parseTariffDocument({
    currency: 'EUR',
    calendars: [
      {
        name: 'tou',
        rules: [
          { from: '22:00', to: '06:00', period: 'night' },
          { from: '06:00', to: '22:00', period: 'day' },
        ],
      },
    ],
    components: [{ kind: 'energy', name: 'energy', flow: 'import', calendar: 'tou', prices }],
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

function compiledMonth(instant: string, zone = 'Europe/Berlin'): CompiledTariff {
  const { startMs, endMs } = billingPeriodAt(zone, Date.parse(instant));
  const compiled = compileTariff(documentOf(), { zone, fromMs: startMs, toMs: endMs });
  if (!compiled.ok) throw new Error(compiled.message);
  return compiled.value;
}

const january = compiledMonth('2026-01-15T00:00:00Z');

describe('compiling', () => {
  const document = documentOf();
  const midnightMs = Date.parse('2026-01-01T00:00:00Z');
  const dayWindow = { zone: 'UTC', fromMs: midnightMs, toMs: midnightMs + 96 * slotMs };

  test.each([
    ['ZONE_UNKNOWN', { ...dayWindow, zone: 'Mars/Olympus' }],
    ['WINDOW_OFF_GRID', { ...dayWindow, fromMs: midnightMs + 1 }],
    ['WINDOW_OFF_GRID', { ...dayWindow, toMs: Number.NaN }],
    ['WINDOW_EMPTY', { ...dayWindow, toMs: midnightMs }],
    ['WINDOW_TOO_LONG', { ...dayWindow, toMs: midnightMs + 96 * 401 * slotMs }],
    ['WINDOW_OUT_OF_RANGE', { ...dayWindow, fromMs: -slotMs }],
    // Liberia kept -00:44:30 until 7 January 1972 (IANA tz database, africa).
    [
      'ZONE_OFF_GRID',
      {
        zone: 'Africa/Monrovia',
        fromMs: Date.parse('1971-12-01T00:00:00Z'),
        toMs: Date.parse('1971-12-02T00:00:00Z'),
      },
    ],
    // St. John's changed at 00:01 until 2011: offsets on the grid, the change not.
    [
      'ZONE_OFF_GRID',
      {
        zone: 'America/St_Johns',
        fromMs: Date.parse('2009-11-01T00:00:00Z'),
        toMs: Date.parse('2009-11-02T00:00:00Z'),
      },
    ],
  ])('refuses with %s', (code, window) => {
    expect(compileTariff(document, window)).toMatchObject({ ok: false, code });
  });

  test('gives a month its quarter hours, also where it has more or fewer', () => {
    expect(compiledMonth('2026-03-15T00:00:00Z').slotCount).toBe(2_972);
    expect(compiledMonth('2026-10-15T00:00:00Z').slotCount).toBe(2_980);
    expect(january.slotCount).toBe(2_976);
  });

  test('shares its tables with a thread instead of copying them', () => {
    const posted = structuredClone(january);
    expect(posted.superPeriodOfSlot.buffer).toBeInstanceOf(SharedArrayBuffer);
    const slotWh = new Float64Array(january.slotCount).fill(250);
    const energies = { slotWh, firstSlot: january.firstSlot };
    expect(finish(posted, accumulate(posted, energies))).toEqual(
      finish(january, accumulate(january, energies)),
    );
  });
});

describe('accumulating', () => {
  test('agrees with a sum slot by slot for any part of the month', () => {
    const parts = fc.record({
      loads: fc.array(slotLoads, { maxLength: 300 }),
      skip: fc.integer({ min: 0, max: 2_600 }),
    });
    fc.assert(
      fc.property(parts, ({ loads, skip }) => {
        const expected = new Float64Array(january.superPeriodCount);
        for (const [index, load] of loads.entries()) {
          const superPeriod = january.superPeriodOfSlot[skip + index] ?? -1;
          if (!Number.isNaN(load)) expected[superPeriod] = (expected[superPeriod] ?? 0) + load;
        }
        const firstSlot = january.firstSlot + skip;
        const sums = accumulate(january, { slotWh: Float64Array.from(loads), firstSlot });
        expect(sums.sumWh).toEqual(expected);
        expect(sums.missingSlots).toBe(loads.filter(Number.isNaN).length);
        expect(sums.ratedSlots).toBe(loads.length - sums.missingSlots);
      }),
      { numRuns: 300 },
    );
  });

  test('breaks rather than going wrong: beyond 2^53, negative, fractions, off the window', () => {
    const broken = (slotWh: number[], firstSlot = january.firstSlot): (() => unknown) => {
      return () => accumulate(january, { slotWh: Float64Array.from(slotWh), firstSlot });
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
      slotWh: Float64Array.of(2 ** 53 - 1),
      firstSlot: january.firstSlot,
    });
    expect(() => merge(large, large)).toThrow(AssertionBroken);
  });

  test('of nothing is nothing, with a line for each period', () => {
    const lines = finish(january, emptyAccumulator(january));
    expect(lines.map(({ period, quantityWh }) => [period, quantityWh])).toEqual([
      ['night', 0n],
      ['day', 0n],
    ]);
    expect(chargeMicros(lines)).toBe(0n);
  });
});

describe('the running charge', () => {
  const prices = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });
  const sums = fc.oneof(
    fc.integer({ min: 0, max: 5_000_000 }),
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  );

  test('without lines is the charge of the lines, for small and for huge numbers', () => {
    const decimal = (priceE8: bigint): string => {
      const digits = (priceE8 < 0n ? -priceE8 : priceE8).toString().padStart(9, '0');
      return `${priceE8 < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`;
    };
    const { startMs, endMs } = billingPeriodAt('UTC', Date.parse('2026-01-15T00:00:00Z'));
    const smallPrices = fc.bigInt({ min: -99_999_999n, max: 99_999_999n });
    fc.assert(
      fc.property(
        fc.oneof(prices, smallPrices),
        fc.oneof(prices, smallPrices),
        sums,
        sums,
        (night, day, nightWh, dayWh) => {
          fc.pre(night !== 0n || day !== 0n);
          const document = documentOf({ night: decimal(night), day: decimal(day) });
          const compiled = compileTariff(document, { zone: 'UTC', fromMs: startMs, toMs: endMs });
          if (!compiled.ok) throw new Error(compiled.message);
          // 10^-11 currency units, by hand: Wh times 10^-8 a kWh.
          const exactE11 = BigInt(nightWh) * night + BigInt(dayWh) * day;
          const size = exactE11 < 0n ? -exactE11 : exactE11;
          const floor = size / 100_000n;
          const rest = size % 100_000n;
          const isUp = rest > 50_000n || (rest === 50_000n && floor % 2n === 1n);
          const expected = (floor + (isUp ? 1n : 0n)) * (exactE11 < 0n ? -1n : 1n);
          const sumWh = Float64Array.of(nightWh, dayWh);
          expect(runningMicros(compiled.value, sumWh)).toBe(expected);
          const accumulator = { sumWh, ratedSlots: 2, missingSlots: 0 };
          expect(chargeMicros(finish(compiled.value, accumulator))).toBe(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('loses nothing below a micro: postings of the difference sum to the exact charge', () => {
    // 1 Wh at 0.0000001 a kWh is 10^-10: ten thousand of them are one micro.
    const document = documentOf({ night: '0.0000001', day: '0.0000001' });
    const midnightMs = Date.parse('2026-01-01T00:00:00Z');
    const toMs = midnightMs + 96 * 110 * slotMs;
    const compiled = compileTariff(document, { zone: 'UTC', fromMs: midnightMs, toMs });
    if (!compiled.ok) throw new Error(compiled.message);
    const sums = emptyAccumulator(compiled.value);
    let postedMicros = 0n;
    for (let slot = 0; slot < 10_000; slot += 1) {
      const firstSlot = compiled.value.firstSlot + slot;
      accumulate(compiled.value, { slotWh: Float64Array.of(1), firstSlot }, sums);
      postedMicros += runningMicros(compiled.value, sums.sumWh) - postedMicros;
    }
    expect(postedMicros).toBe(1n);
  });
});

describe('a stored accumulator', () => {
  const sumsOf = fc.array(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { maxLength: 255 });

  test('is read back as it was', () => {
    fc.assert(
      fc.property(sumsOf, fc.nat(), fc.nat(), (sums, ratedSlots, missingSlots) => {
        const accumulator = { sumWh: Float64Array.from(sums), ratedSlots, missingSlots };
        const bytes = encodeAccumulator(accumulator);
        expect(bytes.length).toBe(12 + 8 * sums.length);
        expect(decodeAccumulator(bytes)).toEqual({ ok: true, value: accumulator });
      }),
    );
  });

  test('with other bytes is refused, and never thrown over', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const decoded = decodeAccumulator(bytes);
        const outcome = decoded.ok ? encodeAccumulator(decoded.value) : decoded.code;
        expect([bytes, 'ACCUMULATOR_MALFORMED']).toContainEqual(outcome);
      }),
      { numRuns: 500 },
    );
    const whole = encodeAccumulator(emptyAccumulator(january));
    expect(decodeAccumulator(whole.subarray(0, -1)).ok).toBe(false);
    const negative = encodeAccumulator({
      ...emptyAccumulator(january),
      sumWh: Float64Array.of(-5),
    });
    expect(decodeAccumulator(negative).ok).toBe(false);
  });
});

describe('a rating job', () => {
  const march = compiledMonth('2026-03-15T00:00:00Z');
  const tables = [january, march];
  const agreements = fc.array(
    fc.record({
      table: fc.integer({ min: 0, max: 1 }),
      loads: fc.array(slotLoads, { maxLength: 120 }),
      skip: fc.integer({ min: 0, max: 2_800 }),
    }),
    { maxLength: 12 },
  );

  test('of many agreements gives each what it gets alone', () => {
    fc.assert(
      fc.property(agreements, (drawn) => {
        const offsets = [0];
        for (const { loads } of drawn) offsets.push((offsets.at(-1) ?? 0) + loads.length);
        const job = {
          slotWh: Float64Array.from(drawn.flatMap(({ loads }) => loads)),
          offsets: Int32Array.from(offsets),
          firstSlot: Float64Array.from(
            drawn.map(({ table, skip }) => (tables[table]?.firstSlot ?? 0) + skip),
          ),
          tableIndex: Int32Array.from(drawn.map(({ table }) => table)),
          tables,
        };
        const moved = structuredClone(job, { transfer: transferablesOf(job) });
        expect(job.slotWh.length).toBe(0);
        const result = rateJob(moved);
        for (const [index, { table, loads, skip }] of drawn.entries()) {
          const compiled = tables[table] ?? january;
          const energies = {
            slotWh: Float64Array.from(loads),
            firstSlot: compiled.firstSlot + skip,
          };
          expect(accumulatorAt(result, index)).toEqual(accumulate(compiled, energies));
        }
        expect(transferablesOf(result)).toHaveLength(4);
      }),
      { numRuns: 100 },
    );
  });

  test('with columns that do not fit breaks', () => {
    const job = {
      slotWh: new Float64Array(4),
      offsets: Int32Array.of(0, 5),
      firstSlot: Float64Array.of(january.firstSlot),
      tableIndex: Int32Array.of(0),
      tables,
    };
    expect(() => rateJob(job)).toThrow(AssertionBroken);
    expect(() => rateJob({ ...job, offsets: Int32Array.of(0, -1) })).toThrow(AssertionBroken);
    expect(() => rateJob({ ...job, offsets: Int32Array.of(0) })).toThrow(AssertionBroken);
    expect(() => rateJob({ ...job, tableIndex: Int32Array.of(2) })).toThrow(AssertionBroken);
  });
});
