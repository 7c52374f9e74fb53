/**
 * How a value came to be, as one byte a reading or slot; a smaller code is the better one, so that
 * the worse of two is their maximum. Names of the Kraken and Octopus enums.
 */
export const qualityActual = 0;
export const qualityCalculated = 1;
export const qualityEstimated = 2;
/** Of slots only: nothing is known about them, their energy is NaN. */
export const qualityMissing = 3;
/**
 * Of readings only, and only in an edit: the superseded reading does not count, and nothing stands
 * in its place.
 */
export const qualityVoid = 4;
