import { describe, expect, test } from 'vitest';
import type { Component } from '../../../src/domain/tariff/component.ts';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import type { TariffDocument } from '../../../src/domain/tariff/document.ts';
import { fullDocument, withComponent } from './fullDocument.ts';
import type { JsonObject } from './fullDocument.ts';

function parsed(raw: JsonObject): TariffDocument {
  const document = parseTariffDocument(raw);
  if (!document.ok) throw new Error(document.message);
  return document.value;
}

function second(component: JsonObject): Component | undefined {
  return parsed(withComponent(component)).components[1];
}

const open = (priceE8: bigint): object => ({ upToE8: null, priceE8, flatE8: 0n });

describe('of a document', () => {
  const document = parsed(fullDocument);
  const named = (name: string): Component | undefined =>
    document.components.find((component) => component.name === name);

  test('every number is an integer at 10^-8', () => {
    expect(named('energy')).toMatchObject({
      prices: {
        periods: ['night', 'day'],
        tiers: [
          [open(20_000_000n)],
          [{ upToE8: 10_000_000_000n, priceE8: 10_000_000n, flatE8: 0n }, open(30_000_001n)],
        ],
      },
      tierRule: { resetMonth: 4, proration: 'none', kw: 'peak' },
      quantity: { stepE8: 100_000_000n, mode: 'down' },
      when: { useAboveE8: 0n, useAtMostE8: 500_000_000_000n, customerClasses: ['home', 'farm'] },
    });
    expect(named('market')).toMatchObject({ factorE8: 90_000_000n, adderE8: -1_000_000n });
    expect(document.rounding).toEqual({
      interval: null,
      line: { stepE8: 1_000_000n, mode: 'half-up' },
      tax: { stepE8: 1_000_000n, mode: 'half-even' },
      bill: { stepE8: 5_000_000n, mode: 'down' },
    });
  });

  test('a market’s price a MWh is exact a kWh, and its instants are UTC', () => {
    expect(document.priceSeries).toEqual([
      {
        name: 'spot',
        fromMs: Date.parse('2025-12-31T23:00:00Z'),
        stepMs: 3_600_000,
        // 81.25 and -3.5 a MWh are 0.08125 and -0.0035 a kWh.
        pricesE8: [8_125_000n, null, -350_000n],
      },
    ]);
    expect(named('power')).toMatchObject({
      coincident: [
        { fromMs: Date.parse('2026-01-05T17:00Z'), toMs: Date.parse('2026-01-05T18:00Z') },
      ],
    });
  });

  test('what is above a component is known by its place', () => {
    expect(named('cosphi')).toMatchObject({ of: [0, 3] });
    expect(named('least')).toMatchObject({ of: [0, 7] });
    expect(named('uplift')).toMatchObject({ by: { of: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] } });
    expect(named('power')).toMatchObject({ ratchets: [{ ofMonths: [6, 7], ofPeriods: [1] }] });
  });

  test('a surplus without a price of its own earns the period’s first one', () => {
    expect(named('net')).toMatchObject({ surplusE8: [10_000_000n, 5_000_000n] });
  });

  test('dates, examples and credits are kept', () => {
    expect(document).toMatchObject({
      validFrom: '2026-01-01',
      validTo: '2027-01-01T00:15',
      examples: [{ name: 'an hour of a kilowatt' }],
    });
    expect(named('bank')).toMatchObject({
      carry: new Map([['night', 'day']]),
      trueUp: { month: 3, priceE8: 4_000_000n },
    });
  });
});

describe('what a component leaves out', () => {
  test('energy has no tiers, and no surplus but at its price', () => {
    expect(parsed(withComponent()).components[0]).toEqual({
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      rounding: null,
      when: { useAtMostE8: null, useAboveE8: null, customerClasses: null },
      prices: { calendarIndex: null, periods: [null], tiers: [[open(20_000_000n)]] },
      tierRule: null,
      quantity: null,
      surplusE8: [20_000_000n],
    });
  });

  test('limits follow the days of the bill, of the highest demand, in years from January', () => {
    const prices = [{ upTo: '50', price: '1' }, { price: '2' }];
    const tiers = { unit: 'kWh/kW', reset: 'bill', allocation: 'chronological' };
    const energy = { kind: 'energy', name: 'x', flow: 'import', price: prices, tiers };
    expect(second(energy)).toMatchObject({
      tierRule: { ...tiers, kw: 'peak', resetMonth: 1, proration: 'days' },
    });
  });

  test('a dynamic price is the series’ own, and demand has no floor', () => {
    const market = { kind: 'dynamic', name: 'x', flow: 'import', series: 's', missing: 'last' };
    expect(second(market)).toMatchObject({
      factorE8: 100_000_000n,
      adderE8: 0n,
      capE8: null,
      floorE8: null,
      resolutionMinutes: null,
      missing: 'last',
    });
    const power = {
      kind: 'demand',
      name: 'x',
      unit: 'kVA',
      windowMinutes: 30,
      measure: 'max',
      price: '1',
    };
    expect(second(power)).toMatchObject({
      minimumE8: 0n,
      meanOfMonths: null,
      ratchets: [],
      coincident: null,
      countsEstimates: false,
      unmetered: 'refuse',
    });
  });

  test('without calendars all time is one super period', () => {
    const document = parsed({ ...withComponent(), calendars: [] });
    expect([...document.superPeriods]).toEqual([['', { periodIndexes: [] }]]);
  });

  test('a calendar that no component uses is allowed', () => {
    expect(parsed(withComponent()).calendars.map(({ name }) => name)).toEqual(['hours']);
  });
});

test('credits, negative prices and percentages of something are charges', () => {
  const only = (...components: JsonObject[]): boolean =>
    parseTariffDocument({ currency: 'EUR', components }).ok;
  const energy = (price: string): JsonObject => ({
    kind: 'energy',
    name: 'energy',
    flow: 'import',
    price,
  });
  const vat = { kind: 'tax', name: 'vat', percent: '19', of: ['energy'] };
  expect(only(energy('-0.01'))).toBe(true);
  expect(only(energy('-0.01'), vat)).toBe(true);
  expect(only(energy('0'), vat)).toBe(false);
  expect(only(energy('0'), { kind: 'fixed', name: 'f', amount: '-5', per: 'bill' })).toBe(true);
  const market = { kind: 'dynamic', name: 'm', flow: 'import', series: 's', missing: 'refuse' };
  const series = { name: 's', unit: 'kWh', minutes: 15, from: '2026-01-01T00:00:00Z' };
  expect(only(market)).toBe(true);
  const free = { currency: 'EUR', priceSeries: [{ ...series, prices: ['0', null] }] };
  expect(parseTariffDocument({ ...free, components: [market] })).toMatchObject({
    code: 'TARIFF_ALL_ZERO',
  });
});
