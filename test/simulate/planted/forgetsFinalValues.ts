import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** What the old meter showed as it was taken away is left out: its last energy is nobody's. */
const exchangeMeter: Operations['exchangeMeter'] = (deps, viewer, input) =>
  productionOperations.exchangeMeter(deps, viewer, { ...input, finalValues: [] });

export const forgetsFinalValues: Operations = { ...productionOperations, exchangeMeter };
