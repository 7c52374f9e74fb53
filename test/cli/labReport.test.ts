import { expect, test } from 'vitest';
import { labReport } from '../../src/cli/labReport.ts';
import { zero } from '../../src/domain/exact.ts';

test('classes are in the order of their code units, on every machine', () => {
  const bill = { name: 'x', before: zero, after: zero };
  const classes = ['österreich', 'home', null, 'Shop'];
  const report = labReport(classes.map((customerClass) => ({ ...bill, customerClass })));
  // Capitals first, umlauts last; a locale would put them between.
  const told = report.classes.map(({ customerClass }) => customerClass);
  expect(told).toEqual([null, 'Shop', 'home', 'österreich']);
});
