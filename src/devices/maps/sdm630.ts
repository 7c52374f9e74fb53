import type { RegisterMap, RegisterSpec } from '../registerMap.ts';

type InputFloat = Pick<RegisterSpec, 'channel' | 'address' | 'unit' | 'resolution'> & {
  readonly perUnit: bigint;
};

function inputFloat({ perUnit, ...fields }: InputFloat): RegisterSpec {
  return {
    ...fields,
    functionCode: 4,
    count: 2,
    type: 'f32',
    wordOrder: 'highFirst',
    scale: { numerator: perUnit, denominator: 1n },
    sentinels: [],
    wrapModulus: null,
  };
}

const energyStep = 'float32 kWh: 0.0039 kWh above 32,768 kWh, 0.0156 kWh above 131,072 kWh';

export const sdm630: RegisterMap = {
  name: 'sdm630',
  registers: [
    inputFloat({
      channel: '32.7.0',
      address: 0x0000,
      unit: 'mV',
      perUnit: 1000n,
      resolution: 'float32 V',
    }),
    inputFloat({
      channel: '52.7.0',
      address: 0x0002,
      unit: 'mV',
      perUnit: 1000n,
      resolution: 'float32 V',
    }),
    inputFloat({
      channel: '72.7.0',
      address: 0x0004,
      unit: 'mV',
      perUnit: 1000n,
      resolution: 'float32 V',
    }),
    inputFloat({
      channel: '16.7.0',
      address: 0x0034,
      unit: 'W',
      perUnit: 1n,
      resolution: 'float32 W',
    }),
    inputFloat({
      channel: '1.8.0',
      address: 0x0048,
      unit: 'Wh',
      perUnit: 1000n,
      resolution: energyStep,
    }),
    inputFloat({
      channel: '2.8.0',
      address: 0x004a,
      unit: 'Wh',
      perUnit: 1000n,
      resolution: energyStep,
    }),
  ],
  // The mains frequency, in mHz: always alive, and a used meter's energy never looks like it.
  identity: {
    kind: 'register',
    field: {
      functionCode: 4,
      address: 0x0046,
      count: 2,
      type: 'f32',
      wordOrder: 'highFirst',
      scale: { numerator: 1000n, denominator: 1n },
      sentinels: [],
    },
    min: 40_000n,
    max: 70_000n,
  },
  blockRegistersMax: 80, // 40 parameters of two registers a request
  gapRegistersMax: 40,
  minGapMs: 5,
  responseMsMax: 500,
  powerWMax: 100_000n, // 3 x 100 A direct connected at 253 V, rounded up
  source: 'Eastron SDM630-Modbus, Modbus protocol implementation, input registers',
  revision: '1.1',
};
