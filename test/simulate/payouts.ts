import { createHash } from 'node:crypto';
import { findChannel } from '../../src/db/payments.ts';
import { asViewer } from '../../src/db/viewer.ts';
import type { ProviderPayout } from '../../src/domain/payment/providerNews.ts';
import { drawCrash, noCrash } from './faults.ts';
import type { CrashPlan } from './faults.ts';
import { SeededRandom } from './seededRandom.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';

type Word = { readonly payout: ProviderPayout; readonly feeMicros: bigint };

const dayMs = 86_400_000;
/** A provider repeats what nobody has heard, and somebody hears it by then. */
const unheardDaysMax = 3;

/**
 * What a card provider owes goes to the bank every few days, less its fees; now and then the bank
 * sends it back, and it goes with the next one. It has dice of its own.
 */
export class Payouts {
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #channelId: number;
  #words: Word[] = [];
  #owedMicros = 0n;
  #dueMs = 0;
  #payouts = 0;

  constructor(simulation: Simulation, { seed, channelId }: { seed: number; channelId: number }) {
    this.#simulation = simulation;
    this.#random = new SeededRandom(seed + 5_000_011);
    this.#channelId = channelId;
    this.#next();
  }

  #next(): void {
    this.#dueMs = this.#simulation.nowMs + this.#random.between(1, 3) * dayMs;
  }

  /** It took a payment, less what goes back of it. */
  owe(micros: bigint): void {
    this.#owedMicros += micros;
  }

  async act(): Promise<void> {
    const { nowMs } = this.#simulation;
    if (this.#dueMs <= nowMs) {
      this.#pay();
      this.#next();
    }
    for (const word of this.#words) {
      const isDue = word.payout.occurredAtMs + unheardDaysMax * dayMs <= nowMs;
      if (isDue || this.#random.chance(0.5)) await this.#tell(word, drawCrash(this.#random));
      if (isDue) await this.#tell(word, noCrash);
    }
  }

  /** Fees are 0.10 and a fiftieth. */
  #pay(): void {
    const random = this.#random;
    const feeMicros = this.#owedMicros / 50n + 100_000n;
    const amountMicros = this.#owedMicros - feeMicros;
    if (amountMicros <= 0n) return;
    this.#payouts += 1;
    const payoutId = `po_${this.#payouts}`;
    this.#owedMicros = 0n;
    const states = random.chance(0.2) ? (['paid', 'failed'] as const) : (['paid'] as const);
    for (const state of states) {
      const of = { eventId: `evt_${payoutId}_${state}`, payoutId, state, currency: 'EUR' };
      const payout = { ...of, amountMicros, occurredAtMs: this.#dueMs };
      for (let copy = random.between(1, 2); copy > 0; copy -= 1) {
        this.#words.push({ payout, feeMicros: state === 'paid' ? feeMicros : 0n });
      }
      if (state === 'failed') this.#owedMicros += amountMicros;
      this.#simulation.note(`payout ${state}`);
    }
    this.#words = random.shuffled(this.#words);
  }

  async #tell(word: Word, plan: CrashPlan): Promise<void> {
    const { clock, viewer, operations } = this.#simulation;
    const { payout } = word;
    const bodyHash = createHash('sha256').update(payout.eventId).digest();
    const heard = await this.#simulation.apart(plan, ({ api }) =>
      asViewer(api, viewer, async (tx) => {
        const channel = await findChannel(tx, this.#channelId);
        if (channel === null) throw new Error('the till has a channel of cards');
        const said = { channel, ...word, feesCode: null, bodyHash, actor: 'provider' };
        return operations.settlePayout(tx, { ...said, nowMs: clock.nowMs() });
      }),
    );
    if (heard === null) return;
    if (!heard.ok) throw new Violation('PAYOUT_REFUSED', `${heard.code}: ${heard.message}`);
    this.#words = this.#words.filter((each) => each !== word);
  }

  /** Everything is told at last: then the books say what the provider owes, and nothing else. */
  async settle(): Promise<void> {
    for (const word of this.#words) await this.#tell(word, noCrash);
    const [row] = await this.#simulation.admin<{ micros: bigint }[]>`
      select coalesce(sum(case when t.debit_id = l.id then t.amount_micros
                               else -t.amount_micros end), 0)::int8 as micros
      from ledger_account l join transfer t on l.id in (t.debit_id, t.credit_id)
      where l.code = 'card_clearing'`;
    const owed = this.#owedMicros;
    if (row?.micros === owed) return;
    throw new Violation('CLEARING_NOT_WHAT_IS_OWED', `${row?.micros} micros, of ${owed} owed`);
  }
}
