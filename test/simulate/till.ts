import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { asViewer } from '../../src/db/viewer.ts';
import { parseAccountId } from '../../src/domain/ids.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import type { PaymentEvent } from '../../src/operations/payments/applyPaymentEvent.ts';
import { makeVouchers } from '../../src/operations/vouchers/makeVouchers.ts';
import { sellVouchers } from '../../src/operations/vouchers/sellVouchers.ts';
import { publicKeyText } from '../../src/wire/voucherCode.ts';
import { drawCrash, noCrash } from './faults.ts';
import type { CrashPlan } from './faults.ts';
import { Payouts } from './payouts.ts';
import { SeededRandom } from './seededRandom.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';
import { signingKey } from './world.ts';

const cent = 10_000n;
const voucherMicros = 5_000_000n;
const voucherCount = 40;
const dayMs = 86_400_000;

/**
 * Money from outside: the words of a card provider in any order and repeatedly, vouchers, and
 * credit that is lent, by processes that die. It has dice of its own, so that all others fall as
 * they would without it.
 */
export class Till {
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #key: KeyObject;
  readonly #words: PaymentEvent[] = [];
  readonly #codes: string[] = [];
  readonly #seed: number;
  #channelId = 0;
  #payouts: Payouts | null = null;
  #payments = 0;

  constructor(simulation: Simulation, seed: number) {
    this.#simulation = simulation;
    this.#seed = seed;
    this.#random = new SeededRandom(seed + 3_000_017);
    this.#key = signingKey(new SeededRandom(seed + 4_000_037));
  }

  async #open(): Promise<void> {
    const { admin, registered, clock, viewer, nowMs } = this.#simulation;
    const { companyId } = registered;
    const publicKeys = [publicKeyText(this.#key)];
    const [card] = await admin<{ id: number }[]>`
      insert into payment_channel (company_id, name, kind, currency, settings)
      values (${companyId}, 'cards of the till', 'stripe', 'EUR', '{}'),
             (${companyId}, 'vouchers of the till', 'voucher', 'EUR',
              ${JSON.stringify({ publicKeys })}::text::jsonb) returning id`;
    const channelId = card?.id ?? 0;
    this.#channelId = channelId;
    this.#payouts = new Payouts(this.#simulation, { seed: this.#seed, channelId });
    const lastDay = new Date(nowMs + 200 * dayMs).toISOString().slice(0, 10);
    const batch = { channel: 'vouchers of the till', count: voucherCount, amount: '5.00', lastDay };
    await this.#simulation.apart(noCrash, async ({ api }) => {
      const deps = { sql: api, clock };
      const made = await makeVouchers(deps, viewer, { ...batch, privateKey: this.#key });
      if (!made.ok) throw new Error(made.message);
      this.#codes.push(...made.value.vouchers.map(({ code }) => code));
      const firstSerial = made.value.vouchers[0]?.serial ?? 0n;
      const sale = { idempotencyKey: this.#random.uuid(), firstSerial, agent: null };
      const sold = await sellVouchers(deps, viewer, { ...sale, count: voucherCount });
      if (!sold.ok) throw new Error(sold.message);
    });
  }

  #account(): AccountId {
    const id = parseAccountId(
      this.#random.pick([...this.#simulation.registered.accounts.values()]),
    );
    if (!id.ok) throw new Error(id.message);
    return id.value;
  }

  async act(): Promise<void> {
    await this.#payouts?.act();
    if (!this.#random.chance(0.5)) return;
    if (this.#channelId === 0) await this.#open();
    const draw = this.#random.below(10);
    if (draw < 3) this.#begin();
    else if (draw < 7) await this.#hear();
    else if (draw < 9) await this.#voucher();
    else await this.#lend();
  }

  /** All that the provider will ever say of a payment, some of it more than once. */
  #begin(): void {
    const random = this.#random;
    const { registered, nowMs } = this.#simulation;
    this.#payments += 1;
    const accountId = this.#account();
    const captured = BigInt(random.between(100, 5_000)) * cent;
    const refunded = random.chance(0.4) ? (captured * BigInt(random.between(1, 4))) / 8n : 0n;
    const said: Pick<PaymentEvent, 'kind' | 'part' | 'totalMicros'>[] = [
      { kind: 'captured', totalMicros: captured },
    ];
    if (refunded > 1n) {
      said.push({ kind: 'refunded', part: 're_1', totalMicros: refunded / 2n });
      said.push({ kind: 'refunded', part: 're_2', totalMicros: refunded });
    }
    if (random.chance(0.2)) {
      const totalMicros = captured - refunded;
      said.push({ kind: 'disputed', part: 'dp_1', totalMicros });
      said.push({ kind: 'dispute_won', part: 'dp_1', totalMicros });
    }
    const reference = `pi_${this.#payments}`;
    for (const [at, word] of said.entries()) {
      const eventId = `evt_${this.#payments}_${at}`;
      const times = { occurredAtMs: nowMs + at, receivedAtMs: nowMs };
      const bodyHash = createHash('sha256').update(eventId).digest();
      const of = { companyId: registered.companyId, channelId: this.#channelId, accountId };
      const what = { ...of, ...word, ...times, eventId, reference, bodyHash, currency: 'EUR' };
      const event = { ...what, actor: 'provider' };
      for (let copy = random.between(1, 3); copy > 0; copy -= 1) this.#words.push(event);
    }
    this.#simulation.payments.push({ accountId, micros: captured - refunded });
    this.#payouts?.owe(captured - refunded);
    this.#simulation.note('payment of a card');
  }

  /** One of the words that wait, any of them; a process that died is told again. */
  async #hear(plan = drawCrash(this.#random)): Promise<void> {
    const simulation = this.#simulation;
    if (this.#words.length === 0) return;
    const [word] = this.#words.splice(this.#random.below(this.#words.length), 1);
    if (word === undefined) return;
    const event = { ...word, receivedAtMs: simulation.nowMs };
    const heard = await simulation.apart(plan, ({ api }) =>
      asViewer(api, simulation.viewer, (tx) => simulation.operations.applyPaymentEvent(tx, event)),
    );
    simulation.note(heard === null ? 'word of a provider unheard' : 'word of a provider');
    if (heard === null) this.#words.push(word);
    else if (!heard.ok) throw new Violation('WORD_REFUSED', `${heard.code}: ${heard.message}`);
  }

  async #voucher(): Promise<void> {
    const simulation = this.#simulation;
    const code = this.#codes.pop();
    if (code === undefined) return;
    const accountId = this.#account();
    const use = (idempotencyKey: string, plan: CrashPlan) =>
      simulation.apart(plan, ({ api }) =>
        simulation.operations.useVoucher(
          { sql: api, clock: simulation.clock, wake: () => {} },
          simulation.viewer,
          { idempotencyKey, accountId, code },
        ),
      );
    const key = this.#random.uuid();
    await use(key, drawCrash(this.#random));
    const used = await use(key, noCrash);
    if (used?.ok !== true) throw new Violation('VOUCHER_REFUSED', used?.code ?? 'no answer');
    simulation.payments.push({ accountId, micros: voucherMicros });
    simulation.note('voucher');
    if (!this.#random.chance(0.3)) return;
    const again = await use(this.#random.uuid(), noCrash);
    const answer = again?.ok === false ? again.code : 'accepted';
    const known = ['VOUCHER_USED', 'VOUCHER_TRIES_EXHAUSTED'];
    if (!known.includes(answer)) throw new Violation('VOUCHER_USED_TWICE', answer);
  }

  async #lend(): Promise<void> {
    const simulation = this.#simulation;
    const input = { idempotencyKey: this.#random.uuid(), accountId: this.#account() };
    const lent = await simulation.apart(drawCrash(this.#random), ({ api }) =>
      simulation.operations.takeEmergencyCredit(
        { sql: api, clock: simulation.clock, wake: () => {} },
        simulation.viewer,
        input,
      ),
    );
    simulation.note(lent?.ok === true ? 'emergency credit' : 'emergency credit refused');
  }

  /** Everything is told at last. */
  async settle(): Promise<void> {
    while (this.#words.length > 0) await this.#hear(noCrash);
    await this.#payouts?.settle();
  }
}
