/**
 * What a meter hangs on: a contactor that opens and closes, and at times somebody's way around it.
 * The register stands still while nothing flows, whatever the books say of the supply.
 */
export class SupplyLine {
  /** It says that it has done what it did not do, and nobody can know. */
  hasLied = false;
  /** The contactor moves later than anybody waits for; another word before then takes its place. */
  #late: { readonly isClosed: boolean; readonly atMs: number } | null = null;
  #isClosed = true;
  #isBridged = false;
  /** Where it went dark and where it went on, by turns. */
  readonly #turnsMs: number[] = [];

  #turn(atMs: number, change: () => void): void {
    const before = this.#isClosed || this.#isBridged;
    change();
    if (before !== (this.#isClosed || this.#isBridged)) this.#turnsMs.push(atMs);
  }

  isClosedAt(nowMs: number): boolean {
    const late = this.#late;
    if (late !== null && late.atMs <= nowMs) {
      this.#late = null;
      this.#turn(late.atMs, () => {
        this.#isClosed = late.isClosed;
      });
    }
    return this.#isClosed;
  }

  isDarkAt(nowMs: number): boolean {
    return !this.isClosedAt(nowMs) && !this.#isBridged;
  }

  get isBridged(): boolean {
    return this.#isBridged;
  }

  write(isClosed: boolean, nowMs: number): void {
    this.isClosedAt(nowMs);
    this.#late = null;
    this.hasLied = false;
    this.#turn(nowMs, () => {
      this.#isClosed = isClosed;
    });
  }

  writeLate(isClosed: boolean, { nowMs, atMs }: { nowMs: number; atMs: number }): void {
    this.isClosedAt(nowMs);
    this.#late = { isClosed, atMs };
  }

  lie(nowMs: number): void {
    this.isClosedAt(nowMs);
    this.#late = null;
    this.hasLied = true;
  }

  bridge(isBridged: boolean, nowMs: number): void {
    this.isClosedAt(nowMs);
    this.#turn(nowMs, () => {
      this.#isBridged = isBridged;
    });
  }

  /** Where nothing flowed within a span that has passed. */
  darkness(fromMs: number, toMs: number): { fromMs: number; toMs: number }[] {
    this.isClosedAt(toMs);
    const spans: { fromMs: number; toMs: number }[] = [];
    for (let at = 0; at < this.#turnsMs.length; at += 2) {
      const darkMs = Math.max(fromMs, this.#turnsMs[at]);
      const litMs = Math.min(toMs, this.#turnsMs[at + 1] ?? Infinity);
      if (darkMs < litMs) spans.push({ fromMs: darkMs, toMs: litMs });
    }
    return spans;
  }
}

/** What a register truly is that would go its own way with light all the time. */
export function behindLine(
  litWh: (atMs: number) => bigint,
  { line, fittedMs }: { readonly line: SupplyLine | null; readonly fittedMs: number },
): (atMs: number) => bigint {
  if (line === null) return litWh;
  return (atMs) => {
    let wh = litWh(atMs);
    for (const dark of line.darkness(fittedMs, atMs)) wh -= litWh(dark.toMs) - litWh(dark.fromMs);
    return wh;
  };
}
