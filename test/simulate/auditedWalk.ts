/**
 * What a register counted, by the rules of the documents alone: one value after the other in the
 * order of time, in whole numbers, without slots, days or a state that is kept.
 */
export type AuditedMark = {
  readonly atMs: number;
  readonly kind: 'installed' | 'removed' | 'reset' | 'factor';
  readonly finalValue: bigint | null;
  readonly startValue: bigint | null;
  readonly numerator: bigint;
  readonly denominator: bigint;
};

export type Register = { readonly powerMaxW: number; readonly modulusWh: bigint | null };
export type Shown = { readonly atMs: number; readonly wh: bigint };

/** As billed: counted from where the stretch began. */
export type Point = {
  readonly atMs: number;
  readonly wh: bigint;
  /** The factor changed on the way here: what flowed is laid out as even as time in any case. */
  readonly isThroughFactors?: boolean;
};

export type RegisterWalk = {
  /** Believed values; what flowed between two stretches is billed by nobody. */
  readonly stretches: readonly (readonly Point[])[];
  /** Of the last value or mark that counted; null: none has. */
  readonly lastMs: number | null;
  /** It was taken away: its last quarter hour is over. */
  readonly isOver: boolean;
  /** A further value goes on from the last one, which ends the last stretch. */
  readonly isCounting: boolean;
  /** When it was read as it was taken away, so that nothing flowed behind that. */
  readonly readOutMs: ReadonlySet<number>;
  /** Of the last mark that took effect at its own instant. */
  readonly lastMarkMs: number | null;
};

const hourMs = 3_600_000n;
const quarterMs = 900_000;
const gapMsMax = 400 * 86_400_000;
const registerStepWh = 100n;
const unlimited = 1n << 80n;

type Factor = { readonly numerator: bigint; readonly denominator: bigint };
type Last = { readonly atMs: number; readonly raw: bigint; readonly wh: bigint };

function isBare({ finalValue, startValue }: AuditedMark): boolean {
  return finalValue === null && startValue === null;
}

class Walk {
  readonly stretches: Point[][] = [];
  readonly #register: Register;
  #phase: 'counting' | 'waiting' | 'stopped';
  #last: Last | null = null;
  /** Billed is `wh` and the floor of what was counted since `raw` times the factor. */
  #begin = { raw: 0n, wh: 0n, numerator: 1n, denominator: 1n };
  /** Marks that take effect with the next value. */
  #waiting: AuditedMark[] = [];
  #lastMs: number | null = null;
  #isOver = false;
  readonly #readOutMs = new Set<number>();
  #lastMarkMs: number | null = null;

  constructor(register: Register, marks: readonly AuditedMark[]) {
    this.#register = register;
    const first = marks.find(({ kind }) => kind === 'installed' || kind === 'removed');
    this.#phase = first?.kind === 'installed' ? 'stopped' : 'counting';
  }

  result(): RegisterWalk {
    return {
      stretches: this.stretches,
      lastMs: this.#lastMs,
      isOver: this.#isOver,
      isCounting: this.#phase === 'counting',
      readOutMs: this.#readOutMs,
      lastMarkMs: this.#lastMarkMs,
    };
  }

  #start(atMs: number, shown: bigint, factor: Factor): void {
    const { numerator, denominator } = factor;
    const wh = this.#last?.wh ?? 0n;
    this.#begin = { raw: shown, wh, numerator, denominator };
    this.#last = { atMs, raw: shown, wh };
    this.stretches.push([{ atMs, wh }]);
    this.#stand(atMs);
    this.#phase = 'counting';
    this.#waiting = [];
  }

  #stand(atMs: number): void {
    this.#lastMs = atMs;
    this.#isOver = false;
  }

  /** A value that the register shows: true when it is believed. */
  show(atMs: number, shown: bigint): boolean {
    const modulus = this.#register.modulusWh ?? unlimited;
    let phase = this.#phase;
    for (const { kind } of this.#waiting) {
      if (kind === 'installed' || (kind === 'reset' && phase === 'counting')) phase = 'waiting';
    }
    if (phase === 'stopped' || shown < 0n || shown >= modulus) return false;
    const last = this.#last;
    if (phase === 'waiting' || last === null) {
      this.#start(atMs, shown, this.#waiting.at(-1) ?? this.#begin);
      return true;
    }
    const face = ((last.raw % modulus) + modulus) % modulus;
    const raw = last.raw + (shown >= face ? shown - face : shown - face + modulus);
    return this.#goOn(last, { atMs, raw });
  }

  /** Through the factors that changed on the way, at values as even as time. */
  #goOn(last: Last, to: { readonly atMs: number; readonly raw: bigint }): boolean {
    let begin = this.#begin;
    let largest: Factor = begin;
    const points: Point[] = [];
    const billed = (raw: bigint): bigint =>
      begin.wh + ((raw - begin.raw) * begin.numerator) / begin.denominator;
    for (const { atMs, numerator, denominator } of this.#waiting) {
      const passed = (to.raw - last.raw) * BigInt(atMs - last.atMs);
      const raw = last.raw + passed / BigInt(to.atMs - last.atMs);
      const wh = billed(raw);
      points.push({ atMs, wh, isThroughFactors: true });
      begin = { raw, wh, numerator, denominator };
      if (numerator * largest.denominator > largest.numerator * denominator) largest = begin;
    }
    const wh = billed(to.raw);
    const gapMs = to.atMs - last.atMs;
    const flown = (BigInt(this.#register.powerMaxW) * BigInt(gapMs) + hourMs - 1n) / hourMs;
    const { numerator, denominator } = largest;
    const stepWh = (registerStepWh * numerator + denominator - 1n) / denominator;
    if (wh - last.wh > flown + stepWh) return false;
    const reached = { atMs: to.atMs, wh, isThroughFactors: points.length > 0 };
    if (gapMs > gapMsMax) this.stretches.push([reached]);
    else this.stretches.at(-1)?.push(...points, reached);
    this.#last = { atMs: to.atMs, raw: to.raw, wh };
    this.#begin = begin;
    this.#waiting = [];
    this.#stand(to.atMs);
    return true;
  }

  /** A mark that has a value, or takes the register away: at its instant, whatever follows. */
  #takeEffect(mark: AuditedMark, comesBack: boolean): void {
    const { atMs, kind, finalValue, startValue } = mark;
    const isStopped =
      this.#phase === 'stopped' && !this.#waiting.some((each) => each.kind === 'installed');
    const isRead =
      !isStopped && kind !== 'installed' && finalValue !== null && this.show(atMs, finalValue);
    this.#waiting = [];
    const { numerator, denominator } = mark;
    this.#begin = { ...this.#begin, numerator, denominator };
    if (isStopped && kind !== 'installed') return;
    this.#lastMarkMs = atMs;
    if (kind === 'removed') this.stop(atMs, comesBack);
    else {
      const start = startValue ?? (kind === 'factor' && isRead ? finalValue : null);
      if (this.#last !== null) this.#stand(atMs);
      if (start === null) this.#phase = 'waiting';
      else this.#start(atMs, start, mark);
    }
  }

  stop(atMs: number, comesBack: boolean): void {
    this.#phase = 'stopped';
    if (this.#last === null) return;
    this.#lastMs = atMs;
    this.#isOver = !comesBack && atMs % quarterMs !== 0;
    if (this.#isOver && this.#last.atMs === atMs) this.#readOutMs.add(atMs);
  }

  /** The values and the mark of one instant, in the order in which they count. */
  at(atMs: number, shown: bigint | undefined, given: { mark?: AuditedMark; comesBack: boolean }) {
    const { mark, comesBack } = given;
    if (mark === undefined) {
      if (shown !== undefined) this.show(atMs, shown);
      return;
    }
    const isUnreadRemoval = mark.kind === 'removed' && mark.finalValue === null;
    const isAfter = isUnreadRemoval || (mark.kind === 'factor' && isBare(mark));
    if (isAfter) {
      const isRead = shown !== undefined && this.show(atMs, shown);
      if (isUnreadRemoval) this.#takeEffect(mark, comesBack);
      else if (isRead && this.#last !== null) {
        const { raw, wh } = this.#last;
        const { numerator, denominator } = mark;
        this.#begin = { raw, wh, numerator, denominator };
      } else this.#waiting.push(mark);
      return;
    }
    if (isBare(mark)) this.#waiting.push(mark);
    else this.#takeEffect(mark, comesBack);
    // What the mark itself says of the instant has counted.
    const isSaid = !isBare(mark) && this.#lastMs === atMs;
    if (shown !== undefined && !isSaid) this.show(atMs, shown);
  }
}

/** Marks and readings ascend, at most one of each an instant. */
export function walkRegister(
  register: Register,
  readings: readonly Shown[],
  marks: readonly AuditedMark[],
): RegisterWalk {
  const walk = new Walk(register, marks);
  const shownAt = new Map(readings.map(({ atMs, wh }) => [atMs, wh]));
  const markAt = new Map(marks.map((mark) => [mark.atMs, mark]));
  const instants = [...new Set([...shownAt.keys(), ...markAt.keys()])].toSorted((a, b) => a - b);
  const slotOf = (atMs: number): number => Math.floor(atMs / quarterMs);
  for (const atMs of instants) {
    const mark = markAt.get(atMs);
    const comesBack = marks.some(
      (other) =>
        other.kind === 'installed' && other.atMs > atMs && slotOf(other.atMs) === slotOf(atMs),
    );
    walk.at(atMs, shownAt.get(atMs), { ...(mark !== undefined && { mark }), comesBack });
  }
  return walk.result();
}
