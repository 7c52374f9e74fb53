import { findingsToldMax } from '../../domain/limits.ts';

export type FindingCode =
  /** The progress of an edge is not what its batches are. */
  | 'PROGRESS_DIFFERS'
  /** The guard and the log do not have the same batches. */
  | 'LOG_DIFFERS'
  | 'READING_COUNT_DIFFERS'
  /** Sequences of an edge never came, and nobody refused them. */
  | 'BATCHES_MISSING'
  /** The series has not the readings that the log says it must have. */
  | 'SERIES_DIFFERS'
  /** Energy of the slots that is neither charged nor unrated, or charged twice. */
  | 'ENERGY_DIFFERS'
  /** A charge is not the sum of its transfers. */
  | 'MONEY_DIFFERS'
  /** A meter was to be rated again, and our own code could not. */
  | 'DUTY_FAILED';

/** Something that nothing explains. */
export type Finding = {
  readonly code: FindingCode;
  /** Such as `edge/3/1/2` or `meter/7/1`. */
  readonly subject: string;
  readonly message: string;
};

/** All findings are counted, the first are named. */
export class Findings {
  count = 0;
  readonly first: Finding[] = [];

  add(code: FindingCode, subject: string, message: string): void {
    this.count += 1;
    if (this.first.length < findingsToldMax) this.first.push({ code, subject, message });
  }
}
