/**
 * The rules of validation, estimation and editing by the names that the industry gives them (Oracle
 * Utilities Meter Data Management, "Validation Rules" and "Estimation Rules"). Their numbers stand
 * in stored days, so they are never given to another rule.
 */
export const validationRules = {
  consecutiveInterval: { number: 1, title: 'Consecutive Interval Check' },
  duplicateReading: { number: 2, title: 'Duplicate IMD Check' },
  dynamicComparison: { number: 3, title: 'Dynamic Comparison Validation' },
  siblingExists: { number: 4, title: 'Ensure IMD Exists for Sibling MCs' },
  finalReplacement: { number: 5, title: 'Final Measurement Replacement' },
  highLow: { number: 6, title: 'High/Low Check' },
  inactiveMeasurement: { number: 7, title: 'Inactive Measurement Check' },
  intervalSize: { number: 8, title: 'Interval Size Validation' },
  intervalSpike: { number: 9, title: 'Interval Spike Check' },
  multiplier: { number: 10, title: 'Multiplier Check' },
  negativeConsumption: { number: 11, title: 'Negative Consumption Check' },
  prolongedEstimation: { number: 12, title: 'Prolonged Estimation Check' },
  missingQuantity: { number: 13, title: 'Raise Missing Quantity Exception' },
  sum: { number: 14, title: 'Sum Check' },
  unitOfMeasure: { number: 15, title: 'Unit of Measure Check' },
  zeroConsumption: { number: 16, title: 'Zero Consumption Check' },
} as const;

export const estimationRules = {
  adjustmentFromScalar: { number: 17, title: 'Interval Adjustment From Scalar' },
  averaging: { number: 18, title: 'Interval Averaging Estimation' },
  createForGap: { number: 19, title: 'Interval Create Estimation IMD for Gap' },
  interpolation: { number: 20, title: 'Interval Interpolation Estimation' },
  profile: { number: 21, title: 'Interval Profile Estimation' },
  proxyDay: { number: 22, title: 'Interval Proxy Day Estimation' },
  scalarFromInterval: { number: 23, title: 'Scalar Calculation From Interval' },
  scalarEstimation: { number: 24, title: 'Scalar Estimation' },
  scalarProfile: { number: 25, title: 'Scalar Profile Estimation' },
  scalarProration: { number: 26, title: 'Scalar Proration' },
  subtractiveAdjustment: { number: 27, title: 'Subtractive Interval Adjustment' },
} as const;

/** What is seen whatever rules a set has: the numbers above are the industry's, these have none. */
export const otherChecks = {
  PHASE_SEQUENCE_ERROR: { title: 'Phases reversed' },
  CLOCK_DRIFT: { title: 'Clock off by more than a slot' },
} as const;

export type OtherCheck = keyof typeof otherChecks;
export type ValidationRule = keyof typeof validationRules;
export type EstimationRule = keyof typeof estimationRules;
export type VeeRule = ValidationRule | EstimationRule;

/** The rules in the order of their numbers. */
export const ruleNames: readonly ValidationRule[] = [
  'consecutiveInterval',
  'duplicateReading',
  'dynamicComparison',
  'siblingExists',
  'finalReplacement',
  'highLow',
  'inactiveMeasurement',
  'intervalSize',
  'intervalSpike',
  'multiplier',
  'negativeConsumption',
  'prolongedEstimation',
  'missingQuantity',
  'sum',
  'unitOfMeasure',
  'zeroConsumption',
];
