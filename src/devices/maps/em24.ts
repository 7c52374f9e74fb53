import type { RegisterMap, RegisterSpec } from '../registerMap.ts';

/** What the EM24 puts into an INT32 that is beyond its range ("EEE" on the display). */
const int32Overflow = 0x7fff_ffffn;

function int32LowFirst(
  fields: Pick<RegisterSpec, 'channel' | 'address' | 'unit' | 'scale' | 'resolution'>,
): RegisterSpec {
  return {
    ...fields,
    functionCode: 3,
    count: 2,
    type: 'i32',
    wordOrder: 'lowFirst',
    sentinels: [int32Overflow],
    wrapModulus: null,
  };
}

const tenthKwhInWh = { numerator: 100n, denominator: 1n };
const tenthVoltInMv = { numerator: 100n, denominator: 1n };
const tenthWattInW = { numerator: 1n, denominator: 10n };

export const em24: RegisterMap = {
  name: 'em24',
  registers: [
    int32LowFirst({
      channel: '32.7.0',
      address: 0x0000,
      unit: 'mV',
      scale: tenthVoltInMv,
      resolution: '0.1 V',
    }),
    int32LowFirst({
      channel: '52.7.0',
      address: 0x0002,
      unit: 'mV',
      scale: tenthVoltInMv,
      resolution: '0.1 V',
    }),
    int32LowFirst({
      channel: '72.7.0',
      address: 0x0004,
      unit: 'mV',
      scale: tenthVoltInMv,
      resolution: '0.1 V',
    }),
    int32LowFirst({
      channel: '16.7.0',
      address: 0x0028,
      unit: 'W',
      scale: tenthWattInW,
      resolution: '0.1 W',
    }),
    int32LowFirst({
      channel: '1.8.0',
      address: 0x0034,
      unit: 'Wh',
      scale: tenthKwhInWh,
      resolution: '0.1 kWh',
    }),
    int32LowFirst({
      channel: '2.8.0',
      address: 0x004e,
      unit: 'Wh',
      scale: tenthKwhInWh,
      resolution: '0.1 kWh',
    }),
  ],
  identity: {
    kind: 'register',
    field: {
      functionCode: 3,
      address: 0x000b,
      count: 1,
      type: 'u16',
      wordOrder: 'highFirst',
      scale: { numerator: 1n, denominator: 1n },
      sentinels: [0xffffn],
    },
    min: 1n,
    max: 9999n,
  },
  blockRegistersMax: 11,
  gapRegistersMax: 0,
  minGapMs: 5,
  responseMsMax: 500,
  powerWMax: 10_000_000n, // the AV5 models with current transformers
  source: 'Carlo Gavazzi EM24-DIN serial communication protocol, Modbus instantaneous variables',
  revision: '2.1',
};
