import { describe, expect, test } from 'vitest';
import { judgeLoad } from '../../../src/domain/judge/judge.ts';
import type { JudgeInput } from '../../../src/domain/judge/judge.ts';

/** What the judge bills is worked by hand in test/bills/golden; here is what it does not bill. */
const hourMs = 3_600_000;
const fromMs = Date.parse('2026-04-01T00:00:00Z');
const energy = { kind: 'energy', name: 'energy', flow: 'import', price: '0.2' };
const document = { currency: 'EUR', components: [energy] };

function inputOf(components: readonly unknown[], changes: Partial<JudgeInput> = {}): JudgeInput {
  return {
    documents: [{ ...document, components }],
    load: {
      fromMs,
      intervalMs: hourMs,
      unitsPerWh: 1,
      import: Float64Array.of(1_000, 2_000, 3_000, 4_000),
      export: null,
      reactive: null,
      estimated: null,
    },
    zone: 'UTC',
    fromMs,
    toMs: fromMs + 4 * hourMs,
    attributes: {},
    ...changes,
  };
}

function codeOf(input: JudgeInput): string {
  const judged = judgeLoad(input);
  return judged.ok ? 'a bill' : judged.code;
}

describe('the judge', () => {
  test('bills 10 kWh at 0.20 as 2.00', () => {
    const judged = judgeLoad(inputOf([energy]));
    expect(judged.ok && judged.value.bills.map(({ total }) => total.toFixed())).toEqual(['2']);
  });

  test.each([
    ['a form that is none', inputOf([{ ...energy, flow: 'sideways' }]), 'TARIFF_MALFORMED'],
    ['a zone that is none', inputOf([energy], { zone: 'Atlantis' }), 'TARIFF_MALFORMED'],
    [
      'a class that nobody said',
      inputOf([{ ...energy, when: { customerClasses: ['home'] } }]),
      'ATTRIBUTE_MISSING',
    ],
    [
      'an attribute that nobody said',
      inputOf([{ kind: 'fixed', name: 'fuse', amount: '1', per: 'bill', times: 'fuseA' }]),
      'ATTRIBUTE_MISSING',
    ],
    [
      'a series that is not there',
      inputOf([
        { kind: 'dynamic', name: 'spot', flow: 'import', series: 'spot', missing: 'refuse' },
      ]),
      'PRICE_MISSING',
    ],
    [
      'reactive energy that is not metered',
      inputOf([
        { kind: 'reactive', name: 'kvarh', measure: 'excess', quadrants: ['q1'], price: '1' },
      ]),
      'REACTIVE_NOT_METERED',
    ],
    [
      'time before the first version',
      inputOf([], { documents: [{ ...document, validFrom: '2026-04-01T01:00' }] }),
      'TARIFF_NOT_VALID',
    ],
  ])('refuses %s', (_, input, code) => {
    expect(codeOf(input)).toBe(code);
  });

  test('takes a stored series before the document’s own of the same name', () => {
    const spot = { kind: 'dynamic', name: 'spot', flow: 'import', series: 'spot', missing: 'last' };
    const stored = {
      fromMs,
      stepMs: hourMs,
      pricesE8: [10_000_000n, 20_000_000n, null, 50_000_000n],
    };
    const judged = judgeLoad(inputOf([spot], { prices: new Map([['spot', stored]]) }));
    // 1 x 0.10 + 2 x 0.20 + 3 x 0.20 (the last known) + 4 x 0.50
    expect(judged.ok && judged.value.bills.map(({ total }) => total.toFixed())).toEqual(['3.1']);
    expect(judged.ok && judged.value.bills[0]?.warnings).toEqual(['PRICE_PROVISIONAL']);
  });
});
