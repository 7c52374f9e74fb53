import type { RegisterMap } from '../registerMap.ts';

/** A relay module: the supply's contactor hangs on one coil, and there is nothing to meter. */
export const contactor: RegisterMap = {
  name: 'contactor',
  registers: [],
  identity: { kind: 'coil', address: 0 },
  blockRegistersMax: 1,
  gapRegistersMax: 0,
  minGapMs: 5,
  responseMsMax: 500,
  powerWMax: 0n,
  source: 'Modbus Application Protocol 1.1b3, 6.1 Read Coils and 6.5 Write Single Coil',
  revision: '1.1b3',
};
