import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { explainTariff } from '../../src/cli/commands/explainTariff.ts';
import { importTariff } from '../../src/cli/commands/importTariff.ts';
import type { ImportOptions } from '../../src/cli/commands/importTariff.ts';
import { lintTariff } from '../../src/cli/commands/lintTariff.ts';
import { simulateTariff } from '../../src/cli/commands/simulateTariff.ts';
import type { SimulateOptions } from '../../src/cli/commands/simulateTariff.ts';
import { projectRoot } from '../architecture/projectFiles.ts';
import { runCli, temporaryFolder } from './runCli.ts';

const folder = temporaryFolder();
const fileIn = (name: string, text: string) => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};
const document = (name: string, given: object) => fileIn(name, JSON.stringify(given));

const flat = (price: string) => ({
  currency: 'EUR',
  zone: 'Europe/Berlin',
  components: [{ kind: 'energy', name: 'energy', flow: 'import', price }],
});

describe('tariff lint runs the golden examples of a document', () => {
  /** The night the clocks go forward, 1 kW from 22:00 to 06:00: seven hours (IANA: Berlin). */
  const example = {
    name: 'short night',
    from: '2026-03-28',
    to: '2026-03-30',
    intervalMinutes: 15,
    load: [{ from: '2026-03-28T22:00', to: '2026-03-29T06:00', importKwh: '7' }],
    expect: { total: '0.7', components: { energy: '0.7' } },
  };

  test('a document that gives its own bills is sound', () => {
    const file = document('golden.json', { ...flat('0.10'), examples: [example] });
    expect(lintTariff(file)).toMatchObject({
      ok: true,
      value: { facts: { examples: [{ name: 'short night', ok: true }], isForPrepaid: true } },
    });
  });

  test('a document that gives another bill is refused with both amounts', () => {
    const wrong = { ...example, expect: { total: '0.8' } };
    const file = document('wrong.json', {
      ...flat('0.10'),
      examples: [example, { ...wrong, name: 'wrong' }],
    });
    const answer = lintTariff(file);
    expect(answer).toMatchObject({
      ok: false,
      code: 'TARIFF_EXAMPLE_FAILED',
      message: expect.stringContaining('total is 0.7, expected 0.8'),
      facts: { examples: [{ ok: true }, { ok: false, code: 'TARIFF_EXAMPLE_FAILED' }] },
    });
  });

  test('energy that does not divide evenly is spread in whole Wh and adds up', () => {
    const uneven = {
      ...example,
      load: [{ from: '2026-03-28', to: '2026-03-29', importKwh: '0.1' }],
      // 100 Wh over 96 quarter hours.
      expect: { total: '0.01' },
    };
    const file = document('uneven.json', { ...flat('0.10'), examples: [uneven] });
    expect(lintTariff(file).ok).toBe(true);
  });

  test('an example needs a zone, its own or that of the tariff', () => {
    const { zone: _zone, ...zoneless } = flat('0.10');
    const file = document('zoneless.json', { ...zoneless, examples: [example] });
    expect(lintTariff(file)).toMatchObject({ ok: false, code: 'TARIFF_EXAMPLE_WITHOUT_ZONE' });
    const zoned = { ...zoneless, examples: [{ ...example, zone: 'Europe/Berlin' }] };
    expect(lintTariff(document('zoned.json', zoned)).ok).toBe(true);
  });

  test('a version that begins before the one above it ends is refused', () => {
    const versions = [
      { ...flat('0.20'), validFrom: '2026-01-01', validTo: '2026-07-01' },
      { ...flat('0.30'), validFrom: '2026-06-01' },
    ];
    expect(lintTariff(document('overlap.json', { versions }))).toMatchObject({
      ok: false,
      code: 'TARIFF_OVERLAP',
      message: expect.stringContaining('versions.1.validFrom'),
    });
  });
});

describe('tariff import', () => {
  const options: ImportOptions = {
    urdb: false,
    octopusRates: false,
    entsoe: false,
    prices: false,
    halfHourRounding: false,
    unit: 'kWh',
    name: 'spot',
    currency: 'EUR',
    sequence: '1',
  };
  const prices = (day: string, values: readonly string[]) =>
    ['start,price', ...values.map((price, hour) => `2026-01-${day}T0${hour}:00:00Z,${price}`)].join(
      '\n',
    );

  test('price files of several days are one series; hours between them have no price', () => {
    const files = [
      fileIn('second.csv', prices('01', ['3', '-4.5']).replaceAll('T0', 'T1')),
      fileIn('first.csv', prices('01', ['1', '2'])),
    ];
    const imported = importTariff(files, { ...options, prices: true, unit: 'MWh' }, true);
    const gap = Array.from({ length: 8 }, () => null);
    expect(imported).toMatchObject({
      ok: true,
      value: {
        facts: {
          document: {
            priceSeries: [
              {
                name: 'spot',
                unit: 'MWh',
                minutes: 60,
                from: '2026-01-01T00:00:00Z',
                prices: ['1', '2', ...gap, '3', '-4.5'],
              },
            ],
          },
        },
      },
    });
  });

  test.each([
    ['the same hours twice', prices('01', ['5', '6']), 'PRICES_OVERLAP'],
    ['half hours', prices('02', ['5', '6']).replace('T01:00', 'T00:30'), 'PRICES_MIXED'],
    ['another header', 'when,price', 'CSV_HEADER_UNKNOWN'],
  ])('%s beside hours: refused', (_what, text, code) => {
    const files = [fileIn('a.csv', prices('01', ['1', '2'])), fileIn('b.csv', text)];
    expect(importTariff(files, { ...options, prices: true }, true)).toMatchObject({
      ok: false,
      code,
    });
  });

  test('a document is written where it is asked for, warnings go to stderr', async () => {
    const schedule = Array.from({ length: 12 }, () => Array.from({ length: 24 }, () => 0));
    const rate = {
      energyratestructure: [[{ rate: 0.1, max: 100 }]],
      energyweekdayschedule: schedule,
      energyweekendschedule: schedule,
      pdp_charge_energy: 0.9,
    };
    const out = path.join(folder, 'imported.json');
    const file = fileIn('rate.json', JSON.stringify({ items: [rate] }));
    const run = await runCli(['tariff', 'import', '--urdb', file, '--out', out]);
    expect(run.exitCode).toBe(0);
    expect(run.stderr).toContain('pdp_charge_energy');
    expect(run.stdout).toContain(`${out} is written`);
    expect(lintTariff(out).ok).toBe(true);
    const again = await runCli(['tariff', 'import', '--urdb', file]);
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(readFileSync(out, 'utf8')));
  });

  test('a broken rate is refused with the place of the field', () => {
    const schedule = Array.from({ length: 12 }, () => Array.from({ length: 24 }, () => 3));
    const rate = {
      energyratestructure: [[{ rate: 0.1 }]],
      energyweekdayschedule: schedule,
      energyweekendschedule: schedule,
    };
    const file = fileIn('broken.json', JSON.stringify(rate));
    expect(importTariff([file], { ...options, urdb: true }, true)).toMatchObject({
      ok: false,
      code: 'URDB_PERIOD_UNKNOWN',
      path: ['energyweekdayschedule', '0', '0'],
    });
  });

  test('a folder that is not there is told', () => {
    const file = fileIn('prices.csv', prices('01', ['1', '2']));
    const out = path.join(folder, 'absent', 'out.json');
    expect(importTariff([file], { ...options, prices: true, out }, true)).toMatchObject({
      code: 'FILE_UNWRITABLE',
    });
  });
});

describe('tariff explain', () => {
  const tiered = {
    ...flat('0.10'),
    components: [
      {
        kind: 'energy',
        name: 'energy',
        flow: 'import',
        price: [{ upTo: '3', price: '0.10' }, { price: '0.20' }],
        tiers: { unit: 'kWh', reset: 'bill', allocation: 'chronological' },
      },
      { kind: 'tax', name: 'VAT', percent: '10', of: 'subtotal' },
    ],
  };
  const file = document('tiered.json', tiered);
  /** The hour that comes twice on 25 October 2026 (IANA: Berlin), and the one after it. */
  const load = fileIn(
    'october.csv',
    [
      'start,import_wh',
      '2026-10-25T02:00:00+02:00,2000',
      '2026-10-25T02:00:00+01:00,1500',
      '2026-10-25T03:00:00+01:00,1000',
    ].join('\n'),
  );
  // The whole month: the limit of 3 kWh is one of whole months.
  const month = { from: '2026-10-01', to: '2026-11-01' };
  const options = { load, interval: '60', series: [], ...month };

  test('tells a tariff in words, and a bill with a load', () => {
    const words = explainTariff(file, { series: [] });
    expect(words).toMatchObject({
      ok: true,
      value: { sentence: expect.stringContaining('0.1 EUR/kWh up to 3 kWh, then 0.2 EUR/kWh') },
    });
    // 3 x 0.1 + 1.5 x 0.2, and a tenth.
    expect(explainTariff(file, options)).toMatchObject({
      value: { facts: { month: '2026-10', bill: { total: '0.66' } } },
    });
  });

  test('takes a tier apart down to the interval that crosses into it', () => {
    const answer = explainTariff(file, { ...options, component: 'energy', tier: '2' });
    expect(answer).toMatchObject({
      ok: true,
      value: {
        facts: {
          lines: [
            {
              line: { component: 'energy', tier: 2, quantity: '1.5', exact: '0.3' },
              intervals: [
                {
                  from: '2026-10-25T02:00+01:00',
                  to: '2026-10-25T03:00+01:00',
                  quantity: '0.5',
                  price: '0.2',
                  exact: '0.1',
                },
                { from: '2026-10-25T03:00+01:00', quantity: '1', exact: '0.2' },
              ],
              rest: { quantity: '0', exact: '0' },
            },
          ],
        },
      },
    });
  });

  test('says of a tax that no interval made it', () => {
    expect(explainTariff(file, { ...options, component: 'VAT' })).toMatchObject({
      value: { facts: { lines: [{ intervals: [], rest: { exact: '0.06' } }] } },
    });
  });

  test.each([
    [{ component: 'energy', tier: '3' }, 'LINE_NOT_FOUND'],
    [{ component: 'nothing' }, 'LINE_NOT_FOUND'],
    [{ month: '2026-11' }, 'MONTH_NOT_BILLED'],
  ])('%j: %s', (given, code) => {
    expect(explainTariff(file, { ...options, ...given })).toMatchObject({ ok: false, code });
  });

  test('a line without a load is a call that is wrong', () => {
    const wrong = () => explainTariff(file, { component: 'energy', series: [] });
    expect(wrong).toThrow('give --load FILE too');
  });
});

describe('tariff simulate', () => {
  mkdirSync(path.join(folder, 'loads'));
  /** 1, 2, ... kWh of one January hour. */
  const names = Array.from({ length: 12 }, (_, index) => `home${index + 1}`);
  for (const [index, name] of names.entries()) {
    const rows = ['start,import_wh', `2026-01-05T12:00:00+01:00,${(index + 1) * 1_000}`];
    fileIn(`loads/${name}.csv`, rows.join('\n'));
  }
  /** 0.5 a bill, however much is used. */
  const lump = {
    ...flat('0.10'),
    components: [
      { kind: 'fixed', name: 'base', amount: '0.5', per: 'bill' },
      { kind: 'energy', name: 'energy', flow: 'import', price: '0' },
    ],
  };
  const options: SimulateOptions = {
    tariff: document('draft.json', lump),
    against: document('present.json', flat('0.10')),
    loads: [path.join(folder, 'loads')],
    interval: '60',
    series: [],
  };

  // 0.1 a kWh against 0.5 a bill: 78 kWh cost 7.8, twelve bills 6; 1 to 4 kWh rise, 5 stays.
  test('tells the change, winners and losers by class and the ten most changed', () => {
    const customers = document('customers.json', {
      home1: { customerClass: 'farm' },
      home5: { customerClass: 'farm' },
      home12: { customerClass: 'farm' },
    });
    expect(simulateTariff({ ...options, customers }, true)).toMatchObject({
      ok: true,
      value: {
        facts: {
          currency: 'EUR',
          bills: 12,
          before: '7.8',
          after: '6',
          change: '-1.8',
          winners: 7,
          losers: 4,
          unchanged: 1,
          classes: [
            { customerClass: null, bills: 9, winners: 6, losers: 3, unchanged: 0 },
            { customerClass: 'farm', bills: 3, before: '1.8', after: '1.5', change: '-0.3' },
          ],
          mostChanged: ['12', '11', '10', '1', '9', '2', '8', '3', '7', '4'].map((index) =>
            expect.objectContaining({ name: `home${index}` }),
          ),
          refused: [],
        },
      },
    });
  });

  test('a load is read once, so it may be a pipe', async () => {
    const load = path.join(folder, 'loads/home1.csv');
    const [launcher, draft, present] = [
      path.join(projectRoot, 'src/cli/launch.js'),
      options.tariff,
      options.against,
    ].map((file) => `"${file}"`);
    const node = `"${process.execPath}" ${launcher}`;
    const command = `${node} tariff simulate --tariff ${draft} --against ${present} --interval 60`;
    const script = `${command} --loads <(cat "${load}") --json`;
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { timeout: 170_000 });
    expect(JSON.parse(stdout)).toMatchObject({ bills: 1, before: '0.1', after: '0.5' });
  });

  test('a draft that is the present tariff changes nothing', () => {
    expect(simulateTariff({ ...options, tariff: options.against }, true)).toMatchObject({
      value: { facts: { change: '0', winners: 0, losers: 0, unchanged: 12, mostChanged: [] } },
    });
  });

  test('what cannot be rated is told by its code and left out of the sums', () => {
    const asking = {
      ...flat('0.10'),
      components: [
        ...flat('0.10').components,
        { kind: 'fixed', name: 'contract', amount: '1', per: 'bill', times: 'contractedKw' },
      ],
    };
    const customers = document('contracts.json', { home1: { contractedKw: '3' } });
    const tariff = document('asking.json', asking);
    const answer = simulateTariff({ ...options, tariff, customers }, true);
    expect(answer).toMatchObject({
      ok: true,
      value: { facts: { bills: 1, before: '0.1', after: '3.1' } },
    });
    expect(answer).toHaveProperty('value.facts.refused.length', 11);
    expect(answer).toHaveProperty('value.facts.refused.0.code', 'ATTRIBUTE_MISSING');
    expect(simulateTariff({ ...options, tariff }, true)).toMatchObject({
      ok: false,
      code: 'SIMULATION_EMPTY',
    });
  });

  test.each([
    [{ tariff: document('pounds.json', { ...flat('1'), currency: 'GBP' }) }, 'CURRENCY_MISMATCH'],
    [{ loads: [path.join(folder, 'nowhere')] }, 'FILE_UNREADABLE'],
    [{ customers: document('stranger.json', { nobody: {} }) }, 'CUSTOMERS_MALFORMED'],
    [{ customers: document('list.json', []) }, 'CUSTOMERS_MALFORMED'],
  ])('%j: %s', (given, code) => {
    expect(simulateTariff({ ...options, ...given }, true)).toMatchObject({ ok: false, code });
  });

  test('an empty folder has nothing to simulate', () => {
    mkdirSync(path.join(folder, 'empty'));
    const loads = [path.join(folder, 'empty')];
    expect(simulateTariff({ ...options, loads }, true)).toMatchObject({ code: 'LOADS_MISSING' });
  });
});
