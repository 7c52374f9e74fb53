import { expect, test } from 'vitest';
import { Misused } from '../../src/cli/answer.ts';
import { importPrices } from '../../src/cli/priceImport.ts';

const sequenceName = 'classificationSequence_AttributeInstanceComponent.position';

function series(
  sequence: number,
  periods: readonly (readonly [resolution: string, price: string])[],
) {
  const [day, next] = ['2026-01-01T23:00Z', '2026-01-02T23:00Z'];
  const parts = periods.map(
    ([resolution, price]) => `<Period><timeInterval><start>${day}</start><end>${next}</end>
      </timeInterval><resolution>${resolution}</resolution><Point><position>1</position>
      <price.amount>${price}</price.amount></Point></Period>`,
  );
  return `<TimeSeries><mRID>1</mRID><businessType>A62</businessType>
    <in_Domain.mRID codingScheme="A01">10Y1001A1001A82H</in_Domain.mRID>
    <contract_MarketAgreement.type>A01</contract_MarketAgreement.type>
    <currency_Unit.name>EUR</currency_Unit.name>
    <price_Measure_Unit.name>MWH</price_Measure_Unit.name><curveType>A03</curveType>
    <${sequenceName}>${sequence}</${sequenceName}>${parts.join('')}</TimeSeries>`;
}

/** The layout of the ENTSO-E transparency platform's answer to documentType A44, shortened. */
const publication = `<?xml version="1.0" encoding="utf-8"?>
<Publication_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3">
  <mRID>e3e0b6a5</mRID><revisionNumber>1</revisionNumber><type>A44</type>
  ${series(1, [
    ['PT60M', '50'],
    ['PT15M', '49'],
  ])}
  ${series(2, [['PT15M', '47']])}
</Publication_MarketDocument>`;

const options = { name: 'spot', currency: 'EUR', unit: 'kWh', sequence: '1' };

test.each([
  [{ minutes: '60' }, 60, '50'],
  [{ minutes: '15' }, 15, '49'],
  [{ sequence: '2' }, 15, '47'],
])('of an ENTSO-E publication %j is taken', (chosen, minutes, price) => {
  const imported = importPrices(publication, 'entsoe', { ...options, ...chosen });
  if (!imported.ok) throw new Error(imported.message);
  expect(imported.value.series).toMatchObject({ minutes, from: '2026-01-01T23:00:00Z' });
  expect(new Set(imported.value.series.prices)).toEqual(new Set([price]));
});

test.each([{ minutes: '20' }, { sequence: 'x' }, { unit: 'GWh' }])('%j is misuse', (chosen) => {
  const misused = () => importPrices(publication, 'entsoe', { ...options, ...chosen });
  expect(misused).toThrow(Misused);
});

test.each([
  ['30', 'SERIES_STEP_DIFFERS'],
  ['60', null],
])('the step of a CSV may be stated: %s', (minutes, code) => {
  const text = 'start,price\n2026-06-01T00:00:00Z,1\n2026-06-01T01:00:00Z,2\n';
  const imported = importPrices(text, 'prices', { ...options, minutes });
  expect(imported.ok ? null : imported.code).toBe(code);
});
