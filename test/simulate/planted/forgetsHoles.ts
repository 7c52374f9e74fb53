import { productionOperations } from '../operations.ts';
import type { Operations } from '../operations.ts';

/** Receipts say that all has come: nothing that was lost on the way is asked for. */
const commitBatches: Operations['commitBatches'] = async (deps, carried) => {
  const answers = await productionOperations.commitBatches(deps, carried);
  return answers.map((answer) =>
    answer.ok ? { ...answer, value: { ...answer.value, missing: [] } } : answer,
  );
};

export const forgetsHoles: Operations = { ...productionOperations, commitBatches };
