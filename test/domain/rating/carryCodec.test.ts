import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fraction } from '../../../src/domain/exact.ts';
import { emptyCarry } from '../../../src/domain/rating/bill.ts';
import type { Carry } from '../../../src/domain/rating/bill.ts';
import {
  decodeBillCarry,
  encodeBillCarry,
  isSameCarry,
} from '../../../src/domain/rating/carryCodec.ts';

const names = fc.stringMatching(/^[A-Za-z][A-Za-z0-9 _-]{0,8}$/);
const ratios = fc
  .tuple(
    fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
    fc.bigInt({ min: 1n, max: 10n ** 12n }),
  )
  .map(([numerator, denominator]) => fraction(numerator, denominator));
const periods = fc.option(names);
const mapOf = <Value>(values: fc.Arbitrary<Value>): fc.Arbitrary<Map<string, Value>> =>
  fc.array(fc.tuple(names, values), { maxLength: 4 }).map((entries) => new Map(entries));
const months = fc.constantFrom('2025-11', '2025-12', '2026-01');

const carries: fc.Arbitrary<Carry> = fc.record({
  tiers: mapOf(fc.record({ span: names, usedKwh: ratios })),
  peaks: mapOf(
    fc.uniqueArray(fc.record({ month: months, period: periods, peak: ratios }), {
      selector: ({ month, period }) => `${month} ${period}`,
      maxLength: 5,
    }),
  ),
  energyCredits: mapOf(
    fc.array(fc.tuple(periods, ratios), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
  moneyCredits: mapOf(ratios),
  minimumBase: mapOf(fc.record({ sum: ratios, months: fc.nat({ max: 12 }) })),
});

describe('what a bill leaves', () => {
  test('comes back from its text as it was', () => {
    fc.assert(
      fc.property(carries, (carry) => {
        const decoded = decodeBillCarry(JSON.parse(JSON.stringify(encodeBillCarry(carry))));
        expect(decoded.ok && isSameCarry(decoded.value, carry)).toBe(true);
      }),
    );
    expect(decodeBillCarry(encodeBillCarry(emptyCarry))).toEqual({ ok: true, value: emptyCarry });
  });

  test('has one text, whatever the order of its parts and the terms of its ratios', () => {
    fc.assert(
      fc.property(carries, fc.bigInt({ min: 2n, max: 99n }), (carry, factor) => {
        const backwards = <Value>(map: ReadonlyMap<string, Value>): Map<string, Value> =>
          new Map([...map].toReversed());
        const moneyCredits = new Map(
          [...carry.moneyCredits].map(([name, { numerator, denominator }]) => [
            name,
            { numerator: numerator * factor, denominator: denominator * factor },
          ]),
        );
        const other: Carry = {
          tiers: backwards(carry.tiers),
          peaks: new Map([...carry.peaks].map(([name, list]) => [name, list.toReversed()])),
          energyCredits: new Map(
            [...carry.energyCredits].map(([name, map]) => [name, new Map([...map].toReversed())]),
          ),
          moneyCredits,
          minimumBase: backwards(carry.minimumBase),
        };
        expect(JSON.stringify(encodeBillCarry(other))).toBe(JSON.stringify(encodeBillCarry(carry)));
        expect(isSameCarry(other, carry)).toBe(true);
      }),
    );
  });

  test('differs as soon as one part of it does', () => {
    const one: Carry = { ...emptyCarry, moneyCredits: new Map([['bank', fraction(1n, 3n)]]) };
    const two: Carry = { ...emptyCarry, moneyCredits: new Map([['bank', fraction(2n, 3n)]]) };
    expect(isSameCarry(one, two)).toBe(false);
    expect(isSameCarry(one, emptyCarry)).toBe(false);
  });

  test.each([
    ['nothing', null],
    ['a text', 'carry'],
    ['a field too few', { ...encodeBillCarry(emptyCarry), tiers: undefined }],
    ['a field too many', { ...encodeBillCarry(emptyCarry), balance: '3' }],
    ['a ratio not in lowest terms', { ...encodeBillCarry(emptyCarry), moneyCredits: { a: '2/4' } }],
    ['a decimal', { ...encodeBillCarry(emptyCarry), moneyCredits: { a: '0.5' } }],
    ['a number', { ...encodeBillCarry(emptyCarry), moneyCredits: { a: 5 } }],
    ['minus zero', { ...encodeBillCarry(emptyCarry), moneyCredits: { a: '-0' } }],
    [
      'peaks out of order',
      {
        ...encodeBillCarry(emptyCarry),
        peaks: {
          a: [
            { month: '2026-02', period: null, peak: '1' },
            { month: '2026-01', period: null, peak: '1' },
          ],
        },
      },
    ],
  ])('is refused when it is %s', (_, raw) => {
    expect(decodeBillCarry(raw)).toMatchObject({ ok: false, code: 'CARRY_MALFORMED' });
  });
});
