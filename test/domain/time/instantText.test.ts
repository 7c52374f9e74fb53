import { expect, test } from 'vitest';
import { parseInstant } from '../../../src/domain/time/instantText.ts';

// ISO 8601-1:2019, 5.4.2.1; the instants worked out by hand from 1970-01-01.
test.each([
  ['1970-01-02T00:00:00Z', 86_400_000],
  ['1970-01-02T00:00Z', 86_400_000],
  ['1970-01-02 00:00:00.250Z', 86_400_250],
  ['1970-01-02T01:30:00+01:30', 86_400_000],
  ['1970-01-01T16:00:00-0800', 86_400_000],
  ['1970-01-02T09:00:00+09', 86_400_000],
  ['2024-02-29T00:00:00Z', 1_709_164_800_000],
])('%s is one instant', (text, expected) => {
  expect(parseInstant(text)).toEqual({ ok: true, value: expected });
});

test.each([
  ['2026-03-01T00:00:00', 'INSTANT_WITHOUT_OFFSET'],
  ['2026-03-01 00:00', 'INSTANT_WITHOUT_OFFSET'],
  ['2026-02-29T00:00:00Z', 'INSTANT_MALFORMED'],
  ['2026-13-01T00:00:00Z', 'INSTANT_MALFORMED'],
  ['2026-03-01T24:00:00Z', 'INSTANT_MALFORMED'],
  ['2026-03-01T00:60:00Z', 'INSTANT_MALFORMED'],
  ['2026-03-01T00:00:00+25:00', 'INSTANT_MALFORMED'],
  ['2026-03-01T00:00:00.0001Z', 'INSTANT_MALFORMED'],
  ['2026-03-01', 'INSTANT_MALFORMED'],
  ['1772323200', 'INSTANT_MALFORMED'],
  ['', 'INSTANT_MALFORMED'],
  ['1969-12-31T23:59:59Z', 'INSTANT_OUT_OF_RANGE'],
  ['2200-01-01T00:00:00Z', 'INSTANT_OUT_OF_RANGE'],
])('%s is refused', (text, code) => {
  expect(parseInstant(text)).toMatchObject({ ok: false, code });
});
