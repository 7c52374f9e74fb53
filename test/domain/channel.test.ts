import { describe, expect, it } from 'vitest';
import { channelOf, channelOfMedium, channels, checkUnit } from '../../src/domain/channel.ts';

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

  it('rule 16: gas and water count litres: 100 m3 at scaler 0 are 100,000 of them', () => {
    const cubicMetres = { channel: 1, unit: 13, scaler: 0 };
    expect(checkUnit(cubicMetres, 'gas')).toMatchObject({
      value: { factor: 1_000, channel: { code: 1, obis: '3.0.0', unit: 'l', kind: 'register' } },
    });
    expect(checkUnit({ ...cubicMetres, scaler: -3 }, 'water')).toMatchObject({
      value: { factor: 1, channel: { obis: '1.0.0' } },
    });
    // A hundredth of a cubic metre, the usual drum of a household's gas meter.
    expect(checkUnit({ ...cubicMetres, scaler: -2 }, 'gas')).toMatchObject({
      value: { factor: 10 },
    });
    expect(checkUnit({ ...cubicMetres, scaler: 6 }, 'gas')).toMatchObject({
      value: { factor: 1_000_000_000 },
    });
    // Corrected by the meter itself: table 4 of the Blue Book has unit 14, and only gas corrects.
    expect(checkUnit({ ...cubicMetres, unit: 14 }, 'gas')).toMatchObject({ ok: true });
    expect(checkUnit({ ...cubicMetres, unit: 14 }, 'water')).toMatchObject({
      code: 'UNIT_MISMATCH',
    });
  });

  it.each([
    ['CHANNEL_UNKNOWN', 'electricity', { channel: 3, unit: 32, scaler: 0 }],
    ['CHANNEL_UNKNOWN', 'gas', { channel: 2, unit: 13, scaler: 0 }],
    ['UNIT_MISMATCH', 'electricity', { channel: 1, unit: 27, scaler: 0 }], // W where Wh belongs
    ['UNIT_MISMATCH', 'electricity', { channel: 1, unit: 255, scaler: 0 }], // 255: no unit, table 4
    ['UNIT_MISMATCH', 'electricity', { channel: 1, unit: 13, scaler: 0 }],
    ['UNIT_MISMATCH', 'gas', { channel: 1, unit: 30, scaler: 0 }],
    ['SCALER_UNSUPPORTED', 'electricity', { channel: 1, unit: 30, scaler: -1 }],
    ['SCALER_UNSUPPORTED', 'electricity', { channel: 1, unit: 30, scaler: 10 }],
    ['SCALER_UNSUPPORTED', 'gas', { channel: 1, unit: 13, scaler: -4 }],
    ['SCALER_UNSUPPORTED', 'water', { channel: 1, unit: 13, scaler: 7 }],
  ] as const)('%s of %s: nothing is guessed', (code, medium, block) => {
    expect(checkUnit(block, medium)).toMatchObject({ ok: false, code });
  });

  it('knows each of its channels by the code, and no other', () => {
    for (const channel of channels) expect(channelOf(channel.code)).toBe(channel);
    expect(channelOf(0)).toBeNull();
    expect(channels.filter(({ kind }) => kind !== 'register').map(({ code }) => code)).toEqual([
      16, 257,
    ]);
    // Codes say the C group, phases 20 apart, the interval's energy 256 above.
    for (const { code, obis } of channels) {
      expect(obis.startsWith(`${code > 256 ? code - 256 : code}.`)).toBe(true);
    }
    expect(channelOfMedium(1, 'electricity')?.obis).toBe('1.8.0');
  });
});
