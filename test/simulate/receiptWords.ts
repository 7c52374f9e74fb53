import type { ChainPlace } from '../../src/operations/commitBatches.ts';
import type { Breach } from './invariants.ts';
import type { SentBatch } from './sender.ts';

type Receipted = SentBatch & { readonly answer: { readonly shardPosition: bigint } };

export function isReceipt(batch: SentBatch): batch is Receipted {
  return batch.answer !== null && batch.answer !== 'refused';
}

type Chained = Pick<SentBatch, 'edgeId' | 'stream' | 'epoch'>;

export function chainOf({ edgeId, stream, epoch }: Chained): string {
  return `${edgeId}/${stream}/${epoch}`;
}

type Word = Pick<ChainPlace, 'contiguous' | 'missing'>;

/** A receipt names so many runs of holes; the others are asked for when these are filled. */
const runsMax = 16;

function isWithin(sequence: bigint, runs: Word['missing']): boolean {
  return runs.some(({ from, to }) => sequence >= from && sequence <= to);
}

/** What receipts say of how far chains have come, against the senders' journal. */
export class ReceiptWords {
  /** By chain, the last word. */
  readonly #words = new Map<string, Word>();
  /** How many batches of a chain there were when its newest one alone was answered; none since. */
  readonly #heard = new Map<string, number>();
  /** Names of what was acknowledged before the bytes that are on their way now. */
  #before: ReadonlySet<string> = new Set();
  #isHearing = false;

  /** `isHearing`: one batch a chain is on its way, so its word is the last one. */
  begin(receipted: readonly SentBatch[], isHearing: boolean): void {
    this.#before = new Set(receipted.map((batch) => `${chainOf(batch)}/${batch.sequence}`));
    this.#isHearing = isHearing;
  }

  hear(place: ChainPlace, sent: readonly SentBatch[]): Breach | null {
    const chain = chainOf(place);
    const { contiguous, missing } = place;
    this.#words.set(chain, { contiguous, missing });
    const own = sent.filter((batch) => chainOf(batch) === chain);
    if (this.#isHearing) this.#heard.set(chain, own.length);
    else this.#heard.delete(chain);
    for (const { from, to } of missing) {
      for (let sequence = from; sequence <= to; sequence += 1n) {
        if (!this.#before.has(`${chain}/${sequence}`)) continue;
        return { code: 'RECEIPT_ASKS_FOR_KEPT', detail: `${chain}/${sequence} was acknowledged` };
      }
    }
    for (let sequence = 1n; sequence <= contiguous; sequence += 1n) {
      const tried = own.filter(
        (batch) => batch.sequence === sequence && batch.answer !== 'refused',
      );
      if (tried.some(({ attemptsMs }) => attemptsMs.length > 0)) continue;
      return { code: 'RECEIPT_SKIPS_A_HOLE', detail: `${chain} up to ${contiguous}` };
    }
    return null;
  }

  /** Of these batches those that the last receipt of their chain asks for. */
  askedOf(batches: readonly SentBatch[]): readonly SentBatch[] {
    return batches.filter((batch) =>
      isWithin(batch.sequence, this.#words.get(chainOf(batch))?.missing ?? []),
    );
  }

  /** Of each chain of which the last word is not known, the newest batch that was not refused. */
  unheard(sent: readonly SentBatch[]): readonly SentBatch[] {
    return [...Map.groupBy(sent, chainOf)].flatMap(([chain, batches]) => {
      if (this.#heard.get(chain) === batches.length) return [];
      const open = batches.filter(({ answer }) => answer !== 'refused');
      return open.toSorted((a, b) => Number(b.sequence - a.sequence)).slice(0, 1);
    });
  }

  /** When nothing is under way: a chain is whole, or its holes are what was refused. */
  findBreach(sent: readonly SentBatch[]): Breach | null {
    for (const [chain, batches] of Map.groupBy(sent, chainOf)) {
      const kept = new Set(batches.filter(isReceipt).map(({ sequence }) => sequence));
      if (kept.size === 0) continue;
      const word = this.#words.get(chain);
      if (word === undefined) return { code: 'CHAIN_UNHEARD', detail: chain };
      const highest = [...kept].reduce((most, each) => (each > most ? each : most), 0n);
      const holes: { from: bigint; to: bigint }[] = [];
      for (let sequence = 1n; sequence <= highest; sequence += 1n) {
        if (kept.has(sequence)) continue;
        const last = holes.at(-1);
        if (last?.to === sequence - 1n) last.to = sequence;
        else holes.push({ from: sequence, to: sequence });
      }
      const [hole] = holes;
      const contiguous = hole === undefined ? highest : hole.from - 1n;
      const told = (runs: Word['missing']): string =>
        runs.map(({ from, to }) => `${from}-${to}`).join(' ');
      const is = `${word.contiguous} ${told(word.missing)}`;
      const shouldBe = `${contiguous} ${told(holes.slice(0, runsMax))}`;
      if (is !== shouldBe) {
        return { code: 'RECEIPT_WORD_WRONG', detail: `${chain}: ${is}, expected ${shouldBe}` };
      }
    }
    return null;
  }
}
