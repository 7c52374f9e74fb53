import { describe, expect, it } from 'vitest';
import { correctedInstant } from '../../../src/domain/series/clockOffset.ts';
import { sampleDayMs } from './readings.ts';

const noonMs = sampleDayMs + 43_200_000;
const [actual, calculated] = [0, 1];

describe('the clock of a device', () => {
  it('rule 11: 12:00:40 by a clock 40 s fast is a reading of 12:00', () => {
    expect(correctedInstant(noonMs + 40_000, 40_000)).toMatchObject({
      ok: true,
      value: { atMs: noonMs, qualityMin: actual },
    });
    expect(correctedInstant(noonMs - 60_000, -60_000)).toMatchObject({
      value: { atMs: noonMs, qualityMin: actual },
    });
    expect(correctedInstant(noonMs, 0)).toMatchObject({
      value: { atMs: noonMs, qualityMin: actual },
    });
  });

  it('rule 11: beyond a minute the corrected instant is CALCULATED at best', () => {
    for (const offsetMs of [60_001, -60_001, 900_000, -900_000]) {
      expect(correctedInstant(noonMs + offsetMs, offsetMs)).toMatchObject({
        value: { atMs: noonMs, qualityMin: calculated },
      });
    }
  });

  it('rule 11: 16 minutes are more than an interval, and its readings are of none', () => {
    expect(correctedInstant(noonMs, 960_000)).toMatchObject({ ok: false, code: 'CLOCK_DRIFT' });
    for (const offsetMs of [900_001, -900_001]) {
      expect(correctedInstant(noonMs, offsetMs)).toMatchObject({ code: 'CLOCK_DRIFT' });
    }
  });
});
