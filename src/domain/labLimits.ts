/** Limits of drafts of tariffs over a company's agreements. */

/** A draft over a company's agreements: two years of a small utility, an hour of a core. */
export const simulationAgreementsMax = 100_000;
export const simulationMonthsMax = 24;
/** Agreements times months of one chunk: some MB of stored days, half a second of a thread. */
export const simulationChunkMonthsMax = 384;
/** Simulations of a company that are not done yet: a person compares a few drafts at a time. */
export const simulationsOpenMax = 4;
/** The bills that change most, and the classes and codes that are told apart. */
export const changedBillsToldMax = 10;
export const customerClassesToldMax = 100;
/** Simulations are looked for so often, for bells that were lost. */
export const simulationSweepMs = 10_000;
