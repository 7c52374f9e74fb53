import { describe, expect, test } from 'vitest';
import { parseSeriesPrice, priceSeriesOfPoints } from '../../../src/domain/tariff/priceSeries.ts';
import type { PricePoint } from '../../../src/domain/tariff/priceSeries.ts';

const hourMs = 3_600_000;
const startMs = Date.parse('2026-03-29T00:00:00Z');
const spot = { name: 'spot', stepMs: hourMs };

function points(...hours: number[]): PricePoint[] {
  return hours.map((hour) => {
    return { fromMs: startMs + hour * hourMs, priceE8: BigInt(Math.floor(hour)) };
  });
}

describe('a series of stored prices', () => {
  test('keeps what is not known as such', () => {
    expect(priceSeriesOfPoints(spot, points(0, 1, 4))).toEqual({
      ok: true,
      value: { ...spot, fromMs: startMs, pricesE8: [0n, 1n, null, null, 4n] },
    });
  });

  test.each([
    ['nothing', 'PRICES_MISSING', points()],
    ['a price twice', 'PRICES_OVERLAP', points(0, 1, 1)],
    ['prices that go back', 'PRICES_OVERLAP', points(3, 4, 2)],
    ['prices between the steps', 'PRICES_OFF_GRID', points(0, 1.5)],
    ['prices between quarter hours', 'PRICES_OFF_GRID', points(0.1)],
    ['prices before 1970', 'PRICES_OUT_OF_RANGE', [{ fromMs: -hourMs, priceE8: 1n }]],
    ['prices of centuries', 'PRICES_TOO_MANY', points(0, 1_000_000)],
  ])('is refused for %s', (_what, code, given) => {
    expect(priceSeriesOfPoints(spot, given)).toMatchObject({ ok: false, code });
  });
});

test('a price a MWh is a thousandth a kWh, exactly or not at all', () => {
  expect(parseSeriesPrice('81.25', 'MWh')).toEqual({ ok: true, value: 8_125_000n });
  expect(parseSeriesPrice('-0.00001', 'MWh')).toEqual({ ok: true, value: -1n });
  expect(parseSeriesPrice('0.000001', 'MWh')).toMatchObject({ code: 'DECIMAL_MALFORMED' });
  expect(parseSeriesPrice('0.08125', 'kWh')).toEqual({ ok: true, value: 8_125_000n });
  expect(parseSeriesPrice('10000001', 'kWh')).toMatchObject({ code: 'PRICE_OUT_OF_RANGE' });
});
