import { describe, expect, it } from 'vitest';
import { allYear, componentOf, readUrdb, refusalOf, summerAfternoons } from './urdbRate.ts';

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

  it('shares that differ by month are refused, because the format does not say of which', () => {
    const demandratchetpercentage = [...Array(11).fill(0.5), 0];
    expect(refusalOf({ ...flat, demandratchetpercentage })).toBe(
      'URDB_RATCHET_UNCLEAR demandratchetpercentage',
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
