import { expect, test } from 'vitest';
import { createAuditBudget } from '../../src/operations/auditBudget.ts';

test('so many rows about each in a minute, and anew in the next one', () => {
  let nowMs = 59_000;
  const isAudited = createAuditBudget<string>(() => nowMs, 2);
  expect([isAudited('a'), isAudited('a'), isAudited('a')]).toEqual([true, true, false]);
  expect(isAudited('b')).toBe(true);
  nowMs = 60_000;
  expect([isAudited('a'), isAudited('a'), isAudited('a')]).toEqual([true, true, false]);
});
