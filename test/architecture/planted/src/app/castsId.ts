import type { MeterId } from '../../../../../src/domain/ids.ts';

export function fault(raw: number): MeterId {
  // A reason does not help: an id is made by its parser.
  return raw as MeterId;
}
