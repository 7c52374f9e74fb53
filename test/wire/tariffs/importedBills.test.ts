import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactText } from '../../../src/domain/exactText.ts';
import type { Load } from '../../../src/domain/rating/load.ts';
import { rateLoad } from '../../../src/domain/rating/rateLoad.ts';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import type { TariffText } from '../../../src/domain/tariff/shape.ts';
import { importOctopus, octopusDefaults } from '../../../src/wire/tariffs/octopus.ts';
import { importUrdb } from '../../../src/wire/tariffs/urdb.ts';
import type { UrdbOptions } from '../../../src/wire/tariffs/urdb.ts';
import { allYear, summerAfternoons, urdbText } from './urdbRate.ts';

const attributes = {
  meters: null,
  contractedKwE8: null,
  fuseAE8: null,
  phases: null,
  customerClass: null,
};

function loadOf(fromMs: number, intervalMs: number, importWh: readonly number[]): Load {
  const energies = Float64Array.from(importWh);
  return {
    fromMs,
    intervalMs,
    unitsPerWh: 1,
    import: energies,
    export: null,
    reactive: null,
    estimated: null,
  };
}

/** Amounts by component of each month. */
function billsOf(document: TariffText, load: Load, zone: string): Record<string, string>[] {
  const parsed = parseTariffDocument(document);
  if (!parsed.ok) throw new Error(parsed.message);
  const toMs = load.fromMs + load.import.length * load.intervalMs;
  const { fromMs } = load;
  const documents = [parsed.value];
  const rated = rateLoad({ documents, load, zone, fromMs, toMs, attributes });
  if (!rated.ok) throw new Error(rated.message);
  return rated.value.bills.map(({ lines, total }) => ({
    ...Object.fromEntries(
      lines.map(({ component, period, tier, amount }) => [
        [component, period, tier].filter((part) => part !== null).join(' '),
        exactText(amount),
      ]),
    ),
    total: exactText(total),
  }));
}

const hourMs = 3_600_000;
/** Hours of July and August 2018 in a zone without daylight saving. */
const summer = { fromMs: Date.UTC(2018, 6, 1, 7), hours: 62 * 24, zone: 'America/Phoenix' };

function urdbBills(fields: Readonly<Record<string, unknown>>, wh: number, options?: UrdbOptions) {
  const imported = importUrdb(urdbText(fields), options);
  if (!imported.ok) throw new Error(imported.message);
  const importWh = Array.from({ length: summer.hours }, (_, hour) => wh + (hour % 24) * 100);
  const load = loadOf(summer.fromMs, hourMs, importWh);
  return billsOf(imported.value.document, load, summer.zone);
}

describe('a rate of the OpenEI database', () => {
  it('bills a charge per day by the days of the month', () => {
    // 31 x 23.655 = 733.305; a day has 24 x 1 kWh + 0.1 x (0 + ... + 23) = 51.6 kWh
    const fields = { fixedchargefirstmeter: 23.655, fixedchargeunits: '$/day' };
    const [july] = urdbBills(fields, 1_000);
    expect(july).toEqual({ energy: '159.96', fixed: '733.305', total: '893.265' });
  });

  it('bills demand of hours and of months at its peak', () => {
    // Highest hour of a day: 23 h, 3.3 kWh; in period 2, hours 12 to 17: 2.7 kWh.
    const [july] = urdbBills(
      {
        flatdemandstructure: [[{ rate: 10, adj: 0.5 }]],
        flatdemandmonths: Array(12).fill(0),
        demandratestructure: [[{ rate: 0 }], [{ max: 2, rate: 4 }, { rate: 5 }]],
        demandweekdayschedule: summerAfternoons,
        demandweekendschedule: allYear(0),
      },
      1_000,
    );
    expect(july).toMatchObject({
      'flat demand': '34.65',
      'demand p1': '0',
      'demand p2 1': '8',
      'demand p2 2': '3.5',
    });
  });

  it('whatever it says of generation, bills the same where there is none', () => {
    const rules = ['Net Metering', 'Net Billing Instantaneous', 'Net Billing Hourly'];
    const price = fc.integer({ min: -500, max: 9_000 }).map((units) => units / 10_000);
    const tier = fc.record({ rate: price, adj: price, sell: price });
    const period = fc
      .tuple(tier, tier, fc.boolean())
      .map(([low, high, isTiered]) => (isTiered ? [{ ...low, max: 700 }, high] : [low]));
    fc.assert(
      fc.property(
        fc.tuple(period, period).filter(([[first]]) => first?.rate !== 0),
        fc.constantFrom(...rules, 'Buy All Sell All'),
        fc.option(fc.constant({ mincharge: 40, minchargeunits: '$/month' })),
        fc.integer({ min: 0, max: 3_000 }),
        (periods, dgrules, minimum, wh) => {
          const fields = {
            energyratestructure: periods,
            energyweekdayschedule: summerAfternoons,
            dgrules,
            ...minimum,
          };
          const stated = urdbBills(fields, wh);
          const without = urdbBills(fields, wh, { generation: 'leaveOut' });
          const totals = (bills: typeof stated) => bills.map(({ total }) => total);
          expect(totals(stated)).toEqual(totals(without));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a half-hourly tariff of Octopus Energy', () => {
  const entry = (from: string, to: string | null, pence: number) => ({
    value_exc_vat: pence,
    value_inc_vat: pence,
    valid_from: from,
    valid_to: to,
    payment_method: null,
  });
  const unitRates = JSON.stringify({
    results: [
      entry('2026-06-01T00:00:00Z', '2026-06-01T00:30:00Z', -1.234),
      entry('2026-05-31T23:30:00Z', '2026-06-01T00:00:00Z', 17.777),
      entry('2026-05-31T23:00:00Z', '2026-05-31T23:30:00Z', 20),
    ],
  });
  const standingCharges = JSON.stringify({ results: [entry('2026-01-01T00:00:00Z', null, 48)] });
  const load = loadOf(Date.UTC(2026, 4, 31, 23), hourMs / 2, [500, 333, 100]);

  it('bills each half hour at its price, the days and VAT', () => {
    // 0.5 x 0.2 + 0.333 x 0.17777 - 0.1 x 0.01234 = 0.15796341; 1.5 h of a day of 48 p = 0.03
    const imported = importOctopus(
      { unitRates, standingCharges },
      { ...octopusDefaults, vat: { percent: '5' } },
    );
    if (!imported.ok) throw new Error(imported.message);
    const [bill] = billsOf(imported.value.document, load, 'Europe/London');
    expect(bill).toMatchObject({
      'unit rate': '0.15796341',
      'standing charge': '0.03',
      VAT: '0.0093981705',
    });
  });

  it('rounds each half hour to a hundredth of a penny when asked', () => {
    // 0.1; 0.05919741 is 0.0592; -0.001234 is -0.0012
    const imported = importOctopus(
      { unitRates, standingCharges: null },
      { ...octopusDefaults, halfHourRounding: true },
    );
    if (!imported.ok) throw new Error(imported.message);
    const [bill] = billsOf(imported.value.document, load, 'Europe/London');
    expect(bill).toMatchObject({ 'unit rate': '0.158' });
  });
});
