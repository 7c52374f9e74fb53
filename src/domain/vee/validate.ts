import type { Finding } from './finding.ts';
import type { VeeSet } from './set.ts';
import type { WindowInput } from './window.ts';

/** All that the set's rules find about a window, in the order of the rules' numbers. */
export function validateWindow(_set: VeeSet, _input: WindowInput): readonly Finding[] {
  return [];
}
