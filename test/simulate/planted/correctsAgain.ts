import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** Who comes too late to correct a batch has its readings entered all the same. */
const correctQuarantined: Operations['correctQuarantined'] = async (deps, viewer, input) => {
  const corrected = await productionOperations.correctQuarantined(deps, viewer, input);
  if (corrected.ok || corrected.code !== 'QUARANTINE_RESOLVED') return corrected;
  return productionOperations.recordReadings(deps, viewer, input);
};

export const correctsAgain: Operations = { ...productionOperations, correctQuarantined };
