import { describe, expect, test } from 'vitest';
import type { History } from '../../../src/domain/lab/history.ts';
import { daysLeft } from '../../../src/domain/prepaid/daysLeft.ts';
import { noAttributes } from '../../../src/domain/tariff/attributes.ts';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { dayMs, hourMs } from '../../../src/domain/time/civil.ts';

/**
 * Made up. Berlin in winter, an hour ahead of UTC. By day (06:00 to 22:00) 0.30 EUR a kWh, by
 * night 0.20, and 0.50 EUR a day. 375 W by day is 6 kWh and 1.80 EUR, 500 W by night 4 kWh and
 * 0.80 EUR: 3.10 EUR a day.
 */
const zone = 'Europe/Berlin';
const slotMs = 900_000;
const document = {
  currency: 'EUR',
  calendars: [
    {
      name: 'day and night',
      rules: [
        { from: '06:00', to: '22:00', period: 'day' },
        { from: '22:00', to: '06:00', period: 'night' },
      ],
    },
  ],
  components: [
    {
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      calendar: 'day and night',
      prices: { day: '0.30', night: '0.20' },
    },
    { kind: 'fixed', name: 'standing', amount: '0.50', per: 'day' },
  ],
};

const fromMs = Date.UTC(2025, 11, 31, 23);

function hourOf(atMs: number): number {
  return new Date(atMs + hourMs).getUTCHours();
}

function wattsAt(atMs: number): number {
  const hour = hourOf(atMs);
  return hour >= 6 && hour < 22 ? 375 : 500;
}

function historyOf(untilMs: number, whAt = (atMs: number) => wattsAt(atMs) / 4): History {
  const parsed = parseTariffDocument(document);
  if (!parsed.ok) throw new Error(parsed.message);
  const count = (untilMs - fromMs) / slotMs;
  const slots = Array.from({ length: count }, (_, index) => whAt(fromMs + index * slotMs));
  return {
    documents: [parsed.value],
    zone,
    load: {
      fromMs,
      intervalMs: slotMs,
      // Quarter hours of 375 W are 93.75 Wh.
      unitsPerWh: 4,
      import: Float64Array.from(slots, (wh) => wh * 4),
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

/** 10 January 2026, 00:00 in Berlin: a Saturday. */
const nowMs = Date.UTC(2026, 0, 9, 23);

function left(spareMicros: bigint, history = historyOf(nowMs), atMs = nowMs) {
  const found = daysLeft(history, { spareMicros, nowMs: atMs });
  if (!found.ok) throw new Error(`${found.code}: ${found.message}`);
  return found.value;
}

describe('days left (002.19)', () => {
  test('domain rule 72: 12.40 at 3.10 a day, by time of use and standing charge: 4.0', () => {
    expect(left(12_400_000n)).toEqual({
      tenths: 40,
      runsOutMs: nowMs + 4 * dayMs,
      dailyMicros: 3_100_000n,
      historyDays: 9,
    });
  });

  test('a micro more lasts into the next day, a slot less not to the end of the fourth', () => {
    expect(left(12_400_001n).runsOutMs).toBeGreaterThan(nowMs + 4 * dayMs);
    expect(left(12_360_000n)).toMatchObject({ tenths: 39 });
  });

  test('nothing above the limit is no day', () => {
    expect(left(0n)).toMatchObject({ tenths: 0, runsOutMs: nowMs, dailyMicros: 3_100_000n });
    expect(left(-5_000_000n)).toMatchObject({ tenths: 0 });
  });

  test('goes over months, and says when it lasts longer', () => {
    // 50 days: 28 February 2026, 00:00.
    expect(left(155_000_000n)).toMatchObject({ tenths: 500, runsOutMs: nowMs + 50 * dayMs });
    expect(left(1_000_000_000n)).toMatchObject({ tenths: null, runsOutMs: null });
  });

  test('without a whole day the standing charge alone counts, and it says so', () => {
    const young = historyOf(fromMs + slotMs);
    const found = left(5_000_000n, young, fromMs + slotMs);
    expect(found).toMatchObject({ historyDays: 0, dailyMicros: 500_000n });
    // 0.50 of the day that has begun is in the balance already.
    expect(found.tenths).toBeGreaterThanOrEqual(99);
    expect(found.tenths).toBeLessThanOrEqual(110);
  });

  test('weekends are guessed from weekends', () => {
    const whAt = (atMs: number) => {
      const weekday = new Date(atMs + hourMs).getUTCDay();
      return weekday === 0 || weekday === 6 ? wattsAt(atMs) / 4 : 0;
    };
    // Saturday and Sunday 3.10, Monday to Friday the standing charge.
    expect(left(6_200_000n, historyOf(nowMs, whAt))).toMatchObject({ tenths: 20 });
    expect(left(8_200_000n, historyOf(nowMs, whAt)).tenths).toBeGreaterThanOrEqual(50);
  });
});
