/**
 * What a provider's words about one payment come to. A function of the set of words: their order,
 * their repetition and when they were heard change nothing.
 */

export const paymentWordKinds = [
  'captured',
  'refunded',
  'refund_failed',
  'disputed',
  'dispute_won',
  'failed',
] as const;
export type PaymentWordKind = (typeof paymentWordKinds)[number];

export type PaymentWord = {
  readonly kind: PaymentWordKind;
  /** The provider's id of the refund or dispute that a word is about; null: of the payment. */
  readonly part: string | null;
  /**
   * In total, by the provider's word at that time: captured; refunded and still standing; of this
   * refund that failed; of this dispute taken back; of this dispute given again.
   */
  readonly totalMicros: bigint;
  readonly occurredAtMs: number;
};

/** What should have been posted. Nothing is before the payment itself was told. */
export type PaymentStanding = {
  readonly capturedMicros: bigint;
  readonly refundedMicros: bigint;
  readonly disputedMicros: bigint;
};

function larger(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}

function smaller(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

/** The largest word of a kind on each part. */
function byPart(words: readonly PaymentWord[], kind: PaymentWordKind): ReadonlyMap<string, bigint> {
  const totals = new Map<string, bigint>();
  for (const word of words) {
    if (word.kind !== kind) continue;
    const part = word.part ?? '';
    totals.set(part, larger(totals.get(part) ?? 0n, word.totalMicros));
  }
  return totals;
}

function sumOf(totals: ReadonlyMap<string, bigint>): bigint {
  return [...totals.values()].reduce((sum, total) => sum + total, 0n);
}

function capturedOf(words: readonly PaymentWord[]): bigint {
  return sumOf(byPart(words, 'captured'));
}

/**
 * What a refund told stands for with those that failed before it: a provider's total goes down
 * when a refund fails, and the next one counts from there.
 */
function refundedEver(words: readonly PaymentWord[], word: PaymentWord): bigint {
  const before = words.filter((each) => each.occurredAtMs < word.occurredAtMs);
  return word.totalMicros + sumOf(byPart(before, 'refund_failed'));
}

/** More is said to go back than ever came in: such a word moves nothing. */
export function isAboveCaptured(words: readonly PaymentWord[], word: PaymentWord): boolean {
  const captured = capturedOf(words);
  return (
    captured > 0n &&
    (word.kind === 'refunded' || word.kind === 'disputed') &&
    word.totalMicros > captured
  );
}

export function standingOf(words: readonly PaymentWord[]): PaymentStanding {
  const capturedMicros = capturedOf(words);
  if (capturedMicros === 0n) return { capturedMicros, refundedMicros: 0n, disputedMicros: 0n };
  const believed = words.filter((word) => !isAboveCaptured(words, word));
  const ever = believed
    .filter((word) => word.kind === 'refunded')
    .map((word) => refundedEver(believed, word))
    .reduce(larger, 0n);
  const failed = sumOf(byPart(believed, 'refund_failed'));
  const won = byPart(believed, 'dispute_won');
  let disputedMicros = 0n;
  for (const [part, total] of byPart(believed, 'disputed')) {
    disputedMicros += larger(total - (won.get(part) ?? 0n), 0n);
  }
  return {
    capturedMicros,
    // A failure may be heard before its refund, and then takes nothing off another one's account.
    refundedMicros: smaller(larger(ever - failed, 0n), capturedMicros),
    disputedMicros,
  };
}
