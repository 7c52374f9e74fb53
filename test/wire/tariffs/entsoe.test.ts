import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importEntsoe } from '../../../src/wire/tariffs/entsoe.ts';
import type { EntsoeOptions } from '../../../src/wire/tariffs/entsoe.ts';

/** The layout of the ENTSO-E transparency platform's answer to documentType A44, shortened. */
function publication(...series: readonly string[]): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<Publication_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3">
  <mRID>e3e0b6a5</mRID><revisionNumber>1</revisionNumber><type>A44</type>
  <sender_MarketParticipant.mRID codingScheme="A01">10X1001A1001A450</sender_MarketParticipant.mRID>
  ${series.join('\n')}
</Publication_MarketDocument>`;
}

type Series = {
  readonly curve?: string;
  readonly currency?: string;
  readonly unit?: string;
  readonly area?: string;
  readonly sequence?: number;
  readonly contract?: string;
};

function series(periods: readonly string[], of: Series = {}): string {
  const { curve = 'A03', currency = 'EUR', unit = 'MWH', area = '10Y1001A1001A82H' } = of;
  const name = 'classificationSequence_AttributeInstanceComponent.position';
  const sequence = of.sequence === undefined ? '' : `<${name}>${of.sequence}</${name}>`;
  return `<TimeSeries><mRID>1</mRID><businessType>A62</businessType>
    <in_Domain.mRID codingScheme="A01">${area}</in_Domain.mRID>
    <contract_MarketAgreement.type>${of.contract ?? 'A01'}</contract_MarketAgreement.type>
    <currency_Unit.name>${currency}</currency_Unit.name>
    <price_Measure_Unit.name>${unit}</price_Measure_Unit.name>
    <curveType>${curve}</curveType>${sequence}${periods.join('')}</TimeSeries>`;
}

type Points = readonly (readonly [position: number, price: string])[];

function period(from: string, to: string, resolution: string, points: Points): string {
  const rows = points.map(
    ([position, price]) =>
      `<Point><position>${position}</position><price.amount>${price}</price.amount></Point>`,
  );
  return `<Period><timeInterval><start>${from}</start><end>${to}</end></timeInterval>
    <resolution>${resolution}</resolution>${rows.join('')}</Period>`;
}

const options: EntsoeOptions = { name: 'spot', currency: 'EUR', sequence: 1, minutes: null };

function pricesOf(xml: string, more: Partial<EntsoeOptions> = {}) {
  const imported = importEntsoe(xml, { ...options, ...more });
  if (!imported.ok) throw new Error(imported.message);
  const { series: found, warnings } = imported.value;
  return { ...found, codes: warnings.map(({ code }) => code) };
}

function refusal(xml: string): string {
  const imported = importEntsoe(xml, options);
  return imported.ok ? 'read' : `${imported.code} ${(imported.path ?? []).slice(1).join('.')}`;
}

const from = '2026-03-01T23:00Z';
const to = '2026-03-02T03:00Z';

describe('a curve', () => {
  it('of variable blocks carries the last price on where positions are left out', () => {
    const hours: Points = [
      [1, '105.4'],
      [3, '-0.01'],
    ];
    const xml = publication(series([period(from, to, 'PT60M', hours)], { curve: 'A03' }));
    expect(pricesOf(xml)).toEqual({
      name: 'spot',
      unit: 'MWh',
      minutes: 60,
      from: '2026-03-01T23:00:00Z',
      prices: ['105.4', '105.4', '-0.01', '-0.01'],
      codes: [],
    });
  });

  it('of equal blocks has no price where a position is left out', () => {
    const hours: Points = [
      [4, '4'],
      [1, '1'],
      [3, '3'],
    ];
    const xml = publication(series([period(from, to, 'PT60M', hours)], { curve: 'A01' }));
    const { prices, codes } = pricesOf(xml);
    expect(prices).toEqual(['1', null, '3', '4']);
    expect(codes).toEqual(['PRICES_MISSING']);
  });

  it('of variable blocks without its first position is refused', () => {
    const xml = publication(series([period(from, to, 'PT60M', [[2, '1']])]));
    expect(refusal(xml)).toBe('ENTSOE_POSITION_MALFORMED TimeSeries.0.Period.0.Point');
  });
});

describe('time', () => {
  it.each([
    // Central European Summer Time begins on 29 March 2026 and ends on 25 October 2026.
    ['23', '2026-03-28T23:00Z', '2026-03-29T22:00Z'],
    ['25', '2026-10-24T22:00Z', '2026-10-25T23:00Z'],
  ])('a day of %s hours has as many prices', (hours, dayFrom, dayTo) => {
    const xml = publication(series([period(dayFrom, dayTo, 'PT60M', [[1, '50']])]));
    expect(pricesOf(xml).prices).toHaveLength(Number(hours));
  });

  it('days in separate series join, and a day between is missing', () => {
    const day = (begin: string, end: string, price: string) =>
      series([period(begin, end, 'PT30M', [[1, price]])]);
    const xml = publication(
      day('2026-03-02T00:00Z', '2026-03-02T01:00Z', '2'),
      day('2026-03-01T23:00Z', '2026-03-02T00:00Z', '1'),
      day('2026-03-02T02:00Z', '2026-03-02T03:00Z', '3'),
    );
    const { prices, codes } = pricesOf(xml);
    expect(prices).toEqual(['1', '1', '2', '2', null, null, '3', '3']);
    expect(codes).toEqual(['PRICES_MISSING']);
  });

  it('hourly prices before quarter-hourly ones become quarter hours', () => {
    const xml = publication(
      series([period('2025-09-30T21:00Z', '2025-09-30T22:00Z', 'PT60M', [[1, '8']])]),
      series([
        period('2025-09-30T22:00Z', '2025-09-30T22:30Z', 'PT15M', [
          [1, '9'],
          [2, '10'],
        ]),
      ]),
    );
    const { prices, minutes } = pricesOf(xml);
    expect(minutes).toBe(15);
    expect(prices).toEqual(['8', '8', '8', '8', '9', '10']);
  });

  it('a reversed interval, one of no whole steps, or a position beyond it is refused', () => {
    const reversed = publication(series([period(to, from, 'PT60M', [[1, '1']])]));
    const place = 'TimeSeries.0.Period.0';
    expect(refusal(reversed)).toBe(`ENTSOE_INTERVAL_MALFORMED ${place}.timeInterval`);
    const crooked = publication(series([period(from, '2026-03-02T02:30Z', 'PT60M', [[1, '1']])]));
    expect(refusal(crooked)).toBe(`ENTSOE_INTERVAL_MALFORMED ${place}.timeInterval`);
    const hours: Points = [
      [1, '1'],
      [5, '1'],
    ];
    const beyond = publication(series([period(from, to, 'PT60M', hours)]));
    expect(refusal(beyond)).toBe(`ENTSOE_POSITION_MALFORMED ${place}.Point.1.position`);
    const twice: Points = [
      [1, '1'],
      [1, '2'],
    ];
    const repeated = publication(series([period(from, to, 'PT60M', twice)]));
    expect(refusal(repeated)).toBe(`ENTSOE_POSITION_MALFORMED ${place}.Point.1.position`);
  });
});

describe('of several series', () => {
  const auction = (sequence: number, price: string) =>
    series([period(from, to, 'PT15M', [[1, price]])], { sequence });

  it('the auction asked for is taken, whatever its place, and the other is named', () => {
    const xml = publication(auction(2, '77'), auction(1, '55'));
    expect(pricesOf(xml)).toMatchObject({ codes: ['ENTSOE_SEQUENCE_LEFT_OUT'] });
    expect(new Set(pricesOf(xml).prices)).toEqual(new Set(['55']));
    expect(new Set(pricesOf(xml, { sequence: 2 }).prices)).toEqual(new Set(['77']));
  });

  it('a period published twice counts once, with two prices it is refused', () => {
    const twice = publication(auction(1, '55'), auction(1, '55'));
    expect(pricesOf(twice).codes).toEqual(['PRICES_REPEATED']);
    expect(pricesOf(twice).prices).toHaveLength(16);
    expect(refusal(publication(auction(1, '55'), auction(1, '56')))).toBe(
      'PRICES_OVERLAP TimeSeries',
    );
  });

  it('two resolutions of the same time are refused until one is chosen', () => {
    const hourly = series([period(from, to, 'PT60M', [[1, '60']])]);
    const xml = publication(auction(1, '15'), hourly);
    expect(refusal(xml)).toBe('PRICES_OVERLAP TimeSeries');
    expect(pricesOf(xml, { minutes: 60 }).prices).toEqual(['60', '60', '60', '60']);
  });

  it('areas are not mixed', () => {
    const other = series([period(to, '2026-03-02T04:00Z', 'PT15M', [[1, '5']])], { area: '10YFR' });
    expect(refusal(publication(auction(1, '15'), other))).toBe(
      'ENTSOE_AREAS_MIXED TimeSeries.1.in_Domain.mRID',
    );
  });
});

describe('what is not a day-ahead price a MWh in the expected currency is refused', () => {
  const one = [period(from, to, 'PT60M', [[1, '1']])];
  it.each([
    [series(one, { currency: 'GBP' }), 'ENTSOE_UNIT_UNEXPECTED TimeSeries.0.currency_Unit.name'],
    [series(one, { unit: 'KWH' }), 'ENTSOE_UNIT_UNEXPECTED TimeSeries.0.price_Measure_Unit.name'],
    [series(one, { curve: 'A02' }), 'ENTSOE_CURVE_UNKNOWN TimeSeries.0.curveType'],
    [
      series(one, { contract: 'A07' }),
      'ENTSOE_NOT_PRICES TimeSeries.0.contract_MarketAgreement.type',
    ],
    [
      series([period(from, to, 'P1D', [[1, '1']])]),
      'ENTSOE_RESOLUTION_UNKNOWN TimeSeries.0.Period.0.resolution',
    ],
    [
      series([period(from, to, 'PT60M', [[1, '1,5']])]),
      'ENTSOE_PRICE_MALFORMED TimeSeries.0.Period.0.Point.0.price.amount',
    ],
  ])('case %#', (xml, expected) => {
    expect(refusal(publication(xml))).toBe(expected);
  });

  it('and so is an acknowledgement, with the words of the platform', () => {
    const xml = `<Acknowledgement_MarketDocument><Reason><code>999</code>
      <text>No matching data found</text></Reason></Acknowledgement_MarketDocument>`;
    expect(importEntsoe(xml, options)).toMatchObject({
      code: 'ENTSOE_NO_DATA',
      message: expect.stringContaining('No matching data found'),
    });
  });

  it('and so are entities, other XML and no XML', () => {
    const whole = publication(series(one));
    expect(refusal(whole)).toBe('read');
    const entity = '?><!DOCTYPE Publication_MarketDocument [<!ENTITY b "c">]>';
    expect(refusal(whole.replace('?>', entity))).toBe('ENTSOE_NOT_XML ');
    expect(refusal('<a><b></a>')).toBe('ENTSOE_NOT_XML ');
    expect(refusal('<a/>')).toContain('ENTSOE_NOT_PRICES');
    expect(refusal(publication())).toBe('PRICES_ABSENT TimeSeries');
    expect(refusal('<a>'.repeat(50_000))).toBe('ENTSOE_NOT_XML ');
  });
});

describe('a list of many bad elements is refused at the first', () => {
  it.each(['TimeSeries', 'Period', 'Point'])('%s', (name) => {
    const bad = `<${name}/>`.repeat(200_000);
    const texts = {
      TimeSeries: publication(bad),
      Period: publication(series([bad])),
      Point: publication(
        series([period(from, to, 'PT60M', [])]).replace('</resolution>', `</resolution>${bad}`),
      ),
    };
    expect(refusal(texts[name === 'Point' || name === 'Period' ? name : 'TimeSeries'])).toMatch(
      /^ENTSOE_/,
    );
  });
});

describe('fuzz', () => {
  it('broken publications are read or refused, never thrown at', () => {
    const whole = publication(
      series(
        [
          period(from, to, 'PT60M', [
            [1, '1'],
            [3, '2'],
          ]),
        ],
        { sequence: 1 },
      ),
    );
    const cut = fc.record({
      at: fc.nat(whole.length),
      length: fc.nat(60),
      insert: fc.oneof(
        fc.string(),
        fc.constantFrom('<Point>', '</Period>', '<type>', '&lt;', '-9'),
      ),
    });
    fc.assert(
      fc.property(fc.array(cut, { minLength: 1, maxLength: 3 }), (cuts) => {
        let text = whole;
        for (const { at, length, insert } of cuts) {
          text = text.slice(0, at) + insert + text.slice(at + length);
        }
        const imported = importEntsoe(text, options);
        expect(imported.ok || imported.message.length > 0).toBe(true);
      }),
      { numRuns: 500 },
    );
    fc.assert(fc.property(fc.string(), (text) => void importEntsoe(text, options)));
  });
});
