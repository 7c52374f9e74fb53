import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { importUrdb } from '../../../src/wire/tariffs/urdb.ts';
import {
  allYear,
  componentOf,
  readUrdb,
  refusalOf,
  summerAfternoons,
  urdbText,
} from './urdbRate.ts';

describe('prices', () => {
  // Tier of Public Service Co of Colorado, Schedule RD (OpenEI 5a679442682bea21e990a0d4).
  it('rate and adjustment are added as decimals, not as floats', () => {
    const { document } = readUrdb({ energyratestructure: [[{ rate: 0.01974, adj: 0.0283685 }]] });
    expect(componentOf(document, 'energy')).toMatchObject({ price: '0.0481085' });
    // 0.1 + 0.2 is 0.30000000000000004 in floats
    const sum = readUrdb({ energyratestructure: [[{ rate: 0.1, adj: 0.2 }]] });
    expect(componentOf(sum.document, 'energy')).toMatchObject({ price: '0.3' });
  });

  it('an exponent is written out', () => {
    const { document } = readUrdb({ energyratestructure: [[{ rate: 5e-7, adj: '-1E-8' }]] });
    expect(componentOf(document, 'energy')).toMatchObject({ price: '0.00000049' });
  });

  it('a price of more than 8 decimals is refused, not rounded', () => {
    const energyratestructure = [[{ rate: 0.123456789 }]];
    expect(refusalOf({ energyratestructure })).toBe('URDB_PRICE_TOO_FINE energyratestructure.0.0');
  });

  it('a tier without any rate is refused, with the place', () => {
    // As in Dixie Escalante's Net Metering Tariff (OpenEI 539fc25dec4f024c27d8b0a5).
    const energyratestructure = [[{ unit: 'kWh' }]];
    expect(refusalOf({ energyratestructure })).toBe('URDB_RATE_MISSING energyratestructure.0.0');
  });

  it('a rate of nothing but zeros is refused', () => {
    const zero = { energyratestructure: [[{ rate: 0 }]], fixedmonthlycharge: 30 };
    expect(refusalOf(zero)).toBe('URDB_ALL_ZERO energyratestructure');
  });
});

describe('tiers', () => {
  it('are chronological within the month, in the unit of the file', () => {
    // Fixture of Ohio Power's RS (CC0): three blocks.
    const tiers = [
      { max: 2000, unit: 'kWh', rate: 0.0347738, adj: 0.13299 },
      { max: 15000, unit: 'kWh', rate: 0.0347738, adj: 0.13253 },
      { unit: 'kWh', rate: 0.0347738, adj: 0.13197 },
    ];
    expect(componentOf(readUrdb({ energyratestructure: [tiers] }).document, 'energy')).toEqual({
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      price: [
        { upTo: '2000', price: '0.1677638' },
        { upTo: '15000', price: '0.1673038' },
        { price: '0.1667438' },
      ],
      tiers: { unit: 'kWh', reset: 'month', allocation: 'chronological' },
    });
  });

  it.each([
    ['kWh daily', { unit: 'kWh/day' }],
    ['kWh/kW', { unit: 'kWh/kW', kw: 'peak' }],
    ['kWh/kW daily', { unit: 'kWh/kW/day', kw: 'peak' }],
  ])('of %s keep their unit', (unit, tiers) => {
    const energyratestructure = [
      [
        { max: 12, rate: 0.1, unit },
        { rate: 0.2, unit },
      ],
    ];
    expect(componentOf(readUrdb({ energyratestructure }).document, 'energy')).toMatchObject({
      tiers,
    });
  });

  it.each([[1e38], [0], [100_000_000_000_000]])('a last one that ends at %d is open', (max) => {
    const energyratestructure = [
      [
        { max: 50, rate: 0.1 },
        { max, rate: 0.2 },
      ],
    ];
    const { document, codes } = readUrdb({ energyratestructure });
    expect(componentOf(document, 'energy')).toMatchObject({
      price: [{ upTo: '50', price: '0.1' }, { price: '0.2' }],
    });
    expect(codes).toContain('URDB_LAST_TIER_OPENED');
  });

  it('limits that do not rise, or an open one before the last, are refused', () => {
    const falling = [[{ max: 50, rate: 1 }, { max: 40, rate: 2 }, { rate: 3 }]];
    expect(refusalOf({ energyratestructure: falling })).toBe(
      'URDB_TIERS_MALFORMED energyratestructure.0.1.max',
    );
    const open = [[{ rate: 1 }, { rate: 2 }]];
    expect(refusalOf({ energyratestructure: open })).toBe(
      'URDB_TIERS_MALFORMED energyratestructure.0.0.max',
    );
  });
});

describe('schedules', () => {
  it('become a calendar of few rules, with the periods that are used', () => {
    const { document } = readUrdb({
      energyratestructure: [[{ rate: 0.1 }], [{ rate: 0.3 }], [{ rate: 9 }]],
      energyweekdayschedule: summerAfternoons,
    });
    expect(document.calendars).toEqual([
      {
        name: 'energy',
        seasons: [
          {
            name: 's1',
            spans: [
              { from: '01-01', through: '05-31' },
              { from: '10-01', through: '12-31' },
            ],
          },
          { name: 's2', spans: [{ from: '06-01', through: '09-30' }] },
        ],
        dayTypes: [
          { name: 'weekend', weekdays: ['sat', 'sun'] },
          { name: 'weekday', weekdays: ['mon', 'tue', 'wed', 'thu', 'fri'] },
        ],
        rules: [
          { seasons: ['s1'], from: '00:00', to: '24:00', period: 'p1' },
          { seasons: ['s2'], dayTypes: ['weekday'], from: '00:00', to: '12:00', period: 'p1' },
          { seasons: ['s2'], dayTypes: ['weekday'], from: '12:00', to: '18:00', period: 'p2' },
          { seasons: ['s2'], dayTypes: ['weekday'], from: '18:00', to: '24:00', period: 'p1' },
          { seasons: ['s2'], dayTypes: ['weekend'], from: '00:00', to: '24:00', period: 'p1' },
        ],
      },
    ]);
    expect(componentOf(document, 'energy')).toMatchObject({ prices: { p1: '0.1', p2: '0.3' } });
  });

  it('months that differ on weekends alone are seasons of their own', () => {
    const energyweekendschedule = allYear(0);
    energyweekendschedule[0] = Array.from({ length: 24 }, () => 1);
    const energyratestructure = [[{ rate: 0.1 }], [{ rate: 0.3 }]];
    const { document } = readUrdb({ energyratestructure, energyweekendschedule });
    expect(document.calendars?.[0]?.rules).toEqual([
      { seasons: ['s1'], dayTypes: ['weekday'], from: '00:00', to: '24:00', period: 'p1' },
      { seasons: ['s1'], dayTypes: ['weekend'], from: '00:00', to: '24:00', period: 'p2' },
      { seasons: ['s2'], from: '00:00', to: '24:00', period: 'p1' },
    ]);
  });

  it('a period without a rate is refused at the hour that uses it', () => {
    // As in Seward County's D28 (OpenEI 539fb6c7ec4f024bc1dc0445).
    expect(refusalOf({ energyweekdayschedule: summerAfternoons })).toBe(
      'URDB_PERIOD_UNKNOWN energyweekdayschedule.5.12',
    );
  });

  it('a missing schedule, or one of 11 months, is refused', () => {
    expect(refusalOf({ energyweekendschedule: null })).toBe(
      'URDB_SCHEDULE_MISSING energyweekendschedule',
    );
    expect(refusalOf({ energyweekendschedule: allYear(0).slice(1) })).toBe(
      'URDB_FIELD_MALFORMED energyweekendschedule',
    );
  });
});

describe('charges', () => {
  it.each([
    [{ fixedmonthlycharge: 275 }, { amount: '275', per: 'month' }],
    [
      { fixedchargefirstmeter: 23.655, fixedchargeunits: '$/day' },
      { amount: '23.655', per: 'day' },
    ],
    [
      { fixedchargefirstmeter: 120, fixedchargeunits: '$/year' },
      { amount: '120', per: 'year' },
    ],
  ])('%j is a fixed charge in its own unit', (fields, fixed) => {
    expect(componentOf(readUrdb(fields).document, 'fixed')).toEqual({
      kind: 'fixed',
      name: 'fixed',
      ...fixed,
    });
  });

  it('the old and the new fixed charge at once are refused unless they are the same', () => {
    const both = { fixedmonthlycharge: 7, fixedchargefirstmeter: 7, fixedchargeunits: '$/month' };
    expect(componentOf(readUrdb(both).document, 'fixed')).toMatchObject({ amount: '7' });
    expect(refusalOf({ ...both, fixedmonthlycharge: 8 })).toBe(
      'URDB_CHARGE_TWICE fixedmonthlycharge',
    );
  });

  it('minima are of the charges above them, not of one another', () => {
    const { document } = readUrdb({
      minmonthlycharge: 25,
      annualmincharge: 400,
      fixedmonthlycharge: 5,
    });
    const of = ['energy', 'fixed'];
    expect(componentOf(document, 'minimum')).toMatchObject({ amount: '25', per: 'month', of });
    expect(componentOf(document, 'annual minimum')).toMatchObject({ per: 'year', month: 12, of });
  });

  it('fuel adjustments by month are added to energy', () => {
    const fueladjustmentsmonthly = [...Array(6).fill(0.01), ...Array(6).fill(0.02)];
    const { document } = readUrdb({ fueladjustmentsmonthly });
    expect(componentOf(document, 'fuel adjustment')).toMatchObject({
      kind: 'energy',
      prices: { p1: '0.01', p2: '0.02' },
    });
  });
});

describe('generation', () => {
  const sold = { energyratestructure: [[{ rate: 0.1, sell: 0.04 }]] };

  it('net metering keeps surplus in kWh', () => {
    for (const fields of [{ dgRules: 'Net Metering' }, { usenetmetering: true }]) {
      const { document } = readUrdb(fields);
      expect(componentOf(document, 'energy')).toMatchObject({ flow: 'net' });
      expect(componentOf(document, 'net metering')).toMatchObject({ method: 'energyCredits' });
    }
  });

  it.each([
    ['Net Billing Instantaneous', 'applyNow'],
    ['Net Billing Hourly', 'carryOver'],
  ])('%s pays the sell rate: %s', (dgrules, unused) => {
    const { document } = readUrdb({ ...sold, dgrules });
    expect(componentOf(document, 'energy')).toMatchObject({ flow: 'import', price: '0.1' });
    expect(componentOf(document, 'export')).toMatchObject({ flow: 'export', price: '0.04' });
    expect(componentOf(document, 'net billing')).toMatchObject({ unused });
  });

  it('credits are not kept where import has a negative price of its own', () => {
    // Kept, they would take the negative amount off the bill of a customer without generation.
    const energyratestructure = [[{ rate: -0.07, sell: 0.04 }]];
    const { document } = readUrdb({ energyratestructure, dgrules: 'Net Billing Hourly' });
    expect(componentOf(document, 'net billing')).toMatchObject({ unused: 'applyNow' });
  });

  it('without sell rates, or when asked so, export earns nothing and is named', () => {
    const bare = readUrdb({ dgrules: 'Net Billing Hourly' });
    expect(bare.document.components).toHaveLength(1);
    expect(bare.codes).toContain('URDB_EXPORT_LEFT_OUT');
    const asked = importUrdb(urdbText({ dgrules: 'Net Metering' }), { generation: 'leaveOut' });
    expect(asked).toMatchObject({
      ok: true,
      value: { document: { components: [{ flow: 'import' }] } },
    });
    expect(readUrdb(sold).codes).toContain('URDB_EXPORT_LEFT_OUT');
  });
});

describe('the file', () => {
  it('may be an answer of the API with one item', () => {
    const item: unknown = JSON.parse(urdbText());
    expect(importUrdb(JSON.stringify({ items: [item] })).ok).toBe(true);
    expect(importUrdb(JSON.stringify({ items: [item, item] }))).toMatchObject({
      code: 'URDB_NOT_ONE_RATE',
    });
    expect(importUrdb(JSON.stringify({ error: { code: 'API_KEY_MISSING' } }))).toMatchObject({
      code: 'URDB_NOT_ONE_RATE',
    });
  });

  it('names each field that prices nothing, and unknown ones', () => {
    const { codes } = readUrdb({
      utility: 'PECO Energy Co',
      startdate: 1401580800,
      peakkwcapacitymin: 25,
      energyattrs: [{ 'Voltage Discount (2KV-<50KV)': '$-0.00106/Kwh' }],
      pdp_charge_energy: Array(24).fill(0.6),
      surprise: 1,
    });
    expect(codes).toEqual([
      'URDB_DESCRIPTION_LEFT_OUT',
      'URDB_APPLICABILITY_LEFT_OUT',
      'URDB_DATES_LEFT_OUT',
      'URDB_NOTES_LEFT_OUT',
      'URDB_EVENTS_LEFT_OUT',
      'URDB_FIELD_UNKNOWN',
    ]);
  });

  it('of whatever content is read or refused, never thrown at', () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.double(),
      fc.constant(allYear(0)),
      fc.constant(summerAfternoons),
      fc.array(fc.array(fc.record({ rate: fc.double(), max: fc.integer(), sell: fc.float() }))),
    );
    const names = [
      'energyratestructure',
      'energyweekdayschedule',
      'demandratestructure',
      'demandweekdayschedule',
      'demandweekendschedule',
      'flatdemandstructure',
      'flatdemandmonths',
      'demandratchetpercentage',
      'lookbackmonths',
      'lookbackrange',
      'lookbackpercent',
      'fueladjustmentsmonthly',
      'mincharge',
      'minchargeunits',
      'dgrules',
      'startdate',
      'items',
      '__proto__',
    ];
    const fields = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 });
    fc.assert(
      fc.property(fields, (chosen) => {
        const imported = importUrdb(urdbText(chosen));
        const isWhole = imported.ok && parseTariffDocument(imported.value.document).ok;
        expect(isWhole || (!imported.ok && imported.message !== '')).toBe(true);
      }),
      { numRuns: 300 },
    );
    fc.assert(fc.property(fc.string(), (text) => void importUrdb(text)));
  });
});
