import { assertNever } from '../assert.ts';
import { gapBridgedDaysMax } from '../limits.ts';

export type WalkExceptionCode =
  | 'REGISTER_WENT_BACKWARDS'
  | 'REGISTER_RESET'
  | 'REGISTER_JUMPED'
  | 'GAP_NOT_BRIDGED';

/** A reading that was not accepted, or (GAP_NOT_BRIDGED) accepted without filling the slots. */
export type WalkException = {
  readonly code: WalkExceptionCode;
  readonly atMs: number;
  /** As the meter showed it, in the channel's unit. */
  readonly wh: bigint;
  /** The last accepted reading before it, as the meter showed it; null when there was none. */
  readonly lastAtMs: number | null;
  readonly lastWh: bigint | null;
  /** A value that a mark gives, not a reading of a batch: the mark then counts as not read. */
  readonly isMark: boolean;
};

export function describeWalkException(exception: WalkException): string {
  const { wh } = exception;
  const lastWh = exception.lastWh ?? 0n;
  switch (exception.code) {
    case 'REGISTER_WENT_BACKWARDS':
      return (
        `The register showed ${wh}, less than ${lastWh} before, and it is no rollover. Nothing ` +
        'is billed: look for a reset or an exchange.'
      );
    case 'REGISTER_RESET':
      return (
        `The register showed ${wh} after ${lastWh}: it seems to have begun again, and it is no ` +
        'rollover. Nothing is billed: look at the meter and record its reset or exchange.'
      );
    case 'REGISTER_JUMPED':
      return (
        `The register showed ${wh} after ${lastWh}, more than can flow at this meter. Nothing is ` +
        'billed: check its unit, its factor and its largest power.'
      );
    case 'GAP_NOT_BRIDGED':
      return (
        `No reading for more than ${gapBridgedDaysMax} days before ${wh}. The energy in between ` +
        'is not spread over slots: bill it by hand.'
      );
    default:
      return assertNever(exception.code);
  }
}
