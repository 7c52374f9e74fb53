import { describe, expect, it } from 'vitest';
import {
  allYear,
  componentOf,
  readUrdb,
  refusalOf,
  summerAfternoons,
  warningsOf,
} from './urdbRate.ts';

describe('demand', () => {
  it('by the hour, by the month and twice by the month become components', () => {
    // Structure and months of LBNL's file of PG&E B-19S.
    const { document } = readUrdb({
      flatdemandstructure: [[{ rate: 2.47 }], [{ rate: 8.91 }], [{ rate: 2.46 }]],
      flatdemandmonths: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
      extraflatdemandmonths: [0, 0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 0],
      demandratestructure: [[{ rate: 0 }], [{ rate: 18.11, adj: 0.709 }]],
      demandweekdayschedule: summerAfternoons,
      demandweekendschedule: allYear(0),
      demandwindow: 30,
    });
    const demand = document.components.filter(({ kind }) => kind === 'demand');
    const common = { kind: 'demand', unit: 'kW', windowMinutes: 30, measure: 'max' };
    expect(demand).toEqual([
      { ...common, name: 'flat demand', price: '8.91' },
      {
        ...common,
        name: 'extra flat demand',
        calendar: 'extra flat demand',
        prices: { p1: '2.47', p3: '2.46' },
      },
      { ...common, name: 'demand', calendar: 'demand', prices: { p1: '0', p2: '18.819' } },
    ]);
    expect(document.calendars?.[0]?.seasons).toEqual([
      {
        name: 's1',
        spans: [
          { from: '01-01', through: '05-31' },
          { from: '10-01', through: '12-31' },
        ],
      },
      { name: 's2', spans: [{ from: '06-01', through: '09-30' }] },
    ]);
  });

  const flat = { flatdemandstructure: [[{ rate: 5 }]], flatdemandmonths: Array(12).fill(0) };

  it('at prices of nothing is no component', () => {
    const { document, codes } = readUrdb({ ...flat, flatdemandstructure: [[{ rate: 0 }]] });
    expect(document.components).toHaveLength(1);
    expect(codes).toEqual([]);
  });

  it('a ratchet of 35 % looks back 11 months', () => {
    // Wallingford's Primary Service (OpenEI 539f6a23ec4f024411ec8bf9) writes 0.35 twelve times.
    const { document } = readUrdb({ ...flat, demandratchetpercentage: Array(12).fill(0.35) });
    const ratchets = [{ percent: '35', months: 11 }];
    expect(componentOf(document, 'flat demand')).toMatchObject({ ratchets });
  });

  it('a share that differs by month is of that month’s peak', () => {
    // As in the test of look-back percentages of NREL's ssc: 60 and, in summer, 95.
    const demandratchetpercentage = Array.from({ length: 12 }, (_, month) =>
      month >= 5 && month <= 8 ? 0.95 : 0.6,
    );
    const { document, codes } = readUrdb({ ...flat, demandratchetpercentage });
    expect(componentOf(document, 'flat demand')).toMatchObject({
      ratchets: [
        { percent: '60', months: 11, ofMonths: [1, 2, 3, 4, 5, 10, 11, 12] },
        { percent: '95', months: 11, ofMonths: [6, 7, 8, 9] },
      ],
    });
    expect(codes).not.toContain('URDB_RATCHET_PERCENT_ASSUMED');
    const some = readUrdb({ ...flat, demandratchetpercentage: [...Array(11).fill(0), 0.5] });
    expect(componentOf(some.document, 'flat demand')).toMatchObject({
      ratchets: [{ percent: '50', months: 11, ofMonths: [12] }],
    });
  });

  it('more different shares than a component has ratchets are refused', () => {
    const demandratchetpercentage = [0.1, 0.2, 0.3, 0.4, 0.5, ...Array(7).fill(0)];
    expect(refusalOf({ ...flat, demandratchetpercentage })).toBe(
      'URDB_TOO_COMPLEX demandratchetpercentage',
    );
  });

  it('what was read of a ratchet is said, and a number above 1 is percent aloud', () => {
    const [read] = warningsOf({ ...flat, demandratchetpercentage: 0.35 }, 'URDB_RATCHET_READ');
    expect(read).toEqual({
      code: 'URDB_RATCHET_READ',
      path: ['demandratchetpercentage'],
      message: '"flat demand" bills at least 35 % of the highest peak of the 11 months before.',
    });
    const percent = { ...flat, demandratchetpercentage: Array(12).fill(35) };
    expect(warningsOf(percent, 'URDB_RATCHET_PERCENT_ASSUMED')).toEqual([
      {
        code: 'URDB_RATCHET_PERCENT_ASSUMED',
        path: ['demandratchetpercentage'],
        message: '35 is more than 1, so it is read as 35 %, not as a share of 1.',
      },
    ]);
    const months = [...Array(10).fill(0.5), 0, 0];
    const [differing] = warningsOf(
      { ...flat, demandratchetpercentage: months },
      'URDB_RATCHET_READ',
    );
    expect(differing?.message).toBe(
      '"flat demand" bills at least 50 % of the highest peak of those in month 1, 2, 3, 4, 5, 6, ' +
        '7, 8, 9, 10 of the 11 months before. A month’s share is of that month’s peak, in every ' +
        'later bill.',
    );
    expect(refusalOf({ ...flat, demandratchetpercentage: Array(12).fill(101) })).toBe(
      'URDB_FIELD_MALFORMED demandratchetpercentage.0',
    );
  });

  it('a look-back names its range, or its months, in any spelling', () => {
    const range = readUrdb({ ...flat, lookbackPercent: 0.8, lookbackRange: 6 });
    expect(componentOf(range.document, 'flat demand')).toMatchObject({
      ratchets: [{ percent: '80', months: 6 }],
    });
    const months = [0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0];
    const named = readUrdb({ ...flat, lookbackpercent: 90, lookbackmonths: months });
    expect(componentOf(named.document, 'flat demand')).toMatchObject({
      ratchets: [{ percent: '90', months: 11, ofMonths: [6, 7, 8, 9] }],
    });
    const none = readUrdb({ ...flat, lookbackpercent: 0, lookbackmonths: Array(12).fill(0) });
    expect(componentOf(none.document, 'flat demand')).not.toHaveProperty('ratchets');
  });

  it('per kVA is kept, per hp or per day refused', () => {
    const kva = readUrdb({ ...flat, flatdemandunit: 'kVA' });
    expect(componentOf(kva.document, 'flat demand')).toMatchObject({ unit: 'kVA' });
    expect(refusalOf({ ...flat, flatdemandunit: 'hp' })).toBe(
      'URDB_UNIT_UNSUPPORTED flatdemandunit',
    );
    expect(refusalOf({ ...flat, demandunits: 'kW daily' })).toBe(
      'URDB_UNIT_UNSUPPORTED demandunits',
    );
  });

  it('reactive demand leaves a meter without reactive registers alone', () => {
    const { document, codes } = readUrdb({ demandreactivepowercharge: 2.7 });
    expect(componentOf(document, 'reactive demand')).toMatchObject({
      unit: 'kvar',
      price: '2.7',
      unmetered: 'leaveOut',
    });
    expect(codes).toContain('URDB_REACTIVE_READ');
  });

  it('coincident demand is left out aloud', () => {
    const { codes } = readUrdb({ coincidentratestructure: [[{ rate: 0.79 }]] });
    expect(codes).toContain('URDB_COINCIDENT_LEFT_OUT');
  });
});
