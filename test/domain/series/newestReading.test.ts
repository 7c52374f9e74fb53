import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assert } from '../../../src/domain/assert.ts';
import { emptyDay } from '../../../src/domain/series/day.ts';
import { decodeDay, encodeDay } from '../../../src/domain/series/dayCodec.ts';
import {
  decodeNewest,
  encodeNewest,
  encodeWithoutNewest,
  newestOf,
  withNewest,
} from '../../../src/domain/series/newestReading.ts';
import { dayMs, offer, sampleDayMs } from './readings.ts';

const day = sampleDayMs / dayMs;

const someReadings = fc.array(
  fc.record({
    atMs: fc.integer({ min: 0, max: dayMs - 1 }).map((ms) => sampleDayMs + ms),
    wh: fc.integer({ min: 0, max: 2 ** 40 }),
    quality: fc.constantFrom(0, 1, 2, 4),
    revision: fc.constantFrom(0, 0, 3),
    sequence: fc.integer({ min: 1, max: 2 ** 40 }),
  }),
  { minLength: 1, maxLength: 12 },
);

it('a day without its newest reading and that reading are the day again', () => {
  fc.assert(
    fc.property(someReadings, (readings) => {
      const series = emptyDay(day);
      for (const reading of readings) offer(series, reading);
      const whole = encodeDay(series);
      const without = encodeWithoutNewest(series);
      // What was left out is put back into the columns, too.
      expect(encodeDay(series)).toEqual(whole);
      const newest = newestOf(series);
      assert(newest !== null, 'the day has a reading');
      const kept = encodeNewest(newest);
      expect(decodeNewest(kept)).toEqual(newest);
      expect(withNewest({ day, bytes: without }, kept)).toEqual(whole);
      expect(withNewest({ day, bytes: whole }, kept)).toEqual(whole);
      expect(withNewest({ day: day + 1, bytes: without }, kept)).toBe(without);
    }),
  );
});

it('a further reading of the newest slot changes no byte of what is stored of the day', () => {
  const minuteMs = 60_000;
  const series = emptyDay(day);
  offer(series, { atMs: sampleDayMs, wh: 10, sequence: 1 });
  const before = encodeWithoutNewest(series);
  for (let minute = 1; minute < 15; minute += 1) {
    offer(series, { atMs: sampleDayMs + minute * minuteMs, wh: 10 + minute, sequence: 1 + minute });
    expect(encodeWithoutNewest(series)).toEqual(before);
  }
  offer(series, { atMs: sampleDayMs + 15 * minuteMs, wh: 25, sequence: 16 });
  expect(encodeWithoutNewest(series)).not.toEqual(before);
});

it('a newest reading of another layout, or that ends no slot of its day, is not believed', () => {
  const series = emptyDay(day);
  offer(series, { atMs: sampleDayMs + 1000, wh: 10, sequence: 1 });
  const newest = newestOf(series);
  assert(newest !== null, 'the day has a reading');
  const kept = encodeNewest(newest);
  expect(() => decodeNewest(kept.subarray(1))).toThrow('its layout');
  offer(series, { atMs: sampleDayMs + dayMs / 2, wh: 20, sequence: 2 });
  const later = encodeDay(decodeDay(encodeDay(series)));
  const ahead = encodeNewest({ ...decodeNewest(kept), offsetMs: 2000 });
  expect(() => withNewest({ day, bytes: later }, ahead)).toThrow('ends the newest slot');
});

it('a day without readings has no newest one', () => {
  const series = emptyDay(day);
  expect(newestOf(series)).toBeNull();
  expect(encodeWithoutNewest(series)).toEqual(encodeDay(series));
});
