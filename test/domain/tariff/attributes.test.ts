import { expect, test } from 'vitest';
import { noAttributes, parseAttributes } from '../../../src/domain/tariff/attributes.ts';

test('attributes are numbers at their scale; what is not said stays unsaid', () => {
  const raw = { meters: 2, contractedKw: '41.5', fuseA: '63', phases: 3, customerClass: 'home' };
  expect(parseAttributes(raw)).toEqual({
    ok: true,
    value: {
      meters: 2n,
      contractedKwE8: 4_150_000_000n,
      fuseAE8: 6_300_000_000n,
      phases: 3n,
      customerClass: 'home',
    },
  });
  expect(parseAttributes({})).toEqual({ ok: true, value: noAttributes });
});

test.each([
  [{ contractedKw: 41.5 }, ['contractedKw']],
  [{ contractedKw: '-1' }, ['contractedKw']],
  [{ fuseA: '1e3' }, ['fuseA']],
  [{ meters: 1.5 }, ['meters']],
  [{ phases: 4 }, ['phases']],
  [{ colour: 'red' }, []],
  [null, []],
])('%j is refused at its field', (raw, path) => {
  expect(parseAttributes(raw)).toMatchObject({ ok: false, code: 'ATTRIBUTES_MALFORMED', path });
});
