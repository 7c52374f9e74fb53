import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAboveCaptured, standingOf } from '../../../src/domain/payment/standing.ts';
import type { PaymentWord, PaymentWordKind } from '../../../src/domain/payment/standing.ts';

function word(
  kind: PaymentWordKind,
  totalMicros: bigint,
  rest: Partial<PaymentWord> = {},
): PaymentWord {
  return { kind, part: null, totalMicros, occurredAtMs: 0, ...rest };
}

function standing(captured: bigint, refunded: bigint, disputed: bigint) {
  return { capturedMicros: captured, refundedMicros: refunded, disputedMicros: disputed };
}

describe('what words about a payment come to (002.18, domain rule 69)', () => {
  test.each<[string, PaymentWord[], ReturnType<typeof standing>]>([
    ['nothing', [], standing(0n, 0n, 0n)],
    ['a refund alone waits', [word('refunded', 5n)], standing(0n, 0n, 0n)],
    ['a dispute alone waits', [word('disputed', 5n)], standing(0n, 0n, 0n)],
    ['five successes are one', Array(5).fill(word('captured', 9n)), standing(9n, 0n, 0n)],
    [
      'totals of refunds are cumulative',
      [word('captured', 9n), word('refunded', 2n), word('refunded', 6n)],
      standing(9n, 6n, 0n),
    ],
    [
      'a failed refund stands no more',
      [word('captured', 9n), word('refunded', 5n), word('refund_failed', 5n, { occurredAtMs: 1 })],
      standing(9n, 0n, 0n),
    ],
    [
      'a refund after a failed one is counted from what was left',
      [
        word('captured', 9n),
        word('refunded', 5n, { occurredAtMs: 1 }),
        word('refund_failed', 5n, { occurredAtMs: 2, part: 're_1' }),
        word('refunded', 3n, { occurredAtMs: 3 }),
      ],
      standing(9n, 3n, 0n),
    ],
    [
      'a failure heard before its refund takes nothing',
      [word('captured', 9n), word('refund_failed', 5n)],
      standing(9n, 0n, 0n),
    ],
    [
      'of two disputes one is won',
      [
        word('captured', 9n),
        word('disputed', 4n, { part: 'a' }),
        word('disputed', 5n, { part: 'b' }),
        word('dispute_won', 4n, { part: 'a' }),
      ],
      standing(9n, 0n, 5n),
    ],
    [
      'more back than came in is not believed',
      [word('captured', 9n), word('refunded', 10n)],
      standing(9n, 0n, 0n),
    ],
  ])('%s', (_, words, expected) => {
    expect(standingOf(words)).toEqual(expected);
  });

  test('more back than came in is known as such only once the payment was told', () => {
    const refund = word('refunded', 10n);
    expect(isAboveCaptured([refund], refund)).toBe(false);
    expect(isAboveCaptured([refund, word('captured', 9n)], refund)).toBe(true);
  });

  test('is a function of the set: any order, any repetition, never more back than came in', () => {
    const anyWord = fc.record({
      kind: fc.constantFrom<PaymentWordKind>(
        'captured',
        'refunded',
        'refund_failed',
        'disputed',
        'dispute_won',
        'failed',
      ),
      part: fc.constantFrom(null, 'a', 'b'),
      totalMicros: fc.bigInt(1n, 20n),
      occurredAtMs: fc.integer({ min: 0, max: 5 }),
    });
    const lists = fc
      .array(anyWord, { maxLength: 12 })
      .chain((words) =>
        fc.tuple(
          fc.constant(words),
          fc.shuffledSubarray([...words, ...words], { minLength: words.length * 2 }),
        ),
      );
    fc.assert(
      fc.property(lists, ([words, shuffled]) => {
        const once = standingOf(words);
        expect(standingOf(shuffled)).toEqual(once);
        expect(once.refundedMicros >= 0n && once.disputedMicros >= 0n).toBe(true);
        expect(once.refundedMicros <= once.capturedMicros).toBe(true);
      }),
    );
  });
});
