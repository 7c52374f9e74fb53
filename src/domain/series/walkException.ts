import { assertNever } from '../assert.ts';
import { gapBridgedDaysMax } from '../limits.ts';

export type WalkExceptionCode = 'REGISTER_WENT_BACKWARDS' | 'REGISTER_JUMPED' | 'GAP_NOT_BRIDGED';

/** A reading that was not accepted, or (GAP_NOT_BRIDGED) accepted without filling the slots. */
export type WalkException = {
  readonly code: WalkExceptionCode;
  readonly atMs: number;
  /** As the meter showed it. */
  readonly wh: bigint;
  /** The last accepted reading before it, unwrapped; null when there was none. */
  readonly lastAtMs: number | null;
  readonly lastWh: bigint | null;
};

export function describeWalkException(exception: WalkException): string {
  switch (exception.code) {
    case 'REGISTER_WENT_BACKWARDS':
      return (
        `The register showed ${exception.wh} Wh, less than ${exception.lastWh ?? 0n} Wh ` +
        'before, and it is no rollover. Nothing is billed: look for a reset or an exchange.'
      );
    case 'REGISTER_JUMPED':
      return (
        `The register showed ${exception.wh} Wh after ${exception.lastWh ?? 0n} Wh, more than ` +
        'can flow at this meter. Nothing is billed: check its unit and its largest power.'
      );
    case 'GAP_NOT_BRIDGED':
      return (
        `No reading for more than ${gapBridgedDaysMax} days before ${exception.wh} Wh. The ` +
        'energy in between is not spread over slots: bill it by hand.'
      );
    default:
      return assertNever(exception.code);
  }
}
