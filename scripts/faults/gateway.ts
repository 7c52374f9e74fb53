import { setTimeout as delay } from 'node:timers/promises';
import { importChannel } from '../../src/domain/channel.ts';
import { parseEdgeId } from '../../src/domain/ids.ts';
import { assert } from '../../src/domain/assert.ts';
import { batchHash, signBatch } from '../../src/wire/batch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import type { SigningKey } from '../../src/wire/envelope.ts';
import type { SeededRandom } from '../../test/simulate/seededRandom.ts';
import type { Journal, JournalBatch, JournalReading } from './journal.ts';
import type { Carrier, SendAnswer } from './carrier.ts';

const quarterMs = 900_000;
/** 40 kW, the meters' limit, is 10,000 Wh a quarter of an hour. */
const quarterWhMax = 900;
const roomBatchesMax = 100_000;
const inFlightMax = 4;
const retryMsMax = 1_500;

export type GatewayCounts = {
  duplicates: number;
  /** Answers that did not come: time-outs, resets, 429 and 503. */
  unanswered: number;
  pushedBack: number;
  /** Wrong bytes sent on purpose, and refused as they should be. */
  refusedOnPurpose: number;
  acceptedWrongly: number;
  gapsAskedFor: number;
};

export type GatewayOptions = {
  readonly edgeId: number;
  readonly key: SigningKey;
  readonly meterIds: readonly number[];
  readonly startMs: number;
  /** One batch each so many milliseconds. */
  readonly everyMs: number;
  readonly random: SeededRandom;
  readonly journal: Journal;
  readonly carrier: Carrier;
  onReceipt(receipt: { readonly edgeId: number; readonly via: number }): void;
};

type Sealed = { readonly batch: JournalBatch; readonly readings: readonly JournalReading[] };

/**
 * A gateway: it reads its meters each quarter of an hour of its own time, which runs faster than
 * ours, signs, keeps and sends, and forgets a batch on its receipt alone. Some readings come late,
 * some twice, some batches are held back until somebody asks for them.
 */
export class Gateway {
  readonly edgeId: number;
  readonly counts: GatewayCounts = {
    duplicates: 0,
    unanswered: 0,
    pushedBack: 0,
    refusedOnPurpose: 0,
    acceptedWrongly: 0,
    gapsAskedFor: 0,
  };
  readonly #options: GatewayOptions;
  #deviceMs: number;
  #sequence = 0;
  #unacknowledged = 0;
  #previousHash: Uint8Array = new Uint8Array(32);
  readonly #registers: Map<number, bigint>;
  readonly #late: JournalReading[] = [];
  readonly #heldBackUntilMs = new Map<number, number>();
  readonly #inFlight = new Set<number>();
  #isMaking = true;
  #isSending = true;
  #loops: Promise<void>[] = [];

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.edgeId = options.edgeId;
    this.#deviceMs = options.startMs;
    this.#registers = new Map(options.meterIds.map((id) => [id, BigInt(id) * 1_000n]));
  }

  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  start(): void {
    this.#loops = [this.#make(), this.#send()];
  }

  /** No new readings from now on; what was late comes with one last batch. */
  async stopMaking(): Promise<void> {
    this.#isMaking = false;
    await this.#loops[0];
    this.#heldBackUntilMs.clear();
  }

  makeAgain(): void {
    this.#isMaking = true;
    this.#loops[0] = this.#make();
  }

  async stop(): Promise<void> {
    this.#isMaking = false;
    this.#isSending = false;
    await Promise.all(this.#loops);
    await this.#options.carrier.close();
  }

  async #make(): Promise<void> {
    const { everyMs, random, journal } = this.#options;
    while (this.#isMaking) {
      if (this.#unacknowledged < roomBatchesMax) this.#keep(this.#read(random.between(1, 4)));
      await delay(everyMs * (0.5 + random.below(100) / 100));
    }
    // The last word, so that every instant of every meter is in some batch.
    if (this.#late.length > 0) this.#keep(this.#late.splice(0));
    assert(journal.counts().made > 0, 'a gateway has made a batch');
  }

  #read(quarters: number): JournalReading[] {
    const { random } = this.#options;
    const readings: JournalReading[] = [];
    for (let quarter = 0; quarter < quarters; quarter += 1) {
      for (const [meterId, register] of this.#registers) {
        const reading = { meterId, atMs: this.#deviceMs, wh: register };
        this.#registers.set(meterId, register + BigInt(random.below(quarterWhMax)));
        if (random.chance(0.05)) this.#late.push(reading);
        else readings.push(reading);
        if (random.chance(0.02)) this.#late.push(reading); // comes a second time
      }
      this.#deviceMs += quarterMs;
    }
    if (random.chance(0.2)) readings.push(...this.#late.splice(0));
    if (readings.length === 0) readings.push(...this.#late.splice(0));
    return random.chance(0.2) ? random.shuffled(readings) : readings;
  }

  #keep(readings: readonly JournalReading[]): void {
    if (readings.length === 0) return;
    const { random, journal } = this.#options;
    this.#sequence += 1;
    const { batch } = this.#seal(readings, this.#sequence, this.#previousHash);
    this.#previousHash = Buffer.from(batch.hash, 'hex');
    journal.add(batch, readings, Date.now());
    this.#unacknowledged += 1;
    // A batch that is lost on the way is sent again when it is asked for, or after some time.
    if (random.chance(0.05)) {
      this.#heldBackUntilMs.set(this.#sequence, performance.now() + random.between(500, 4_000));
    }
  }

  #seal(readings: readonly JournalReading[], sequence: number, previousHash: Uint8Array): Sealed {
    const parsed = parseEdgeId(this.edgeId);
    assert(parsed.ok, 'a registered edge has an id');
    const payload = encodeBatch({
      edgeId: parsed.value,
      epoch: 1,
      sequence: BigInt(sequence),
      previousHash,
      createdAtMs: Date.now(),
      stream: 'billing',
      blocks: [
        {
          channel: importChannel,
          unit: 30,
          scaler: 0,
          meterId: Int32Array.from(readings, ({ meterId }) => meterId),
          readAtMs: Float64Array.from(readings, ({ atMs }) => atMs),
          value: BigInt64Array.from(readings, ({ wh }) => wh),
          quality: new Uint8Array(readings.length),
        },
      ],
    });
    const hash = Buffer.from(batchHash(payload)).toString('hex');
    const carried = signBatch(payload, this.#options.key);
    return { batch: { edgeId: this.edgeId, epoch: 1, sequence, hash, carried }, readings };
  }

  async #send(): Promise<void> {
    while (this.#isSending) {
      const nowMs = performance.now();
      const waiting = this.#options.journal
        .open(this.edgeId, 4 * inFlightMax)
        .filter(({ sequence }) => !this.#inFlight.has(sequence))
        .filter(({ sequence }) => (this.#heldBackUntilMs.get(sequence) ?? 0) <= nowMs);
      const { random } = this.#options;
      const order = random.chance(0.2) ? random.shuffled(waiting) : waiting;
      for (const batch of order.slice(0, inFlightMax - this.#inFlight.size)) {
        this.#inFlight.add(batch.sequence);
        // Sent side by side; each puts itself down again.
        this.#sendOne(batch).catch((error: unknown) => {
          throw error;
        });
      }
      if (random.chance(0.02)) await this.#mischief();
      await delay(this.#inFlight.size >= inFlightMax || order.length === 0 ? 20 : 2);
    }
  }

  async #sendOne(batch: JournalBatch): Promise<void> {
    const { journal, carrier, random } = this.#options;
    const { sequence, epoch } = batch;
    journal.countSend(this.edgeId, { epoch, sequence });
    const answer = await carrier.send(batch, random);
    await this.#take(batch, answer);
    this.#inFlight.delete(sequence);
  }

  async #take(batch: JournalBatch, answer: SendAnswer): Promise<void> {
    const { journal, onReceipt, random } = this.#options;
    const { sequence, epoch } = batch;
    switch (answer.kind) {
      case 'receipt': {
        if (answer.state === 'duplicate') this.counts.duplicates += 1;
        if (answer.hash !== batch.hash) {
          journal.refuse(this.edgeId, { sequence, code: 'RECEIPT_OF_ANOTHER_BATCH' });
        } else if (journal.acknowledge(this.edgeId, { epoch, sequence, nowMs: Date.now() })) {
          this.#unacknowledged -= 1;
        }
        for (const missing of answer.missing) {
          if (this.#heldBackUntilMs.delete(missing)) this.counts.gapsAskedFor += 1;
        }
        onReceipt({ edgeId: this.edgeId, via: answer.via });
        return;
      }
      case 'refused':
        journal.refuse(this.edgeId, { sequence, code: answer.code });
        this.#unacknowledged -= 1;
        return;
      case 'pushedBack':
        this.counts.pushedBack += 1;
        return delay(Math.min(retryMsMax, answer.retryMs));
      case 'unanswered':
        this.counts.unanswered += 1;
        return delay(random.between(50, 300));
    }
  }

  /** What happens to a gateway's batches on the way, and what an attacker would try. */
  async #mischief(): Promise<void> {
    const { journal, carrier, random } = this.#options;
    if (this.#sequence < 3) return;
    const sequence = random.between(1, this.#sequence - 1);
    const batch = journal.one(this.edgeId, sequence);
    if (batch === null) return;
    if (random.chance(0.5)) {
      await carrier.send(batch, random); // a resend whose receipt was lost
      return;
    }
    const spoiled = Uint8Array.from(batch.carried);
    spoiled[random.between(8, spoiled.length - 1)] ^= 1 << random.below(8);
    const answer = await carrier.send({ ...batch, hash: 'spoiled', carried: spoiled }, random);
    if (answer.kind === 'refused') this.counts.refusedOnPurpose += 1;
    if (answer.kind === 'receipt') this.counts.acceptedWrongly += 1;
  }
}
