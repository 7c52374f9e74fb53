import type { RuleOutcome } from './finding.ts';
import type { RuleDefaults } from './ruleShape.ts';
import type { ValidationRule } from './ruleName.ts';
import { exportChannel, importChannel, intervalEnergyChannel } from '../channel.ts';

/** By which rules a meter is validated: at an exchange point, a large customer, a community. */
export const customerClasses = ['gateway', 'large', 'community'] as const;
export type CustomerClass = (typeof customerClasses)[number];

const billed = [importChannel, exportChannel] as const;

const told: RuleDefaults = { outcome: 'alert', windows: ['day'], channels: billed };
const toldOfBill: RuleDefaults = { outcome: 'alert', windows: ['bill'], channels: billed };
const everyWindow: RuleDefaults = { outcome: 'alert', windows: ['day', 'bill'], channels: [] };

/** The same for each class, but for what `outcomes` says. */
const rules: Readonly<Record<ValidationRule, RuleDefaults>> = {
  consecutiveInterval: told,
  duplicateReading: { ...everyWindow, windows: ['day'] },
  dynamicComparison: told,
  siblingExists: { ...told, channels: [importChannel] },
  finalReplacement: { ...toldOfBill, channels: [] },
  highLow: { ...toldOfBill, channels: [importChannel] },
  inactiveMeasurement: { ...told, channels: [importChannel] },
  intervalSize: { ...told, channels: [intervalEnergyChannel] },
  intervalSpike: told,
  multiplier: { ...everyWindow, outcome: 'hold', windows: ['day'] },
  negativeConsumption: { ...everyWindow, outcome: 'reject', windows: ['day'] },
  prolongedEstimation: { ...toldOfBill, channels: [importChannel] },
  missingQuantity: toldOfBill,
  sum: { ...told, channels: [importChannel] },
  unitOfMeasure: { ...everyWindow, outcome: 'reject', windows: ['day'] },
  zeroConsumption: { ...told, channels: [importChannel] },
};

/** Where much money hangs on one meter, a doubt holds its bill until somebody has looked. */
const outcomes: Readonly<Record<CustomerClass, Partial<Record<ValidationRule, RuleOutcome>>>> = {
  gateway: {
    siblingExists: 'hold',
    intervalSpike: 'hold',
    missingQuantity: 'hold',
    sum: 'hold',
  },
  large: {
    siblingExists: 'hold',
    highLow: 'hold',
    intervalSpike: 'hold',
    missingQuantity: 'hold',
    sum: 'hold',
  },
  community: { highLow: 'hold' },
};

export function classDefaultsOf(customerClass: CustomerClass, rule: ValidationRule): RuleDefaults {
  const outcome = outcomes[customerClass][rule];
  return outcome === undefined ? rules[rule] : { ...rules[rule], outcome };
}
