import { describe, expect, test } from 'vitest';
import { exactText } from '../../../src/domain/exactText.ts';
import type { History } from '../../../src/domain/lab/history.ts';
import { pricesAhead } from '../../../src/domain/lab/pricesAhead.ts';
import { noAttributes } from '../../../src/domain/tariff/attributes.ts';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { hourMs } from '../../../src/domain/time/civil.ts';

/** Made up: 0.1 kWh each quarter hour from 1 January 2026 UTC on, that is 9.6 kWh a day. */
const beginMs = Date.UTC(2026, 0, 1);
const slotMs = 900_000;

function historyOf(components: readonly object[], changed: Partial<History> = {}): History {
  const parsed = parseTariffDocument({ currency: 'EUR', components });
  if (!parsed.ok) throw new Error(parsed.message);
  return {
    documents: [parsed.value],
    zone: 'Etc/UTC',
    load: {
      fromMs: beginMs,
      intervalMs: slotMs,
      unitsPerWh: 1,
      import: new Float64Array(100 * 96).fill(100),
      export: null,
      reactive: null,
      estimated: null,
    },
    attributes: noAttributes,
    prices: new Map(),
    validFromMs: beginMs,
    validToMs: Infinity,
    ...changed,
  };
}

/** `hh:mm price` of each stretch. */
function told(history: History, fromMs: number, hours: number): readonly string[] {
  const found = pricesAhead(history, { fromMs, toMs: fromMs + hours * hourMs });
  if (!found.ok) return [found.code];
  return found.value.map(({ fromMs: atMs, price }) => {
    const clock = new Date(atMs).toISOString().slice(11, 16);
    return `${clock} ${price === null ? 'none' : exactText(price)}`;
  });
}

function blocks(upTo: string, tiers: object): object {
  const price = [{ upTo, price: '0.20' }, { price: '0.30' }];
  return { kind: 'energy', name: 'work', flow: 'import', price, tiers };
}

describe('the price ahead in blocks', () => {
  test('of the year follows what the months before have used, and changes at the limit', () => {
    // 59 days x 9.6 = 566.4; on 4 March at noon it is 566.4 + 33.6 = 600 exactly.
    const history = historyOf([
      blocks('600', { unit: 'kWh', reset: 'year', allocation: 'chronological' }),
    ]);
    expect(told(history, Date.UTC(2026, 2, 4, 11, 45), 1)).toEqual(['11:45 0.2']);
    expect(told(history, Date.UTC(2026, 2, 4, 12), 1)).toEqual(['12:00 0.3']);
  });

  test('of the day begins anew at midnight', () => {
    const history = historyOf([
      blocks('5', { unit: 'kWh', reset: 'day', allocation: 'chronological' }),
    ]);
    // 5.2 kWh by 13:00; nothing is known of the next day.
    expect(told(history, Date.UTC(2026, 2, 4, 12), 1)).toEqual(['12:00 0.2']);
    expect(told(history, Date.UTC(2026, 2, 4, 13), 24)).toEqual(['13:00 0.3', '00:00 0.2']);
  });

  test('of the month begins anew with the month, and volume prices the whole by its end', () => {
    const history = historyOf([
      blocks('200', { unit: 'kWh', reset: 'bill', allocation: 'volume' }),
    ]);
    // 28 x 9.6 = 268.8 kWh in February.
    expect(told(history, Date.UTC(2026, 1, 28, 23), 2)).toEqual(['23:00 0.3', '00:00 0.2']);
  });

  test('of a day and a kW looks at the contract', () => {
    const components = [
      blocks('2', { unit: 'kWh/kW', kw: 'contracted', reset: 'bill', allocation: 'chronological' }),
    ];
    const attributes = { ...noAttributes, contractedKwE8: 300_000_000n };
    // 3 kW: the limit is 6 kWh, reached on 1 March at 15:00.
    const history = historyOf(components, { attributes });
    expect(told(history, Date.UTC(2026, 2, 1, 14, 45), 1)).toEqual(['14:45 0.2']);
    expect(told(history, Date.UTC(2026, 2, 1, 15), 1)).toEqual(['15:00 0.3']);
    expect(told(historyOf(components), Date.UTC(2026, 2, 1, 15), 1)).toEqual(['ATTRIBUTE_MISSING']);
  });
});

describe('the price ahead', () => {
  const work = { kind: 'energy', name: 'work', flow: 'import', price: '0.20' };

  test('has what follows from a kWh in it, and nothing else', () => {
    const history = historyOf([
      work,
      { kind: 'demand', name: 'peak', unit: 'kW', windowMinutes: 15, measure: 'max', price: '9' },
      { kind: 'fixed', name: 'base', amount: '5', per: 'month' },
      { kind: 'adjust', name: 'fuel', percent: '10', of: ['work'] },
      { kind: 'adjust', name: 'levy', perKwh: '0.01' },
      { kind: 'discount', name: 'staff', percent: '50', of: ['work', 'fuel'] },
      { kind: 'tax', name: 'vat', percent: '20', of: 'subtotal' },
    ]);
    // 0.20 + 0.02 + 0.01 - 0.11 = 0.12, and a fifth of it.
    expect(told(history, Date.UTC(2026, 2, 4), 1)).toEqual(['00:00 0.144']);
  });

  test('leaves out what is for smaller use, and taxes what is beyond the exemption', () => {
    const history = historyOf([
      work,
      { kind: 'adjust', name: 'help', perKwh: '-0.05', when: { useAtMostKwh: '9.6' } },
      { kind: 'tax', name: 'levy', perKwh: '0.02', exemptKwh: '4.8' },
    ]);
    expect(told(history, Date.UTC(2026, 2, 1), 1)).toEqual(['00:00 0.15']);
    expect(told(history, Date.UTC(2026, 2, 1, 12), 1)).toEqual(['12:00 0.17']);
    expect(told(history, Date.UTC(2026, 2, 2), 1)).toEqual(['00:00 0.22']);
  });

  test('of a component for a class is refused where nobody said the class', () => {
    const components = [work, { ...work, name: 'farm', when: { customerClasses: ['farm'] } }];
    expect(told(historyOf(components), Date.UTC(2026, 2, 1), 1)).toEqual(['ATTRIBUTE_MISSING']);
    const attributes = { ...noAttributes, customerClass: 'farm' };
    const farm = historyOf(components, { attributes });
    expect(told(farm, Date.UTC(2026, 2, 1), 1)).toEqual(['00:00 0.4']);
  });

  test('ends where the agreement ends', () => {
    const history = historyOf([work], { validToMs: Date.UTC(2026, 2, 1, 0, 30) });
    const window = { fromMs: Date.UTC(2026, 2, 1), toMs: Date.UTC(2026, 2, 1, 2) };
    const found = pricesAhead(history, window);
    expect(found).toMatchObject({ ok: true, value: [{ toMs: Date.UTC(2026, 2, 1, 0, 30) }] });
    expect(told(history, Date.UTC(2026, 2, 1, 1), 1)).toEqual(['PERIOD_NOT_COVERED']);
  });
});
