import type { RegisterMap, RegisterSpec } from '../registerMap.ts';

function energy(fields: Pick<RegisterSpec, 'channel' | 'address'>): RegisterSpec {
  return {
    ...fields,
    unit: 'Wh',
    functionCode: 3,
    count: 4,
    type: 'i64',
    wordOrder: 'highFirst',
    scale: { numerator: 1n, denominator: 1n },
    sentinels: [0x8000_0000_0000_0000n],
    wrapModulus: null,
    resolution: '1 Wh',
  };
}

/** A plain layout of our own, exact to the Wh: replays of recorded loads lose nothing on it. */
export const int64Wh: RegisterMap = {
  name: 'int64Wh',
  registers: [
    energy({ channel: '1.8.0', address: 0x0000 }),
    energy({ channel: '2.8.0', address: 0x0004 }),
    {
      channel: '16.7.0',
      unit: 'W',
      functionCode: 3,
      address: 0x0008,
      count: 2,
      type: 'i32',
      wordOrder: 'highFirst',
      scale: { numerator: 1n, denominator: 1n },
      sentinels: [0x8000_0000n],
      wrapModulus: null,
      resolution: '1 W',
    },
  ],
  // The ASCII letters JB, so that no other device passes for this one.
  identity: {
    kind: 'register',
    field: {
      functionCode: 3,
      address: 0x000a,
      count: 1,
      type: 'u16',
      wordOrder: 'highFirst',
      scale: { numerator: 1n, denominator: 1n },
      sentinels: [],
    },
    min: 0x4a42n,
    max: 0x4a42n,
  },
  blockRegistersMax: 125,
  gapRegistersMax: 0,
  minGapMs: 5,
  responseMsMax: 500,
  powerWMax: 25_000_000n,
  source: 'Joulebook, this file',
  revision: '1',
};
