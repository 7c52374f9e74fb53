/** Chance from a seed: the same seed draws the same numbers on every machine (sfc32, 128 bits). */
export class SeededRandom {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.#state = Uint32Array.of(0x9e3779b9, 0x243f6a88, 0xb7e15162, seed >>> 0);
    for (let round = 0; round < 16; round += 1) this.#next();
  }

  #next(): number {
    const s = this.#state;
    const sum = (s[0] + s[1] + s[3]) >>> 0;
    s[3] += 1;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = (s[2] << 21) | (s[2] >>> 11);
    s[2] += sum;
    return sum;
  }

  /** From 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor((this.#next() / 4_294_967_296) * end);
  }

  /** From `min` to `max`, both possible. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  chance(probability: number): boolean {
    return this.#next() / 4_294_967_296 < probability;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('there is nothing to pick from');
    return items[this.below(items.length)];
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }

  /** A UUID of version 4 by its form. */
  uuid(): string {
    const hex = Buffer.from(this.bytes(16)).toString('hex');
    const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`];
    return [...parts, `a${hex.slice(17, 20)}`, hex.slice(20)].join('-');
  }

  /** Fisher and Yates; the items themselves stay as they are. */
  shuffled<T>(items: readonly T[]): T[] {
    const mixed = [...items];
    for (let index = mixed.length - 1; index > 0; index -= 1) {
      const other = this.below(index + 1);
      [mixed[index], mixed[other]] = [mixed[other], mixed[index]];
    }
    return mixed;
  }
}
