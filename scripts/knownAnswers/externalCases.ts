import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Decimal } from 'decimal.js';
import { z } from 'zod';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { answerOf } from './answer.ts';
import type { Answers } from './answer.ts';
import { billHours } from './kernelBill.ts';

const externalFile = z.object({
  cases: z.array(z.object({ id: z.string(), expected: z.unknown() })),
});
const openEnergyExpected = z.object({ total: z.string() });

/** Restated from the case's own words: 0.40 from 07:00 to 22:00, else 0.10; 0.5 a day besides. */
const openEnergyTariff: TariffText = {
  currency: 'EUR',
  calendars: [
    {
      name: 'tou',
      rules: [
        { from: '07:00', to: '22:00', period: 'day' },
        { from: '00:00', to: '24:00', period: 'night' },
      ],
    },
  ],
  components: [
    {
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      calendar: 'tou',
      prices: { day: '0.40', night: '0.10' },
    },
  ],
};
const openEnergySupply = new Decimal('0.5').mul(2);

/** Figures out of other projects' tests; all but one need tiers, demand or fixed charges. */
export function externalAnswers(folder: string): Answers {
  const text = readFileSync(path.join(folder, 'external-cases.json'), 'utf8');
  const { cases } = externalFile.parse(JSON.parse(text));
  const [touCase] = cases.filter(({ id }) => id === 'open-energy-tariffs-tou');
  const total = openEnergyExpected.parse(touCase?.expected).total;
  const hourWh = Array.from({ length: 48 }, (_, hour) =>
    hour % 24 === 2 || hour % 24 === 12 ? 1_000 : 0,
  );
  const { exact } = billHours(openEnergyTariff, { startMs: Date.UTC(2026, 0, 1), hourWh });
  const values = [
    {
      at: 'two days',
      ours: exact.plus(openEnergySupply).toFixed(2),
      expected: total,
    },
  ];
  return {
    answers: [answerOf('external open-energy-tariffs-tou', 'total with the supply charge', values)],
    leftOut: cases
      .filter(({ id }) => id !== 'open-energy-tariffs-tou')
      .map(
        ({ id }) => `external ${id}: not energy by time of use, or its input is not in the folder`,
      ),
  };
}
