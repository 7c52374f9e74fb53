import { assert } from '../domain/assert.ts';

/** Why meters wait in `rerate_duty` to be rated again. */
export const dutyReasons = [
  'agreement_added',
  'attributes_added',
  'bill_judged',
  'price_changed',
  'readings_retried',
  'register_marked',
  'tariff_changed',
  'time_passed',
  'vee_set_published',
] as const;

export type DutyReason = (typeof dutyReasons)[number];

/** Of a row: an unknown one must not be posted under another name. */
export function dutyReasonOf(text: string): DutyReason {
  const known = dutyReasons.find((each) => each === text);
  assert(known !== undefined, `a duty has a known reason, not "${text}"`);
  return known;
}
