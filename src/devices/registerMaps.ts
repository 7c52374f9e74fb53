import { contactor } from './maps/contactor.ts';
import { em24 } from './maps/em24.ts';
import { iem3000 } from './maps/iem3000.ts';
import { int64Wh } from './maps/int64Wh.ts';
import { sdm630 } from './maps/sdm630.ts';
import type { RegisterMapName } from '../domain/registerMapName.ts';
import type { RegisterMap } from './registerMap.ts';

/** The meter models we speak to. A new one is a file in maps/ and a line here. */
export const registerMaps: Readonly<Record<RegisterMapName, RegisterMap>> = {
  sdm630,
  iem3000,
  em24,
  int64Wh,
  contactor,
};
