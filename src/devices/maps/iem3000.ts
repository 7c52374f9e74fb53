import type { RegisterMap, RegisterSpec } from '../registerMap.ts';

/** Schneider marks an INT64 that is not available with the most negative number. */
const int64NotAvailable = 0x8000_0000_0000_0000n;

function holdingFloat(
  fields: Pick<RegisterSpec, 'channel' | 'address' | 'unit' | 'resolution'>,
): RegisterSpec {
  return {
    ...fields,
    functionCode: 3,
    count: 2,
    type: 'f32',
    wordOrder: 'highFirst',
    scale: { numerator: 1000n, denominator: 1n }, // kW to W, V to mV
    sentinels: [],
    wrapModulus: null,
  };
}

function energy(fields: Pick<RegisterSpec, 'channel' | 'address'>): RegisterSpec {
  return {
    ...fields,
    unit: 'Wh',
    functionCode: 3,
    count: 4,
    type: 'i64',
    wordOrder: 'highFirst',
    scale: { numerator: 1n, denominator: 1n },
    sentinels: [int64NotAvailable],
    wrapModulus: null,
    resolution: '1 Wh',
  };
}

/** Addresses are the manual's register numbers minus one. */
export const iem3000: RegisterMap = {
  name: 'iem3000',
  registers: [
    holdingFloat({ channel: '32.7.0', address: 0x0bd3, unit: 'mV', resolution: 'float32 V' }),
    holdingFloat({ channel: '52.7.0', address: 0x0bd5, unit: 'mV', resolution: 'float32 V' }),
    holdingFloat({ channel: '72.7.0', address: 0x0bd7, unit: 'mV', resolution: 'float32 V' }),
    holdingFloat({ channel: '16.7.0', address: 0x0bf3, unit: 'W', resolution: 'float32 kW' }),
    energy({ channel: '1.8.0', address: 0x0c83 }),
    energy({ channel: '2.8.0', address: 0x0c87 }),
  ],
  // Register 3110, mains frequency as float32 Hz, here in mHz.
  identity: {
    kind: 'register',
    field: {
      functionCode: 3,
      address: 0x0c25,
      count: 2,
      type: 'f32',
      wordOrder: 'highFirst',
      scale: { numerator: 1000n, denominator: 1n },
      sentinels: [],
    },
    min: 40_000n,
    max: 70_000n,
  },
  blockRegistersMax: 125, // Modbus Application Protocol 1.1b3, 6.3
  gapRegistersMax: 0,
  minGapMs: 5,
  responseMsMax: 500,
  powerWMax: 25_000_000n, // the iEM32xx with current transformers
  source: 'Schneider Electric iEM3000 series user manual, Modbus register list',
  revision: 'DOCA0005EN',
};
