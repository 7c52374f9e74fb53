/** Bounds of validation, estimation and editing; the others are in src/domain/limits.ts. */

/** Channels that one validation rule names: a three-phase meter in four quadrants has 20. */
export const channelsPerRuleMax = 32;
/** Holidays of one set of rules: ten years and more of them. */
export const holidaysPerVeeSetMax = 512;
/** A share of a profile's quarter hour: sums of six digits over 400 days stay far below 2^53. */
export const profileWeightMax = 1_000_000;
/** Days before a gap or window that a rule may look back: a year and some weeks. */
export const veeHistoryDaysMax = 400;
/** Meters and local days that one step of validation takes: some tens of milliseconds, in which a
 * live batch may have to wait. */
export const veeDutiesPerStepMax = 64;
export const veeDaysPerStepMax = 128;
/** Months of one answer about bills that nobody touched, and the batches that people entered. */
export const straightThroughMonthsMax = 24;
export const officeBatchesCountedMax = 10_000;
/** A decision whose window is longer has no effect in money that is worked out while one waits. */
export const decisionEffectDaysMax = 400;
/** Decisions of one event: some kilobytes; a step that makes more tells them in several. */
export const decisionsPerEventMax = 100;
/** A gap of an hour is laid out without a look at earlier days: many meters are read hourly. */
export const shortGapSlotsMax = 4;
