import { assertNever } from '../assert.ts';
import {
  qualityActual,
  qualityCalculated,
  qualityEstimated,
  qualityMissing,
} from '../series/quality.ts';
import type { WalkExceptionCode } from '../series/walkException.ts';

/**
 * Words of other systems for how a value came to be. Null: there is no such word on the other side,
 * and none is invented.
 */
export type Quality =
  | typeof qualityActual
  | typeof qualityCalculated
  | typeof qualityEstimated
  | typeof qualityMissing;

/** Reading qualities of the Kraken and Octopus GraphQL interfaces. */
export type OctopusQuality = 'ACTUAL' | 'CALCULATED' | 'ESTIMATE' | 'ZEROED' | 'AGREED' | 'MIXED';
/** Quantity qualities of Energinet's DataHub. */
export type DataHubQuality = 'MISSING' | 'ESTIMATED' | 'CALCULATED' | 'MEASURED';
/** AEMO, Meter Data File Format NEM12 & NEM13: quality flags of 300 and 400 records. */
export type Nem12Quality = 'A' | 'S' | 'E' | 'F' | 'N' | 'V';

export function octopusOf(quality: Quality): OctopusQuality | null {
  switch (quality) {
    case qualityActual:
      return 'ACTUAL';
    case qualityCalculated:
      return 'CALCULATED';
    case qualityEstimated:
      return 'ESTIMATE';
    case qualityMissing:
      return null;
    default:
      return assertNever(quality);
  }
}

export function qualityOfOctopus(word: OctopusQuality): Quality {
  switch (word) {
    case 'ACTUAL':
      return qualityActual;
    case 'CALCULATED':
      return qualityCalculated;
    // Set by a rule or by two suppliers, not read: better than a guess, less than a reading.
    case 'ZEROED':
    case 'AGREED':
      return qualityCalculated;
    case 'ESTIMATE':
      return qualityEstimated;
    // Some of it is estimated, so the whole is as good as that.
    case 'MIXED':
      return qualityEstimated;
    default:
      return assertNever(word);
  }
}

export function dataHubOf(quality: Quality): DataHubQuality {
  switch (quality) {
    case qualityActual:
      return 'MEASURED';
    case qualityCalculated:
      return 'CALCULATED';
    case qualityEstimated:
      return 'ESTIMATED';
    case qualityMissing:
      return 'MISSING';
    default:
      return assertNever(quality);
  }
}

export function qualityOfDataHub(word: DataHubQuality): Quality {
  switch (word) {
    case 'MEASURED':
      return qualityActual;
    case 'CALCULATED':
      return qualityCalculated;
    case 'ESTIMATED':
      return qualityEstimated;
    case 'MISSING':
      return qualityMissing;
    default:
      return assertNever(word);
  }
}

/**
 * NEM12 has no word between read and substituted. `E` is for times whose end nobody has read yet,
 * `S` for a gap between readings; which of them an estimate is, its gap says.
 */
export function nem12Of(
  quality: Quality,
  { isForward }: { readonly isForward: boolean },
): Nem12Quality {
  switch (quality) {
    case qualityActual:
      return 'A';
    case qualityCalculated:
      return 'S';
    case qualityEstimated:
      return isForward ? 'E' : 'S';
    case qualityMissing:
      return 'N';
    default:
      return assertNever(quality);
  }
}

/** Of `V` null: each interval has its own in a 400 record. */
export function qualityOfNem12(word: Nem12Quality): Quality | null {
  switch (word) {
    case 'A':
      return qualityActual;
    case 'S':
    case 'E':
    case 'F':
      return qualityEstimated;
    case 'N':
      return qualityMissing;
    case 'V':
      return null;
    default:
      return assertNever(word);
  }
}

/** The NEM12 reason code of a reading that was not accepted; null: there is none for it. */
export function nem12ReasonOf(code: WalkExceptionCode): number | null {
  // 18: "Read Below Previous".
  return code === 'REGISTER_WENT_BACKWARDS' || code === 'REGISTER_RESET' ? 18 : null;
}
