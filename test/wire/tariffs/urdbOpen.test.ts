import { describe, expect, it } from 'vitest';
import { importUrdb } from '../../../src/wire/tariffs/urdb.ts';
import { componentOf, readUrdb, refusalOf, urdbText, warningsOf } from './urdbRate.ts';

describe('a charge without a unit', () => {
  it('is a month’s, and the warning names its field', () => {
    const fields = { fixedChargeFirstMeter: 12.5, mincharge: 20, minchargeunits: '' };
    const { document } = readUrdb(fields);
    expect(componentOf(document, 'fixed')).toMatchObject({ amount: '12.5', per: 'month' });
    expect(componentOf(document, 'minimum')).toMatchObject({ amount: '20', per: 'month' });
    expect(warningsOf(fields, 'URDB_UNITS_ASSUMED')).toEqual([
      {
        code: 'URDB_UNITS_ASSUMED',
        path: ['fixedChargeFirstMeter'],
        message: 'there is no fixedchargeunits, so it is read as $/month; check it.',
      },
      {
        code: 'URDB_UNITS_ASSUMED',
        path: ['mincharge'],
        message: 'there is no minchargeunits, so it is read as $/month; check it.',
      },
    ]);
  });

  it('is not warned of where it is 0, has a unit or is the older monthly field', () => {
    const unit = { fixedchargefirstmeter: 1, fixedchargeunits: '$/month' };
    for (const fields of [{ mincharge: 0 }, unit, { fixedmonthlycharge: 3 }]) {
      expect(warningsOf(fields, 'URDB_UNITS_ASSUMED')).toEqual([]);
    }
  });

  it('agrees with the older monthly field beside it, or is refused', () => {
    const both = { fixedmonthlycharge: 3, fixedchargefirstmeter: 3 };
    expect(componentOf(readUrdb(both).document, 'fixed')).toMatchObject({ amount: '3' });
    expect(refusalOf({ ...both, fixedchargefirstmeter: 4 })).toBe(
      'URDB_CHARGE_TWICE fixedmonthlycharge',
    );
  });
});

describe('a list', () => {
  it('of one rate is that rate', () => {
    expect(importUrdb(`[${urdbText()}]`)).toEqual(importUrdb(urdbText()));
    expect(importUrdb(`{"items":[${urdbText()}]}`)).toEqual(importUrdb(urdbText()));
  });

  it.each([
    ['of several is refused with their number', `[${urdbText()},${urdbText()}]`, /holds 2 rates/],
    ['of none is refused', '[]', /holds 0 rates/],
    ['of no rates is refused', '[5]', /one item that is no rate/],
    ['of an answer is as long as one', `{"items":[{},{},{}]}`, /^items: it holds 3 rates/],
  ])('%s', (_what, text, message) => {
    const expected = { ok: false, code: 'URDB_NOT_ONE_RATE' };
    expect(importUrdb(text)).toMatchObject({
      ...expected,
      message: expect.stringMatching(message),
    });
  });
});

describe('what the document refuses', () => {
  it.each([
    ['mincharge', { mincharge: -5, minchargeunits: '$/month' }, 'mincharge'],
    ['the older minimum', { mincharge: 0, minMonthlyCharge: -5 }, 'minMonthlyCharge'],
    ['the yearly minimum', { annualmincharge: -5 }, 'annualmincharge'],
    ['the fixed charge', { fixedchargefirstmeter: 1e20 }, 'fixedchargefirstmeter'],
    ['a price', { energyratestructure: [[{ rate: 2e7 }]] }, 'energyratestructure'],
    [
      'a fuel adjustment',
      { fueladjustmentsmonthly: Array(12).fill(2e7) },
      'fueladjustmentsmonthly',
    ],
  ])('is said of the field of the file: %s', (_what, fields, field) => {
    expect(refusalOf(fields)).toBe(`URDB_DOCUMENT_REFUSED ${field}`);
  });

  it('names the field first and the period from 0', () => {
    expect(importUrdb(urdbText({ mincharge: -5 }))).toMatchObject({
      message: 'mincharge: -5 is too little; it is 0 or more.',
    });
    const weekday = Array.from({ length: 12 }, () => [...Array(12).fill(0), ...Array(12).fill(1)]);
    const energyratestructure = [[{ rate: 0.1 }], [{ rate: 2e7 }]];
    const fields = { energyratestructure, energyweekdayschedule: weekday };
    expect(refusalOf(fields)).toBe('URDB_DOCUMENT_REFUSED energyratestructure.1');
  });
});
