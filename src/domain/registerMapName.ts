/** The register maps that devices can read by; a meter is registered with one of them. */
export const registerMapNames = ['sdm630', 'iem3000', 'em24', 'int64Wh', 'contactor'] as const;
export type RegisterMapName = (typeof registerMapNames)[number];

export function isRegisterMapName(raw: string): raw is RegisterMapName {
  const names: readonly string[] = registerMapNames;
  return names.includes(raw);
}
