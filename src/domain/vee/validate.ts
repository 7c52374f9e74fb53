import { assertNever } from '../assert.ts';
import { checkMultiplier, checkUnitOfMeasure } from './blockForm.ts';
import { checkConsecutiveInterval } from './consecutiveInterval.ts';
import { checkDuplicateReading } from './duplicateReading.ts';
import { checkDynamicComparison } from './dynamicComparison.ts';
import { checkFinalReplacement } from './finalReplacement.ts';
import type { Finding, Seen } from './finding.ts';
import { checkHighLow } from './highLow.ts';
import { checkInactiveMeasurement } from './inactiveMeasurement.ts';
import { checkIntervalSize } from './intervalSize.ts';
import { checkIntervalSpike } from './intervalSpike.ts';
import { checkMissingQuantity } from './missingQuantity.ts';
import { checkNegativeConsumption } from './negativeConsumption.ts';
import { checkProlongedEstimation } from './prolongedEstimation.ts';
import { ruleNames, validationRules } from './ruleName.ts';
import type { ValidationRule } from './ruleName.ts';
import type { VeeSet } from './set.ts';
import { checkSiblingExists } from './siblingExists.ts';
import { checkSum } from './sumCheck.ts';
import type { WindowInput } from './window.ts';
import { checkZeroConsumption } from './zeroConsumption.ts';

type Checks = Readonly<Record<ValidationRule, () => Seen | null>>;

function checksOf({ rules }: VeeSet, input: WindowInput): Checks {
  return {
    consecutiveInterval: () => checkConsecutiveInterval(rules.consecutiveInterval, input),
    duplicateReading: () => checkDuplicateReading(rules.duplicateReading, input),
    dynamicComparison: () => checkDynamicComparison(rules.dynamicComparison, input),
    siblingExists: () => checkSiblingExists(rules.siblingExists, input),
    finalReplacement: () => checkFinalReplacement(rules.finalReplacement, input),
    highLow: () => checkHighLow(rules.highLow, input),
    inactiveMeasurement: () => checkInactiveMeasurement(rules.inactiveMeasurement, input),
    intervalSize: () => checkIntervalSize(rules.intervalSize, input),
    intervalSpike: () => checkIntervalSpike(rules.intervalSpike, input),
    multiplier: () => checkMultiplier(input),
    negativeConsumption: () => checkNegativeConsumption(rules.negativeConsumption, input),
    prolongedEstimation: () => checkProlongedEstimation(rules.prolongedEstimation, input),
    missingQuantity: () => checkMissingQuantity(rules.missingQuantity, input),
    sum: () => checkSum(rules.sum, input),
    unitOfMeasure: () => checkUnitOfMeasure(input),
    zeroConsumption: () => checkZeroConsumption(rules.zeroConsumption, input),
  };
}

/** They look at how readings were sent, which is known before the day is over. */
const rulesOfForm: readonly ValidationRule[] = ['duplicateReading', 'multiplier', 'unitOfMeasure'];

function judges({ rules }: VeeSet, rule: ValidationRule, input: WindowInput): boolean {
  const { kind, channel, isOpen = false } = input;
  const { on, windows, channels } = rules[rule];
  if (isOpen && !rulesOfForm.includes(rule)) return false;
  return on && windows.includes(kind) && (channels.length === 0 || channels.includes(channel));
}

/** All that the set's rules find about a window, in the order of the rules' numbers. */
export function validateWindow(set: VeeSet, input: WindowInput): readonly Finding[] {
  const checks = checksOf(set, input);
  return ruleNames.flatMap((rule) => {
    const seen = judges(set, rule, input) ? checks[rule]() : null;
    if (seen === null) return [];
    const message = `${validationRules[rule].title}: ${seen.message}`;
    return [{ ...seen, rule, outcome: set.rules[rule].outcome, message }];
  });
}

/** What a rule cannot do without; true when the window has it. */
function hasInput(rule: ValidationRule, input: WindowInput): boolean {
  switch (rule) {
    case 'dynamicComparison':
      return input.history !== null;
    case 'highLow':
      return input.history !== null || input.bills.length > 0;
    case 'siblingExists':
      return input.siblings.length > 0;
    case 'finalReplacement':
      return input.replacement !== null;
    case 'inactiveMeasurement':
      return input.agreed !== null;
    case 'sum':
      return input.intervals !== null;
    case 'multiplier':
    case 'unitOfMeasure':
      return input.blocks.length > 0;
    case 'zeroConsumption':
      return input.isOccupied !== null && input.hasVoltage !== null;
    case 'consecutiveInterval':
    case 'duplicateReading':
    case 'intervalSize':
    case 'intervalSpike':
    case 'negativeConsumption':
    case 'prolongedEstimation':
    case 'missingQuantity':
      return true;
    default:
      return assertNever(rule);
  }
}

/** Rules of the set that judge such a window and cannot judge this one, for want of input. */
export function silentRules(set: VeeSet, input: WindowInput): readonly ValidationRule[] {
  return ruleNames.filter((rule) => judges(set, rule, input) && !hasInput(rule, input));
}
