import { z } from 'zod';
import { holidaysPerVeeSetMax, profileWeightMax } from './limits.ts';
import { slotsPerDay } from '../rating/slot.ts';
import { classDefaultsOf } from './classDefaults.ts';
import type { CustomerClass } from './classDefaults.ts';
import { consecutiveIntervalLimits } from './consecutiveInterval.ts';
import { duplicateReadingLimits } from './duplicateReading.ts';
import { dynamicComparisonLimits } from './dynamicComparison.ts';
import { finalReplacementLimits } from './finalReplacement.ts';
import { highLowLimits } from './highLow.ts';
import { inactiveMeasurementLimits } from './inactiveMeasurement.ts';
import { intervalSizeLimits } from './intervalSize.ts';
import { intervalSpikeLimits } from './intervalSpike.ts';
import { missingQuantityLimits } from './missingQuantity.ts';
import { negativeConsumptionLimits } from './negativeConsumption.ts';
import { prolongedEstimationLimits } from './prolongedEstimation.ts';
import { ruleFields, dayCount, slotCount } from './ruleShape.ts';
import { siblingExistsLimits } from './siblingExists.ts';
import { sumLimits } from './sumCheck.ts';
import { zeroConsumptionLimits } from './zeroConsumption.ts';
import type { ValidationRule } from './ruleName.ts';

/** Ways to lay a register's difference over a gap, tried in the order of the set. */
export const gapMethods = [
  'adjustmentFromScalar',
  'subtractiveAdjustment',
  'interpolation',
  'proxyDay',
  'profile',
  'averaging',
] as const;

const estimationShape = z
  .strictObject({
    /** The first that can say it does; when none can, the gap is as even as time. */
    order: z
      .array(z.enum(gapMethods))
      .max(gapMethods.length)
      .default([...gapMethods]),
    interpolation: z
      .strictObject({
        /** A longer gap has had its own life: two hours. */
        slotsMax: slotCount.default(8),
      })
      .prefault({}),
    proxyDay: z
      .strictObject({
        /** The mean of so many days of the same weekday; fewer are taken down to the least. */
        days: z.int().min(1).max(12).default(4),
        daysMin: z.int().min(1).max(12).default(2),
        historyDaysMax: dayCount.default(56),
      })
      .prefault({}),
    averaging: z
      .strictObject({
        /** The mean of so many days before, of whatever weekday. */
        days: z.int().min(1).max(31).default(7),
        daysMin: z.int().min(1).max(31).default(3),
      })
      .prefault({}),
    /** What follows when an estimate does not pass validation itself. */
    failed: z.enum(['alert', 'hold']).default('hold'),
  })
  .prefault({});

const dayProfile = z.array(z.int().min(0).max(profileWeightMax)).length(slotsPerDay);

/** How a day's energy lies over its local quarter hours, in shares of any size. */
const profileShape = z.strictObject({
  workday: dayProfile,
  saturday: dayProfile,
  /** Holidays too. */
  sunday: dayProfile,
});

function rulesShape(customerClass: CustomerClass) {
  const of = (rule: ValidationRule) => ruleFields(classDefaultsOf(customerClass, rule));
  const rule = <Limits extends z.core.$ZodLooseShape>(name: ValidationRule, limits: Limits) =>
    z.strictObject({ ...of(name), ...limits });
  return z
    .strictObject({
      consecutiveInterval: rule('consecutiveInterval', consecutiveIntervalLimits).prefault({}),
      duplicateReading: rule('duplicateReading', duplicateReadingLimits).prefault({}),
      dynamicComparison: rule('dynamicComparison', dynamicComparisonLimits).prefault({}),
      siblingExists: rule('siblingExists', siblingExistsLimits).prefault({}),
      finalReplacement: rule('finalReplacement', finalReplacementLimits).prefault({}),
      highLow: rule('highLow', highLowLimits).prefault({}),
      inactiveMeasurement: rule('inactiveMeasurement', inactiveMeasurementLimits).prefault({}),
      intervalSize: rule('intervalSize', intervalSizeLimits).prefault({}),
      intervalSpike: rule('intervalSpike', intervalSpikeLimits).prefault({}),
      multiplier: rule('multiplier', {}).prefault({}),
      negativeConsumption: rule('negativeConsumption', negativeConsumptionLimits).prefault({}),
      prolongedEstimation: rule('prolongedEstimation', prolongedEstimationLimits).prefault({}),
      missingQuantity: rule('missingQuantity', missingQuantityLimits).prefault({}),
      sum: rule('sum', sumLimits).prefault({}),
      unitOfMeasure: rule('unitOfMeasure', {}).prefault({}),
      zeroConsumption: rule('zeroConsumption', zeroConsumptionLimits).prefault({}),
    })
    .prefault({});
}

function shapeOf<Class extends CustomerClass>(customerClass: Class) {
  return z.strictObject({
    customerClass: z.literal(customerClass),
    /** For people: what is special about it. */
    note: z.string().max(400).optional(),
    rules: rulesShape(customerClass),
    estimation: estimationShape,
    profile: profileShape.optional(),
    /** Local dates that are like Sundays. */
    holidays: z
      .array(z.string().regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, 'write a date as YYYY-MM-DD'))
      .max(holidaysPerVeeSetMax)
      .default([]),
  });
}

/** The outer form of a set for each class, with the class's defaults in it. */
export const veeSetShapes = {
  gateway: shapeOf('gateway'),
  large: shapeOf('large'),
  community: shapeOf('community'),
} as const;

export const veeSetShape = z.discriminatedUnion('customerClass', [
  veeSetShapes.gateway,
  veeSetShapes.large,
  veeSetShapes.community,
]);

export type VeeSetShape = z.output<typeof veeSetShape>;
export type VeeSetText = z.input<typeof veeSetShape>;
