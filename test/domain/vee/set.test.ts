import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assert } from '../../../src/domain/assert.ts';
import { customerClasses } from '../../../src/domain/vee/classDefaults.ts';
import { estimationRules, validationRules } from '../../../src/domain/vee/ruleName.ts';
import {
  defaultVeeSet,
  historyDaysOf,
  parseNewVeeSet,
  parseVeeSet,
  veeSetJsonSchema,
} from '../../../src/domain/vee/set.ts';
import { silentRules, validateWindow } from '../../../src/domain/vee/validate.ts';
import { dayOf, flat, historyOf, slotsFrom, tuesdaySlot, windowOf } from './windows.ts';

const refusalOf = (document: unknown) => {
  const parsed = parseVeeSet(document);
  assert(!parsed.ok, 'the document is refused');
  return `${parsed.code} ${parsed.path?.join('.') ?? ''}`;
};

describe('a set of rules', () => {
  it('is complete from its class alone, and every class has all sixteen rules', () => {
    for (const customerClass of customerClasses) {
      const set = defaultVeeSet(customerClass);
      expect(Object.keys(set.rules).toSorted()).toEqual(Object.keys(validationRules).toSorted());
      expect(Object.values(set.rules).every(({ on }) => on)).toBe(true);
    }
  });

  it('says only what is other than the default of its class', () => {
    const parsed = parseVeeSet({
      customerClass: 'community',
      rules: { highLow: { highPercentMax: 300 }, zeroConsumption: { on: false } },
      holidays: ['2026-12-25'],
    });
    assert(parsed.ok, 'it is read');
    expect(parsed.value.rules.highLow).toMatchObject({
      on: true,
      outcome: 'hold',
      highPercentMax: 300,
      historyDaysMin: 7,
    });
    expect(parsed.value.rules.zeroConsumption.on).toBe(false);
    expect(parsed.value.holidays).toEqual(new Set([Date.UTC(2026, 11, 25) / 86_400_000]));
  });

  it('is refused where it would leave out what it only finds in what was taken in', () => {
    const reject = { outcome: 'reject' };
    for (const rule of Object.keys(validationRules)) {
      const parsed = parseNewVeeSet({ customerClass: 'large', rules: { [rule]: reject } });
      const isBefore = rule === 'negativeConsumption' || rule === 'unitOfMeasure';
      expect([rule, parsed.ok]).toEqual([rule, isBefore]);
      if (parsed.ok) continue;
      expect(parsed).toMatchObject({ code: 'VEE_REJECT_IMPOSSIBLE' });
      expect(parsed.path).toEqual(['rules', rule, 'outcome']);
    }
    // One that was published before is read as ever.
    expect(parseVeeSet({ customerClass: 'large', rules: { sum: reject } }).ok).toBe(true);
  });

  it('is refused where it judges a channel that no meter has', () => {
    const judging = (codes: readonly number[]) =>
      parseNewVeeSet({ customerClass: 'large', rules: { highLow: { channels: codes } } });
    expect(judging([1, 2]).ok).toBe(true);
    expect(judging([1, 99])).toMatchObject({
      code: 'VEE_SET_MALFORMED',
      path: ['rules', 'highLow', 'channels', '1'],
    });
  });

  it('is refused with the path of what is wrong', () => {
    const at = (path: string) => `VEE_SET_MALFORMED ${path}`;
    const of = (fields: object) => refusalOf({ customerClass: 'large', ...fields });
    expect(refusalOf(null)).toBe(at(''));
    expect(refusalOf({ customerClass: 'house' })).toBe(at('customerClass'));
    expect(of({ rules: { highLo: {} } })).toBe(at('rules.highLo'));
    expect(of({ rules: { highLow: { outcome: 'stop' } } })).toBe(at('rules.highLow.outcome'));
    expect(of({ rules: { highLow: { highPercentMax: 99 } } })).toBe(
      at('rules.highLow.highPercentMax'),
    );
    expect(of({ rules: { sum: { toleranceWh: 1.5 } } })).toBe(at('rules.sum.toleranceWh'));
    expect(of({ estimation: { order: ['profile', 'guess'] } })).toBe(at('estimation.order.1'));
    expect(of({ estimation: { order: ['profile', 'profile'] } })).toBe(at('estimation.order.1'));
    expect(of({ estimation: { proxyDay: { days: 2, daysMin: 3 } } })).toBe(
      at('estimation.proxyDay.daysMin'),
    );
    expect(of({ rules: { highLow: { historyDaysMin: 60 } } })).toBe(
      at('rules.highLow.historyDaysMin'),
    );
    expect(of({ holidays: ['2026-02-29'] })).toBe(at('holidays.0'));
    const day = flat(96, 1);
    expect(of({ profile: { workday: day, saturday: day, sunday: flat(96, 0) } })).toBe(
      at('profile.sunday'),
    );
    expect(of({ profile: { workday: flat(95, 1), saturday: day, sunday: day } })).toBe(
      at('profile.workday'),
    );
  });

  it('looks no further back than its rules and methods', () => {
    expect(historyDaysOf(defaultVeeSet('community'))).toBe(56);
    const little = parseVeeSet({
      customerClass: 'community',
      rules: { highLow: { on: false }, dynamicComparison: { on: false } },
      estimation: { order: ['averaging'], averaging: { days: 10 } },
    });
    assert(little.ok, 'it is read');
    expect(historyDaysOf(little.value)).toBe(11);
  });

  it('has the published JSON Schema; scripts/printVeeSchema.ts writes it', () => {
    const path = new URL('../../../docs/vee.schema.json', import.meta.url);
    const published: unknown = JSON.parse(readFileSync(path, 'utf8'));
    expect(veeSetJsonSchema()).toEqual(published);
  });
});

describe('a window under a set', () => {
  const spiky = { ...dayOf([30_000], 250), isOccupied: true, hasVoltage: true };

  it('has its findings in the order of the rules, named and with the outcome of the class', () => {
    const found = validateWindow(defaultVeeSet('large'), {
      ...spiky,
      history: historyOf(28, 250),
    });
    expect(found.map(({ rule, outcome }) => [rule, outcome])).toEqual([
      ['consecutiveInterval', 'alert'],
      ['dynamicComparison', 'alert'],
      ['intervalSpike', 'hold'],
    ]);
    expect(found.map(({ message }) => message.split(':')[0])).toEqual([
      'Consecutive Interval Check',
      'Dynamic Comparison Validation',
      'Interval Spike Check',
    ]);
  });

  it('is judged only by rules that are on, for its kind and for its channel', () => {
    const rulesFound = (rules: object, given = {}) => {
      const set = parseVeeSet({ customerClass: 'large', rules });
      assert(set.ok, 'the set of the test is read');
      return validateWindow(set.value, { ...spiky, ...given }).map(({ rule }) => rule);
    };
    const even = { consecutiveInterval: { on: false } };
    expect(rulesFound(even)).toEqual(['intervalSpike']);
    expect(rulesFound({ ...even, intervalSpike: { on: false } })).toEqual([]);
    expect(rulesFound(even, { kind: 'bill' })).toEqual([]);
    expect(rulesFound({ ...even, intervalSpike: { windows: ['bill'] } }, { kind: 'bill' })).toEqual(
      ['intervalSpike'],
    );
    expect(rulesFound(even, { channel: 21 })).toEqual([]);
    expect(rulesFound({ ...even, intervalSpike: { channels: [21] } }, { channel: 21 })).toEqual([
      'intervalSpike',
    ]);
    expect(rulesFound({ ...even, intervalSpike: { channels: [] } }, { channel: 99 })).toEqual([
      'intervalSpike',
    ]);
  });

  it('names the rules that could not judge it, so that silence is not taken for a pass', () => {
    const set = defaultVeeSet('community');
    expect(silentRules(set, windowOf())).toEqual([
      'dynamicComparison',
      'siblingExists',
      'inactiveMeasurement',
      'multiplier',
      'sum',
      'unitOfMeasure',
      'zeroConsumption',
    ]);
    expect(silentRules(set, windowOf({ history: historyOf(14, 1) }))).not.toContain(
      'dynamicComparison',
    );
  });

  it('without anything in it passes every rule but that of the missing quantity', () => {
    const set = defaultVeeSet('gateway');
    const empty = windowOf({ kind: 'bill', slots: slotsFrom(tuesdaySlot, []) });
    expect(validateWindow(set, empty).map(({ rule }) => rule)).toEqual(['missingQuantity']);
  });

  it('every rule of estimation and validation has a number of its own', () => {
    const numbers = [...Object.values(validationRules), ...Object.values(estimationRules)];
    expect(new Set(numbers.map(({ number }) => number)).size).toBe(27);
  });
});
