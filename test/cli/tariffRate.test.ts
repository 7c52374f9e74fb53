import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { rateTariff } from '../../src/cli/commands/rateTariff.ts';
import type { RateOptions } from '../../src/cli/commands/rateTariff.ts';
import { lineOf, runCli, temporaryFolder } from './runCli.ts';

const folder = temporaryFolder();
const fileIn = (name: string, text: string) => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};

/** Day 0.40 from 07:00 to 22:00, night 0.10, 0.5 a day, 10 % on all; lines to the cent. */
const tariff = {
  currency: 'EUR',
  rounding: { line: { step: '0.01', mode: 'half-up' } },
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
    { kind: 'fixed', name: 'supply', amount: '1', per: 'month' },
    { kind: 'tax', name: 'VAT', percent: '10', of: 'subtotal' },
  ],
};
const tariffFile = fileIn('tariff.json', JSON.stringify(tariff));
/** 1,234 Wh at 03:00 and 2,001 Wh at 12:00 of 31 March, 500 Wh at 03:00 of 1 April, Berlin. */
const load = [
  'start,import_wh',
  '2026-03-31T03:00:00+02:00,1234',
  '2026-03-31T12:00:00+02:00,2001',
  '2026-04-01T03:00:00+02:00,500',
].join('\n');
const loadFile = fileIn('load.csv', load);
const rate = (...args: string[]) =>
  runCli(['tariff', 'rate', '--load', loadFile, '--interval', '60', ...args]);
const ours = ['--tariff', tariffFile, '--zone', 'Europe/Berlin'];

describe('tariff rate', () => {
  // By hand: 1.234 x 0.10 = 0.1234; 2.001 x 0.40 = 0.8004; 1 of 31 days of 1; a tenth of
  // 0.12 + 0.80 + 0.03 = 0.95 is 0.095. April: 0.5 x 0.10, 1 of 30 days, a tenth of 0.08.
  test('tells one bill a month in decimal texts, in the form that others read', async () => {
    const run = await rate(...ours, '--judge', '--json');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    const line = { tier: null, period: null };
    expect(lineOf(run)).toEqual({
      currency: 'EUR',
      bills: [
        {
          from: '2026-03-31',
          to: '2026-04-01',
          total: '1.05',
          lines: [
            {
              ...line,
              component: 'energy',
              kind: 'energy',
              period: 'day',
              quantity: '2.001',
              unit: 'kWh',
              price: '0.4',
              amount: '0.8',
              exact: '0.8004',
            },
            {
              ...line,
              component: 'energy',
              kind: 'energy',
              period: 'night',
              quantity: '1.234',
              unit: 'kWh',
              price: '0.1',
              amount: '0.12',
              exact: '0.1234',
            },
            {
              ...line,
              component: 'supply',
              kind: 'fixed',
              quantity: '0.032258064516129032',
              unit: 'month',
              price: '1',
              amount: '0.03',
              exact: '0.032258064516129032',
            },
            {
              ...line,
              component: 'VAT',
              kind: 'tax',
              quantity: '0.95',
              unit: 'currency',
              price: '10',
              amount: '0.1',
              exact: '0.095',
            },
          ],
        },
        expect.objectContaining({ from: '2026-04-01', to: '2026-04-02', total: '0.09' }),
      ],
      warnings: [
        {
          code: 'SLOTS_MISSING',
          bill: '2026-03',
          component: null,
          message: expect.stringContaining('have no data'),
        },
        expect.objectContaining({ code: 'SLOTS_MISSING', bill: '2026-04' }),
      ],
    });
  });

  test('bills the days that are asked for, the last one exclusive', async () => {
    const run = await rate(...ours, '--from', '2026-03-01', '--to', '2026-04-01', '--json');
    expect(lineOf(run)).toMatchObject({
      // A whole month of the fixed charge: 0.80 + 0.12 + 1.00 + 0.19.
      bills: [{ from: '2026-03-01', to: '2026-04-01', total: '2.11' }],
    });
  });

  test('tells people the same as a table', async () => {
    const run = await rate(...ours);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toContain('2026-03-31 to 2026-04-01: 1.05 EUR');
    expect(run.stdout).toMatch(
      /energy {2}energy {2}day +2\.001 {2}kWh +x 0\.4 +0\.8 {2}\(0\.8004\)/,
    );
    expect(run.stdout).toContain('SLOTS_MISSING (2026-03)');
  });

  // By hand: tier 1 to 10 kWh of a month at 0.12, then 0.2; 25 kWh; 4 kW of demand at 3 each.
  test('reads a rate of the URDB as it is stored', async () => {
    const schedule = Array.from({ length: 12 }, () => Array.from({ length: 24 }, () => 0));
    const urdb = {
      name: 'sample',
      energyratestructure: [[{ rate: 0.1, adj: 0.02, max: 10, unit: 'kWh' }, { rate: 0.2 }]],
      energyweekdayschedule: schedule,
      energyweekendschedule: schedule,
      flatdemandstructure: [[{ rate: 3 }]],
      flatdemandmonths: Array.from({ length: 12 }, () => 0),
      fixedmonthlycharge: 7.5,
    };
    const hours = Array.from({ length: 744 }, (_, hour) => {
      const start = new Date(Date.UTC(2018, 0, 1, 8 + hour)).toISOString();
      return `${start},${hour < 10 ? 2_500 - (hour === 3 ? -1_500 : hour === 4 ? 1_500 : 0) : 0}`;
    });
    const source = ['--urdb', fileIn('urdb.json', JSON.stringify(urdb)), '--zone', 'Etc/GMT+8'];
    const january = fileIn('january.csv', ['start,import_wh', ...hours].join('\n'));
    const run = await runCli(['tariff', 'rate', ...source, '--load', january, '--json']);
    expect(run.exitCode).toBe(0);
    // 10 x 0.12 + 15 x 0.2 + 4 x 3 + 7.5.
    expect(lineOf(run)).toMatchObject({
      currency: 'USD',
      bills: [{ from: '2018-01-01', to: '2018-02-01', total: '23.7' }],
    });
  });

  test('asks the agreement, and takes prices from a series', async () => {
    const document = {
      currency: 'EUR',
      zone: 'Europe/Berlin',
      components: [
        { kind: 'dynamic', name: 'spot', flow: 'import', series: 'day ahead', missing: 'refuse' },
        { kind: 'fixed', name: 'fuse', amount: '0.5', per: 'bill', times: 'fuseA' },
      ],
    };
    const prices = [
      'start,price',
      '2026-03-31T03:00:00+02:00,100',
      ...Array.from(
        { length: 8 },
        (_, hour) => `2026-03-31T${String(hour + 4).padStart(2, '0')}:00:00+02:00,0`,
      ),
      '2026-03-31T12:00:00+02:00,-20.5',
    ].join('\n');
    const pricesFile = fileIn('prices.csv', prices);
    const spot = ['--tariff', fileIn('spot.json', JSON.stringify(document)), '--to', '2026-04-01'];
    const series = ['--series', `day ahead:MWh@60=${pricesFile}`];
    const attributes = ['--attributes', fileIn('attributes.json', '{"fuseA":"63"}')];
    const run = await rate(...spot, ...series, ...attributes, '--judge', '--json');
    // 1.234 x 0.1 - 2.001 x 0.0205 + 63 x 0.5.
    expect(lineOf(run)).toMatchObject({ bills: [{ total: '31.5823795' }] });
    expect(run.stderr).toBe('');
    const without = await rate(...spot, ...series, '--json');
    expect(without.exitCode).toBe(1);
    expect(lineOf(without)).toMatchObject({ ok: false, code: 'ATTRIBUTE_MISSING' });
    const inferred = await rate(...spot, '--series', `day ahead=${pricesFile}`, ...attributes);
    expect(inferred.stderr).toContain('a price holds for 60 minutes; state it with day ahead@60');
    const priceless = await rate(...spot, ...attributes, '--json');
    expect(lineOf(priceless)).toMatchObject({ ok: false, code: 'PRICE_MISSING' });
  });
});

/** The command within this process: its answer is what `--json` prints. */
const asked = (options: Partial<RateOptions>) =>
  rateTariff({
    tariff: tariffFile,
    zone: 'Europe/Berlin',
    load: loadFile,
    interval: '60',
    series: [],
    judge: false,
    ...options,
  });

describe('a name that the tariff does not know', () => {
  const prices = fileIn('spot.csv', 'start,price\n2026-03-31T03:00:00Z,1\n2026-03-31T04:00:00Z,1');
  const spot = fileIn(
    'named.json',
    JSON.stringify({
      currency: 'EUR',
      components: [
        { kind: 'dynamic', name: 'spot', flow: 'import', series: 'day ahead', missing: 'refuse' },
      ],
    }),
  );
  test.each([
    [spot, [`dayahead=${prices}`], 'SERIES_UNUSED', 'it asks for "day ahead"'],
    [tariffFile, [`day ahead=${prices}`], 'SERIES_UNUSED', 'leave --series out'],
    [spot, [`day ahead@30=${prices}`], 'SERIES_STEP_DIFFERS', '60 minutes, not 30'],
  ])('%s with --series %j: %s', (given, series, code, told) => {
    const message = expect.stringContaining(told);
    expect(asked({ tariff: given, series })).toMatchObject({ ok: false, code, message });
  });

  test('of a customer class is a warning; a class of the list is none', () => {
    const fixed = { kind: 'fixed', name: 'farm base', amount: '7', per: 'bill' };
    const document = {
      currency: 'EUR',
      components: [{ ...fixed, when: { customerClasses: ['farm', 'mill'] } }],
    };
    const classed = fileIn('classed.json', JSON.stringify(document));
    const of = (name: string) =>
      asked({
        tariff: classed,
        to: '2026-04-01',
        attributes: fileIn(`${name}.json`, JSON.stringify({ customerClass: name })),
      });
    const message = expect.stringContaining('"farms"; the tariff names "farm", "mill"');
    expect(of('farms')).toMatchObject({
      value: {
        facts: {
          bills: [{ total: '0' }],
          warnings: [{ code: 'CUSTOMER_CLASS_UNMATCHED', message }, { code: 'SLOTS_MISSING' }],
        },
      },
    });
    expect(of('farm')).toMatchObject({
      value: { facts: { bills: [{ total: '7' }], warnings: [{ code: 'SLOTS_MISSING' }] } },
    });
  });
});

describe('a load with holes', () => {
  // March 2026 in Berlin has 31 x 48 half-hours less the two of the hour that is skipped.
  test("is told its own intervals, not the tariff's shorter ones", () => {
    const rules = [
      { from: '07:15', to: '22:00', period: 'day' },
      { from: '00:00', to: '24:00', period: 'night' },
    ];
    const document = { ...tariff, calendars: [{ name: 'tou', rules }] };
    const quarters = fileIn('quarters.json', JSON.stringify(document));
    const firstMs = Date.UTC(2026, 1, 28, 23);
    const rows = Array.from({ length: 1_486 }, (_, at) => {
      const start = new Date(firstMs + at * 1_800_000).toISOString();
      return `${start},${at >= 100 && at < 110 ? '' : '500'}`;
    });
    const load = fileIn('holes.csv', ['start,import_wh', ...rows].join('\n'));
    const message = expect.stringContaining('10 of 1486 intervals have no data');
    expect(asked({ tariff: quarters, load, interval: undefined })).toMatchObject({
      value: { facts: { warnings: [{ code: 'SLOTS_MISSING', message }] } },
    });
  });
});

describe('what a month leaves', () => {
  // 50 kWh of a year are free, then 0.2: 30 kWh a month cost 0, then 10 x 0.2 (Kill Bill #1931).
  const yearly = fileIn(
    'yearly.json',
    JSON.stringify({
      currency: 'EUR',
      zone: 'Europe/Berlin',
      components: [
        {
          kind: 'energy',
          name: 'energy',
          flow: 'import',
          price: [{ upTo: '50', price: '0' }, { price: '0.2' }],
          tiers: { unit: 'kWh', reset: 'year', allocation: 'chronological' },
        },
      ],
    }),
  );
  const month = (number: string) =>
    fileIn(`${number}.csv`, `start,import_wh\n2026-${number}-10T12:00:00+01:00,30000`);
  const given = { tariff: yearly, zone: undefined };

  test('goes into the next through a file', () => {
    const carry = path.join(folder, 'carry.json');
    expect(asked({ ...given, load: month('01'), carryOut: carry })).toMatchObject({
      value: { facts: { bills: [{ total: '0' }] } },
    });
    expect(asked({ ...given, load: month('02'), carry })).toMatchObject({
      value: { facts: { bills: [{ total: '2' }] } },
    });
    expect(asked({ ...given, load: month('02') })).toMatchObject({
      value: { facts: { bills: [{ total: '0' }] } },
    });
  });

  test('is refused where it cannot be read, and the second engine has none', () => {
    const carry = fileIn('other.json', '{"tiers":[]}');
    expect(asked({ ...given, load: month('02'), carry })).toMatchObject({
      code: 'CARRY_MALFORMED',
    });
    const both = () => asked({ ...given, load: month('02'), carry, judge: true });
    expect(both).toThrow('leave one of them out');
  });
});

describe('bad input is a code, never a bill', () => {
  test.each<[Partial<RateOptions>, string]>([
    [{ load: 'absent.csv' }, 'FILE_UNREADABLE'],
    [{ zone: 'Mars/Olympus' }, 'ZONE_UNKNOWN'],
    [{ zone: undefined }, 'ZONE_MISSING'],
    [{ from: '2026-02-30' }, 'DATE_MALFORMED'],
    [{ from: '2026-04-01', to: '2026-03-01' }, 'WINDOW_EMPTY'],
    [{ from: '2027-01-01' }, 'WINDOW_EMPTY'],
    [{ from: '1970-01-02', to: '2100-01-01' }, 'WINDOW_TOO_LONG'],
    [{ from: '1970-01-01' }, 'WINDOW_OUT_OF_RANGE'],
    [{ interval: '45' }, 'LOAD_INTERVAL_UNKNOWN'],
    [{ attributes: fileIn('bad.json', '{"fuseA":63}') }, 'ATTRIBUTES_MALFORMED'],
    [{ series: ['spot=absent.csv'] }, 'FILE_UNREADABLE'],
    [{ series: [`a=${tariffFile}`] }, 'CSV_HEADER_UNKNOWN'],
    [{ tariff: fileIn('text.json', 'no json') }, 'JSON_MALFORMED'],
    [{ tariff: fileIn('float.json', '{"currency":"EUR","components":[{}]}') }, 'TARIFF_MALFORMED'],
    [{ tariff: undefined, urdb: fileIn('urdb-empty.json', '{"items":[]}') }, 'URDB_NOT_ONE_RATE'],
  ])('%j: %s', (options, code) => {
    const answer = asked(options);
    expect(answer).toMatchObject({ ok: false, code, message: expect.any(String) });
  });

  test.each([
    [['start,import_wh', '2026-03-31T03:00:00,1'], 'LOAD_INSTANT_WITHOUT_OFFSET', 'Line 2'],
    [['start,import_wh', '2026-03-31T03:00:00Z,-1'], 'LOAD_VALUE_MALFORMED', 'Line 2'],
    [['when,wh', '2026-03-31T03:00:00Z,1'], 'LOAD_HEADER_MALFORMED', 'first line'],
  ])('a load of %j: %s', (rows, code, told) => {
    const load = fileIn('bad.csv', rows.join('\n'));
    const message = expect.stringContaining(told);
    expect(asked({ load })).toMatchObject({ ok: false, code, message });
  });

  test.each<[Partial<RateOptions>, string]>([
    [{ tariff: undefined }, 'give either --tariff FILE or --urdb FILE'],
    [{ urdb: tariffFile }, 'give either --tariff FILE or --urdb FILE'],
    [{ interval: 'x' }, '--interval is a whole number'],
    [{ series: ['a'] }, '--series is NAME=FILE'],
  ])('%j is a call that is wrong', (options, sentence) => {
    expect(() => asked(options)).toThrow(sentence);
  });

  test('a finite last tier is refused at its place', () => {
    const text = readFileSync(tariffFile, 'utf8').replace(
      '"prices":{"day":"0.40",',
      '"tiers":{"unit":"kWh","reset":"bill","allocation":"volume"},' +
        '"prices":{"day":[{"upTo":"5","price":"0.40"}],',
    );
    expect(asked({ tariff: fileIn('finite.json', text) })).toMatchObject({
      code: 'TARIFF_TIERS_MALFORMED',
      path: ['components', '0', 'prices', 'day', '0', 'upTo'],
    });
  });

  test('a script reads the code on stdout, a person on stderr, both by the exit code', async () => {
    const told = await rate(...ours, '--from', 'soon', '--json');
    expect(told).toMatchObject({ exitCode: 1, stderr: '' });
    expect(lineOf(told)).toMatchObject({ ok: false, code: 'DATE_MALFORMED' });
    const said = await rate(...ours, '--from', 'soon');
    expect(said).toMatchObject({ exitCode: 1, stdout: '' });
    expect(said.stderr).toMatch(/^DATE_MALFORMED: /);
    const misused = await rate('--zone', 'Europe/Berlin');
    expect(misused.exitCode).toBe(2);
    expect(misused.stderr).toContain('COMMAND_MISUSED: give either --tariff FILE or --urdb FILE');
  });
});
