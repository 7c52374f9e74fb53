import { z } from 'zod';
import { assert } from '../assert.ts';
import { channelOf, channels } from '../channel.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome, Refused } from '../outcome.ts';
import { foundIn, wordsOf } from '../tariff/shapeWords.ts';
import { parseDate } from '../time/localText.ts';
import { customerClasses } from './classDefaults.ts';
import type { CustomerClass } from './classDefaults.ts';
import { ruleNames } from './ruleName.ts';
import type { ValidationRule, VeeRule } from './ruleName.ts';
import { veeSetShape, veeSetShapes } from './setShape.ts';
import type { VeeSetShape } from './setShape.ts';

export type EstimationSettings = VeeSetShape['estimation'];
export type GapMethod = EstimationSettings['order'][number];
export type DayProfiles = NonNullable<VeeSetShape['profile']>;

/**
 * By which rules the registers of a customer class are validated, and how their gaps are filled; as
 * it was read, defaults filled in. Made by `parseVeeSet` or `defaultVeeSet` only.
 */
export type VeeSet = {
  readonly customerClass: CustomerClass;
  readonly rules: VeeSetShape['rules'];
  readonly estimation: EstimationSettings;
  readonly profile: DayProfiles | null;
  /** Local days since 1970-01-01. */
  readonly holidays: ReadonlySet<number>;
};

export type VeeSetCode = 'VEE_SET_MALFORMED' | 'VEE_REJECT_IMPOSSIBLE';
type Refusal = Refused<VeeSetCode>;

function refuseAt(path: readonly PropertyKey[], message: string): Refusal {
  const texts = path.map(String);
  const where = texts.length === 0 ? 'The set of rules' : texts.join('.');
  return refuse('VEE_SET_MALFORMED', `${where}: ${message}.`, texts);
}

function shapeRefusal(error: z.ZodError): Refusal {
  const [issue] = error.issues;
  const found = issue === undefined ? { path: [], message: 'it is unreadable' } : foundIn(issue);
  return refuseAt(found.path, found.message);
}

const headShape = z.looseObject({ customerClass: z.enum(customerClasses) });

/** What the form alone cannot say. */
function refuseMeaning({ rules, estimation, profile }: VeeSetShape): Refusal | null {
  const { order, proxyDay, averaging } = estimation;
  const repeated = order.findIndex((method, index) => order.indexOf(method) !== index);
  if (repeated !== -1) {
    return refuseAt(['estimation', 'order', repeated], 'the method stands there already');
  }
  const tooFew = 'it is more than the days that are looked for; lower it';
  if (proxyDay.daysMin > proxyDay.days)
    return refuseAt(['estimation', 'proxyDay', 'daysMin'], tooFew);
  if (averaging.daysMin > averaging.days) {
    return refuseAt(['estimation', 'averaging', 'daysMin'], tooFew);
  }
  for (const rule of ['dynamicComparison', 'highLow'] as const) {
    const { historyDaysMin, historyDaysMax } = rules[rule];
    if (historyDaysMin > historyDaysMax) {
      return refuseAt(
        ['rules', rule, 'historyDaysMin'],
        'it is more than historyDaysMax; lower it',
      );
    }
  }
  for (const day of ['workday', 'saturday', 'sunday'] as const) {
    if (profile?.[day].every((weight) => weight === 0) === true) {
      return refuseAt(['profile', day], 'all shares are 0; give at least one that is not');
    }
  }
  return null;
}

export function parseVeeSet(raw: unknown): Outcome<VeeSet, VeeSetCode> {
  const head = headShape.safeParse(raw, { error: wordsOf });
  if (!head.success) return shapeRefusal(head.error);
  const shaped = veeSetShapes[head.data.customerClass].safeParse(raw, { error: wordsOf });
  if (!shaped.success) return shapeRefusal(shaped.error);
  const { customerClass, rules, estimation, profile, holidays } = shaped.data;
  const refusal = refuseMeaning(shaped.data);
  if (refusal !== null) return refusal;
  const days = new Set<number>();
  for (const [index, date] of holidays.entries()) {
    const day = parseDate(date);
    if (!day.ok) return refuseAt(['holidays', index], 'there is no such date; correct it');
    days.add(day.value);
  }
  return accept({ customerClass, rules, estimation, profile: profile ?? null, holidays: days });
}

/**
 * Rules whose readings are left out before anything is judged: by their unit when they come, by the
 * walk where the register went backwards. What another rule finds it finds in what was taken in:
 * with the reading left out the finding is gone, and with the finding the reading is back.
 */
const rejectingRules: readonly ValidationRule[] = ['negativeConsumption', 'unitOfMeasure'];

export function canReject(rule: VeeRule): boolean {
  return rejectingRules.some((each) => each === rule);
}

/** A set that is to be published; one that was is read by `parseVeeSet`. */
export function parseNewVeeSet(raw: unknown): Outcome<VeeSet, VeeSetCode> {
  const parsed = parseVeeSet(raw);
  if (!parsed.ok) return parsed;
  for (const rule of ruleNames) {
    const { channels: judged, outcome } = parsed.value.rules[rule];
    const unknown = judged.findIndex((code) => channelOf(code) === null);
    if (unknown !== -1) {
      const known = channels.map(({ code }) => code).join(', ');
      return refuseAt(['rules', rule, 'channels', unknown], `no meter has it; known are ${known}`);
    }
    if (outcome !== 'reject' || canReject(rule)) continue;
    const path = ['rules', rule, 'outcome'];
    return refuse(
      'VEE_REJECT_IMPOSSIBLE',
      `${path.join('.')}: this rule finds readings among those that were taken in, and would not ` +
        'find them once they are left out. Write hold, and let somebody void what is wrong.',
      path,
    );
  }
  return parsed;
}

/** What holds where a company has published nothing. */
export function defaultVeeSet(customerClass: CustomerClass): VeeSet {
  const parsed = parseVeeSet({ customerClass });
  assert(parsed.ok, 'the defaults of a class are a set');
  return parsed.value;
}

/** JSON Schema of what people write, for editors and other programs. */
export function veeSetJsonSchema(): object {
  const schema = z.toJSONSchema(veeSetShape, { io: 'input', reused: 'ref' });
  return { title: 'Validation, estimation and editing of one customer class', ...schema };
}

/** Days of a register's slots before a window or gap that the set's rules may look at. */
export function historyDaysOf({ rules, estimation }: VeeSet): number {
  const { order, proxyDay, averaging } = estimation;
  return Math.max(
    rules.dynamicComparison.on ? rules.dynamicComparison.historyDaysMax : 0,
    rules.highLow.on ? rules.highLow.historyDaysMax : 0,
    order.includes('proxyDay') ? proxyDay.historyDaysMax : 0,
    order.includes('averaging') ? averaging.days + 1 : 0,
  );
}
