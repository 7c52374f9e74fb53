import { describe, expect, test } from 'vitest';
import { compare, fraction } from '../../../src/domain/exact.ts';
import { exactText } from '../../../src/domain/exactText.ts';
import { estimateBill } from '../../../src/domain/lab/estimate.ts';
import type { Estimate } from '../../../src/domain/lab/estimate.ts';
import type { History } from '../../../src/domain/lab/history.ts';
import { noAttributes } from '../../../src/domain/tariff/attributes.ts';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { dayMs, hourMs } from '../../../src/domain/time/civil.ts';

/**
 * Made up. Berlin, where March 2026 runs from 28 February 23:00 to 31 March 22:00 UTC with 743
 * hours. Energy 0.30 EUR a kWh, 1.00 EUR a day, at least 50 EUR a bill.
 */
const zone = 'Europe/Berlin';
const marchMs = Date.UTC(2026, 1, 28, 23);
const aprilMs = Date.UTC(2026, 2, 31, 22);
const slotMs = 900_000;
const document = {
  currency: 'EUR',
  components: [
    { kind: 'energy', name: 'work', flow: 'import', price: '0.30' },
    { kind: 'fixed', name: 'base', amount: '1.00', per: 'day' },
    { kind: 'minimum', name: 'least', amount: '50', per: 'bill', of: 'subtotal' },
  ],
};

/** From 1 January UTC on, so much in each quarter hour; NaN: nothing is known. */
function historyOf(
  whAt: (atMs: number) => number,
  untilMs: number,
  raw: unknown = document,
): History {
  const parsed = parseTariffDocument(raw);
  if (!parsed.ok) throw new Error(parsed.message);
  const fromMs = Date.UTC(2026, 0, 1);
  const count = (untilMs - fromMs) / slotMs;
  const slots = Array.from({ length: count }, (_, index) => whAt(fromMs + index * slotMs));
  return {
    documents: [parsed.value],
    zone,
    load: {
      fromMs,
      intervalMs: slotMs,
      unitsPerWh: 1,
      import: Float64Array.from(slots),
      export: null,
      reactive: null,
      estimated: null,
    },
    attributes: noAttributes,
    prices: new Map(),
    validFromMs: fromMs,
    validToMs: Infinity,
  };
}

function estimated(history: History, nowMs: number): Estimate {
  const done = estimateBill(history, { fromMs: marchMs, toMs: aprilMs, nowMs });
  if (!done.ok) throw new Error(`${done.code}: ${done.message}`);
  return done.value;
}

function totals({ soFar, projected }: Estimate): readonly (string | null)[] {
  return [soFar, projected].map((bill) => (bill.ok ? exactText(bill.value.total) : bill.code));
}

describe('an estimate in the middle of a month', () => {
  // Ten days and no part of another: 10 March 00:00 in Berlin.
  const nowMs = Date.UTC(2026, 2, 10, 23);

  test('goes on as the same weekdays and times of the weeks before', () => {
    // 250 Wh each quarter hour, always: 1 kWh an hour.
    const estimate = estimated(
      historyOf(() => 250, nowMs),
      nowMs,
    );
    expect(estimate).toMatchObject({
      knownUntilMs: nowMs,
      knownCount: 10 * 96,
      projectedCount: 743 * 4 - 10 * 96,
      missingCount: 0,
    });
    // 240 kWh x 0.30 + 10 days; 743 kWh x 0.30 + 31 days.
    expect(totals(estimate)).toEqual(['82', '253.9']);
  });

  test('tells weekdays and hours apart by the local clock, over the change of the clocks', () => {
    // 4 kWh on Sundays from 12:00 to 13:00 by the clock in Berlin, nothing else.
    const whAt = (atMs: number): number => {
      const local = new Date(atMs + (atMs >= Date.UTC(2026, 2, 29, 1) ? 2 : 1) * hourMs);
      return local.getUTCDay() === 0 && local.getUTCHours() === 12 ? 1_000 : 0;
    };
    const estimate = estimated(historyOf(whAt, nowMs), nowMs);
    // Sundays are 1, 8, 15, 22 and 29 March: 5 x 4 kWh x 0.30 + 31, raised to the minimum of 50.
    expect(totals(estimate)).toEqual(['12.4', '50']);
    const work = estimate.projected.ok ? estimate.projected.value.lines[0] : undefined;
    expect(work && compare(work.quantity, fraction(20n))).toBe(0);
  });

  test('begins to guess after the last reading, not at the present', () => {
    const lastMs = nowMs - 2 * dayMs;
    const estimate = estimated(
      historyOf(() => 250, lastMs),
      nowMs,
    );
    expect(estimate).toMatchObject({ knownUntilMs: lastMs, knownCount: 8 * 96, missingCount: 0 });
    expect(totals(estimate)).toEqual(['65.6', '253.9']);
  });

  test('without a history has nothing to guess from, and says so', () => {
    const estimate = estimated(
      historyOf((atMs) => (atMs >= nowMs - dayMs ? 250 : Number.NaN), nowMs),
      nowMs,
    );
    // One day is known: its weekday comes again three times.
    expect(estimate).toMatchObject({ knownCount: 96, projectedCount: 3 * 96 });
    const warnings = estimate.projected.ok ? estimate.projected.value.warnings : [];
    expect(warnings.map(({ code }) => code)).toEqual(['SLOTS_MISSING']);
  });

  test('has no projection where a price to come is missing, and keeps what is so far', () => {
    const spot = {
      currency: 'EUR',
      priceSeries: [
        {
          name: 'exchange',
          unit: 'kWh',
          minutes: 60,
          from: '2026-02-28T23:00:00Z',
          prices: Array.from({ length: 10 * 24 }, () => '0.10'),
        },
      ],
      components: [
        { kind: 'dynamic', name: 'spot', flow: 'import', series: 'exchange', missing: 'refuse' },
      ],
    };
    const estimate = estimated(
      historyOf(() => 250, nowMs, spot),
      nowMs,
    );
    expect(totals(estimate)).toEqual(['24', 'PRICE_MISSING']);
  });
});

test('the estimate of a month that is over is its bill, with nothing guessed', () => {
  const estimate = estimated(
    historyOf(() => 250, aprilMs),
    aprilMs + dayMs,
  );
  expect(estimate).toMatchObject({ projectedCount: 0, missingCount: 0 });
  expect(totals(estimate)).toEqual(['253.9', '253.9']);
});
