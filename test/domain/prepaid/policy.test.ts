import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  defaultPolicy,
  parsePolicy,
  policyJsonSchema,
} from '../../../src/domain/prepaid/policy.ts';
import type { PolicyText } from '../../../src/domain/prepaid/policyShape.ts';

function read(fields: Partial<PolicyText>) {
  return parsePolicy({ name: 'standard', ...fields });
}

test('nothing published: weekends, 16:00 to 10:00 and a delivered notice of 24 h protect', () => {
  const policy = defaultPolicy();
  expect(policy.protectedHours).toEqual([
    { weekdays: [1, 2, 3, 4, 5, 6, 7], fromMinute: 960, toMinute: 600 },
    { weekdays: [6, 7], fromMinute: 0, toMinute: 1_440 },
  ]);
  expect(policy).toMatchObject({
    notice: { beforeMs: 86_400_000, mustBeDelivered: true },
    emergencyCredit: null,
    weather: { heatDaysAfter: 2, coldDaysAfter: 1, stormDaysAfter: 0 },
    dataAgeMsMax: 1_800_000,
    loadLimit: null,
    breaker: { cutsMax: 20, windowMs: 600_000 },
  });
});

test('domain rule 60: limits are data of the policy (Texas 16 TAC 25.498: 75 and 10)', () => {
  const balanceLimits = { connectionMax: '75', disconnectionMax: '10.00' };
  expect(read({ balanceLimits })).toMatchObject({
    ok: true,
    value: {
      balanceLimits: { connectionMaxMicros: 75_000_000n, disconnectionMaxMicros: 10_000_000n },
    },
  });
});

describe('a policy that cannot be meant is refused at its place:', () => {
  test.each<[string, Partial<PolicyText>, string]>([
    [
      'an unknown weekday',
      { protectedHours: [{ weekdays: [8], from: '16:00', to: '10:00' }] },
      'protectedHours.0.weekdays.0',
    ],
    [
      'a span of no length',
      { protectedHours: [{ from: '10:00', to: '10:00' }] },
      'protectedHours.0.to',
    ],
    ['25 o’clock', { protectedHours: [{ from: '25:00', to: '10:00' }] }, 'protectedHours.0.from'],
    ['a date that is none', { protectedHolidays: ['2026-02-29'] }, 'protectedHolidays.0'],
    ['a yearly date that is none', { protectedHolidays: ['02-30'] }, 'protectedHolidays.0'],
    [
      'credit of nothing',
      { emergencyCredit: { amount: '0', selectableBelow: '1' } },
      'emergencyCredit.amount',
    ],
    ['a warning twice', { warnings: { days: [3, 3] } }, 'warnings.days.1'],
    ['a balance twice', { warnings: { balances: ['1', '1.00'] } }, 'warnings.balances.1'],
    ['an eleventh decimal', { warnings: { balances: ['1.00000000001'] } }, 'warnings.balances.0'],
    ['a share above all', { allocation: [{ to: 'energy', share: '1.1' }] }, 'allocation.0.share'],
    ['nothing for energy', { allocation: [{ to: 'debt' }] }, 'allocation'],
    [
      'a cut above the reconnection',
      { balanceLimits: { connectionMax: '5', disconnectionMax: '6' } },
      'balanceLimits.disconnectionMax',
    ],
  ])('%s', (_, fields, path) => {
    const refused = read(fields);
    expect(refused).toMatchObject({ ok: false, code: 'PREPAID_POLICY_MALFORMED' });
    expect(refused.ok ? '' : refused.path?.join('.')).toBe(path);
  });

  test('a field that is not known', () => {
    const refused = parsePolicy({ name: 'standard', freePower: true });
    expect(refused).toMatchObject({ ok: false, path: ['freePower'] });
  });
});

test('the published JSON Schema is of this form; scripts/printPrepaidSchema.ts writes it', () => {
  const path = new URL('../../../docs/prepaid.schema.json', import.meta.url);
  const published: unknown = JSON.parse(readFileSync(path, 'utf8'));
  expect(policyJsonSchema()).toEqual(published);
});
