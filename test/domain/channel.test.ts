import { describe, expect, it } from 'vitest';
import { channelOf, channels, checkUnit } from '../../src/domain/channel.ts';

describe('the Unit of Measure Check', () => {
  it('rule 5: 12,345,678 with scaler 0 in Wh is 12,345.678 kWh, and scaler 3 counts kWh', () => {
    expect(checkUnit({ channel: 1, unit: 30, scaler: 0 })).toMatchObject({
      ok: true,
      value: { factor: 1, channel: { obis: '1.8.0', unit: 'Wh', kind: 'register' } },
    });
    expect(checkUnit({ channel: 2, unit: 30, scaler: 3 })).toMatchObject({
      ok: true,
      value: { factor: 1_000 },
    });
  });

  it.each([
    ['CHANNEL_UNKNOWN', { channel: 3, unit: 32, scaler: 0 }],
    ['UNIT_MISMATCH', { channel: 1, unit: 27, scaler: 0 }], // W where Wh belongs
    ['UNIT_MISMATCH', { channel: 1, unit: 255, scaler: 0 }], // 255: no unit, Blue Book table 4
    ['SCALER_UNSUPPORTED', { channel: 1, unit: 30, scaler: -1 }],
    ['SCALER_UNSUPPORTED', { channel: 1, unit: 30, scaler: 10 }],
  ])('%s: nothing is guessed', (code, block) => {
    expect(checkUnit(block)).toMatchObject({ ok: false, code });
  });

  it('knows each of its channels by the code, and no other', () => {
    for (const channel of channels) expect(channelOf(channel.code)).toBe(channel);
    expect(channelOf(0)).toBeNull();
  });
});
