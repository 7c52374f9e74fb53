import type { RegisterMapName } from '../../src/domain/registerMapName.ts';

/** What the simulated meters count in: exact Wh, float32 kWh, or tenths of a kWh. */
export const registerKinds = ['int64', 'float32', 'tenth'] as const;
export type RegisterKind = (typeof registerKinds)[number];

export const mapNameOf = {
  int64: 'int64Wh',
  float32: 'sdm630',
  tenth: 'em24',
} as const satisfies Record<RegisterKind, RegisterMapName>;

/**
 * Registers of meters in use for years, in Wh: above 131,072 kWh a float32 counts in steps of
 * 15.6 Wh, and odd numbers leave no quantity on a step by chance.
 */
export function startRegisterWh(meterIndex: number): bigint {
  return 140_000_003n + 1_111_117n * BigInt(meterIndex);
}
