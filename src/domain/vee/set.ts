/** A company's rules for the registers of one customer class. */
export const customerClasses = ['gateway', 'large', 'community'] as const;
export type CustomerClass = (typeof customerClasses)[number];

/** A document of rules as it was read; made by `parseVeeSet` or `defaultVeeSet` only. */
export type VeeSet = {
  readonly customerClass: CustomerClass;
};

export function defaultVeeSet(customerClass: CustomerClass): VeeSet {
  return { customerClass };
}

/** Days of a register's slots before a window or gap that the set's rules may look at. */
export function historyDaysOf(_set: VeeSet): number {
  return 56;
}
