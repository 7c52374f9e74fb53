import { createIntake } from '../../src/ingest/intake.ts';
import { noCrash } from './faults.ts';
import type { LoggedBatch } from './invariants.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';
import { ReceiptWords, chainOf, isReceipt } from './receiptWords.ts';
import { sha256Hex } from './sender.ts';
import type { SentBatch } from './sender.ts';

type Answer = Awaited<ReturnType<Simulation['operations']['commitBatches']>>[number];
type Visitor = { readonly atAwait: number; readonly visit: () => Promise<void> };

/** Bytes on their way: a batch of the journal, or something that must be refused. */
type Parcel = { readonly bytes: Uint8Array; readonly batch: SentBatch | null };

function nameOf(batch: SentBatch): string {
  return `${chainOf(batch)}/${batch.sequence}`;
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** Carries batches to the head-end and judges every answer by the senders' journal. */
export class Delivery {
  readonly #simulation: Simulation;
  /** What was answered with a refusal has to stand in quarantine. */
  readonly refused = new Set<string>();
  /** What may stand there besides: its answer was lost. */
  readonly suspected = new Set<string>();
  /** In quarantine until somebody registers the key that signed them; by the hash of the bytes. */
  readonly waitingForKey = new Map<string, SentBatch>();
  /** What receipts said of chains. */
  readonly words = new ReceiptWords();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  get sent(): SentBatch[] {
    return this.#simulation.senders.flatMap((sender) => sender.outbox);
  }

  /** Some of what waits, in any order, some of it twice, some of it long acknowledged or spoilt. */
  #parcels(): Parcel[] {
    const { random, senders, nowMs } = this.#simulation;
    const parcels: Parcel[] = [];
    for (const sender of random.shuffled(senders).slice(0, random.between(1, senders.length))) {
      const unanswered = sender.outbox.filter((batch) => batch.answer === null);
      // Some send what the last receipt asks for, and nothing else.
      const asked = random.chance(0.3) ? this.words.askedOf(unanswered) : [];
      if (asked.length > 0) this.#simulation.note('asked for and sent');
      const waiting = asked.length > 0 ? asked : unanswered;
      const inOrder = random.chance(0.5) ? waiting : random.shuffled(waiting);
      const chosen = inOrder.slice(0, random.between(1, 6)).filter(() => !random.chance(0.15));
      for (const batch of chosen) {
        // A sender that was restarted may pack the same batch otherwise.
        const bytes = random.chance(0.1) ? batch.twinBytes : batch.bytes;
        parcels.push({ bytes, batch });
        if (random.chance(0.1)) parcels.push({ bytes: batch.bytes, batch });
      }
      if (sender.outbox.length === 0) continue;
      const any = random.pick(sender.outbox);
      if (random.chance(0.2)) parcels.push({ bytes: any.bytes, batch: any });
      if (random.chance(0.1)) {
        const other = random.pick(senders.filter((each) => each !== sender));
        parcels.push({ bytes: sender.spoiled(any, nowMs, other.edgeId), batch: null });
      }
    }
    return random.chance(0.3) ? random.shuffled(parcels) : parcels;
  }

  /** `isVisit`: from within another operation, whose locks a visitor of its own could wait for. */
  async deliver(isVisit: boolean): Promise<void> {
    const { random } = this.#simulation;
    const shard = random.pick([0, 1, 3]);
    const atAwait = !isVisit && random.chance(0.2) ? random.between(1, 10) : Infinity;
    const visit = async (): Promise<void> => {
      await this.#simulation.rate(shard, noCrash);
    };
    await this.carry(this.#parcels(), { visitor: { atAwait, visit } });
  }

  async carry(
    parcels: readonly Parcel[],
    { visitor, isHearing = false }: { visitor?: Visitor; isHearing?: boolean } = {},
  ): Promise<void> {
    if (parcels.length === 0) return;
    const simulation = this.#simulation;
    for (const { batch } of parcels) batch?.attemptsMs.push(simulation.nowMs);
    this.words.begin(this.sent.filter(isReceipt), isHearing);
    const answers = simulation.random.chance(0.5)
      ? await this.#offer(parcels, visitor)
      : await this.#commit(parcels, visitor);
    if (answers.length !== parcels.length) {
      throw new Violation('ANSWER_MISSING', `${parcels.length} sent, ${answers.length} answered`);
    }
    for (const [index, parcel] of parcels.entries()) {
      const answer = answers[index];
      if (answer !== null) this.#judge(parcel, answer);
      else this.#doubt(parcel);
    }
  }

  #doubt({ batch, bytes }: Parcel): void {
    if (batch !== null && batch.answer === null) batch.isInDoubt = true;
    this.suspected.add(sha256Hex(bytes));
  }

  /** All at once, as the head-end's own polls. */
  async #commit(
    parcels: readonly Parcel[],
    visitor?: Visitor,
  ): Promise<readonly (Answer | null)[]> {
    const simulation = this.#simulation;
    const { clock } = simulation;
    const carried = parcels.map(({ bytes }) => bytes);
    const answers = await simulation.survive(
      simulation.crashPlan(),
      ({ writer }) => simulation.operations.commitBatches({ sql: writer, clock }, carried),
      visitor,
    );
    return answers ?? parcels.map(() => null);
  }

  /** Through the queue of the transports, which commits in groups and dies with its process. */
  async #offer(parcels: readonly Parcel[], visitor?: Visitor): Promise<readonly (Answer | null)[]> {
    const simulation = this.#simulation;
    const { clock, random } = simulation;
    const limits = { commitsAtOnceMax: 1, commitBatchesMax: random.between(1, 5) };
    const busClock = { ...clock, sleep: async () => {}, random: () => 0 };
    const answers: (Answer | null)[] = parcels.map(() => null);
    await simulation.survive(
      simulation.crashPlan(),
      async ({ writer }) => {
        const failures: unknown[] = [];
        const intake = createIntake({
          commit: (carried) => simulation.operations.commitBatches({ sql: writer, clock }, carried),
          clock: busClock,
          onCommitted: () => {},
          report: ({ error }) => {
            failures.push(error);
            stopped = intake.stop(0);
          },
          limits,
        });
        let stopped = Promise.resolve();
        const offers = parcels.map(async ({ bytes }, index) => {
          const result = await intake.offer(bytes, `gateway ${index % 3}`);
          if (result !== 'full' && result.kind === 'answered') answers[index] = result.answer;
        });
        await Promise.all(offers);
        await stopped;
        await intake.stop(0);
        const [failure] = failures;
        if (failure instanceof Error) throw failure;
      },
      visitor,
    );
    return answers;
  }

  /** Two contents were sent under its number or a neighbour's: the chain fits one of them. */
  #isForked({ edgeId, stream, epoch, sequence }: SentBatch): boolean {
    const near = this.sent.filter(
      (other) =>
        other.edgeId === edgeId &&
        other.stream === stream &&
        other.epoch === epoch &&
        other.sequence >= sequence - 1n &&
        other.sequence <= sequence + 1n,
    );
    return new Set(near.map((other) => other.sequence)).size < near.length;
  }

  #judge({ batch, bytes }: Parcel, answer: Answer): void {
    const { counts } = this.#simulation;
    const place = answer.ok ? answer.value : answer.place;
    const breach = place === undefined ? null : this.words.hear(place, this.sent);
    if (breach !== null) throw new Violation(breach.code, breach.detail);
    if (!answer.ok) {
      counts.refusals += 1;
      this.refused.add(`${sha256Hex(bytes)} ${answer.code}`);
    }
    if (batch === null) {
      if (answer.ok) throw new Violation('SPOILT_BATCH_ACCEPTED', sha256Hex(bytes));
      return;
    }
    if (this.#isOfKey(batch, bytes, answer)) return;
    if (!answer.ok && answer.code === 'BATCH_CHAIN_BROKEN') {
      if (isReceipt(batch) || this.#fits(batch)) {
        throw new Violation('GOOD_BATCH_REFUSED', `${nameOf(batch)}: ${answer.message}`);
      }
      batch.answer = 'refused';
      batch.isInDoubt = false;
      const sender = this.#simulation.senders.find(({ edgeId }) => edgeId === batch.edgeId);
      sender?.beginAgain(batch, this.#simulation.nowMs);
      return;
    }
    const rivals = this.sent.filter(
      (other) => other !== batch && nameOf(other) === nameOf(batch) && other.bytes !== batch.bytes,
    );
    if (!answer.ok) {
      const mayBeTaken = rivals.some((rival) => rival.isInDoubt || isReceipt(rival));
      const isTaken = answer.code === 'BATCH_SEQUENCE_REUSED' && mayBeTaken;
      const isUnchained = answer.code === 'BATCH_CHAIN_BROKEN' && this.#isForked(batch);
      if (!(isTaken || isUnchained) || isReceipt(batch)) {
        throw new Violation('GOOD_BATCH_REFUSED', `${nameOf(batch)}: ${answer.message}`);
      }
      batch.answer = 'refused';
      batch.isInDoubt = false;
      return;
    }
    if (batch.answer === 'refused' || rivals.some(isReceipt)) {
      throw new Violation('SEQUENCE_ACCEPTED_TWICE', nameOf(batch));
    }
    const { state, position } = answer.value;
    const isKnown = isReceipt(batch);
    if (isKnown !== (state === 'duplicate') && !batch.isInDoubt) {
      throw new Violation('RECEIPT_OF_WRONG_KIND', `${nameOf(batch)} is answered as ${state}`);
    }
    if (isReceipt(batch) && batch.answer.shardPosition !== position) {
      throw new Violation('BATCH_MOVED', `${nameOf(batch)} now stands at ${position}`);
    }
    if (state === 'duplicate') counts.duplicates += 1;
    else counts.receipts += 1;
    batch.answer = { shardPosition: position };
    batch.isInDoubt = false;
  }

  /** Whether the key alone decided, and rightly: the sender keeps the batch and comes again. */
  #isOfKey(batch: SentBatch, bytes: Uint8Array, answer: Answer): boolean {
    const { keys, senders } = this.#simulation;
    const state = keys.get(batch.keyId) ?? 'known';
    const code = answer.ok ? null : answer.code;
    const isRefusal = code === 'BATCH_KEY_UNKNOWN' || code === 'BATCH_KEY_REVOKED';
    // An old form may have been under way when the batch was signed again.
    if (isRefusal !== (state !== 'known') && bytes === batch.bytes) {
      throw new Violation('KEY_JUDGED_WRONG', `${nameOf(batch)}: ${state}, ${code ?? 'taken'}`);
    }
    if (!isRefusal) return false;
    if (code === 'BATCH_KEY_UNKNOWN') this.waitingForKey.set(sha256Hex(bytes), batch);
    const sender = senders.find(({ edgeId }) => edgeId === batch.edgeId);
    if (code === 'BATCH_KEY_REVOKED') sender?.signAgain(batch);
    return true;
  }

  /** No neighbour in its chain that the log has, or may have, speaks against it. */
  #fits(batch: SentBatch): boolean {
    return this.sent.every((other) => {
      const isSameChain =
        other.edgeId === batch.edgeId &&
        other.stream === batch.stream &&
        other.epoch === batch.epoch;
      if (!isSameChain || !(isReceipt(other) || other.isInDoubt)) return true;
      if (other.sequence === batch.sequence - 1n) {
        return sameBytes(other.hash, batch.previousHash);
      }
      if (other.sequence !== batch.sequence + 1n) return true;
      return sameBytes(other.previousHash, batch.hash);
    });
  }

  /**
   * Until every batch has its answer, as gateways do it: the newest batch of a chain brings a
   * receipt, and what that asks for is sent. What is left then has a rival in the log, or is there
   * itself and its answer was lost.
   */
  async settle(): Promise<void> {
    for (let round = 0; round < 300; round += 1) {
      const unheard = this.words.unheard(this.sent);
      const unanswered = this.sent.filter((batch) => batch.answer === null);
      const asked = this.words.askedOf(unanswered);
      if (unheard.length > 0) await this.#send(unheard, true);
      else if (asked.length > 0) {
        this.#simulation.note('asked for and sent');
        await this.#send(asked);
      } else if (unanswered.length > 0) {
        const before = this.#simulation.counts.receipts;
        await this.#send(unanswered);
        if (this.#simulation.counts.receipts === before) continue;
        throw new Violation('HOLE_NOT_ASKED_FOR', 'a batch was new to a head-end that had all');
      } else return;
    }
    throw new Violation('NO_ANSWER', 'batches are left without an answer');
  }

  #send(batches: readonly SentBatch[], isHearing = false): Promise<void> {
    const parcels = batches.slice(0, 32).map((batch) => ({ bytes: batch.bytes, batch }));
    return this.carry(parcels, { isHearing });
  }

  /** Does the log hold what was acknowledged, and nothing else? */
  compareLog(logged: readonly LoggedBatch[], ofOffice: ReadonlySet<string>): void {
    const byHash = new Map(
      this.sent.flatMap((batch) => batch.forms.map((bytes) => [sha256Hex(bytes), batch] as const)),
    );
    const inLog = new Map(logged.map((row) => [row.carriedHash, row]));
    const left = new Set(ofOffice);
    for (const row of logged) {
      if (left.delete(`${row.edgeId}/${row.epoch}/${row.sequence}`)) continue;
      const batch = byHash.get(row.carriedHash);
      if (batch === undefined || batch.answer === 'refused') {
        throw new Violation('UNKNOWN_BATCH_IN_LOG', row.carriedHash);
      }
      if (!isReceipt(batch) && !batch.isInDoubt) {
        throw new Violation('BATCH_WITHOUT_RECEIPT', nameOf(batch));
      }
      if (!batch.attemptsMs.includes(row.receivedAtMs)) {
        throw new Violation('RECEIVED_AT_WRONG', `${nameOf(batch)} at ${row.receivedAtMs}`);
      }
    }
    for (const place of left) throw new Violation('OFFICE_BATCH_LOST', place);
    for (const batch of this.sent) {
      if (!isReceipt(batch)) continue;
      const rows = batch.forms.map((bytes) => inLog.get(sha256Hex(bytes)));
      const found = [...new Set(rows.filter((each) => each !== undefined))];
      const [row] = found;
      if (found.length > 1 || row?.position !== batch.answer.shardPosition) {
        throw new Violation('RECEIPT_WITHOUT_BATCH', `${nameOf(batch)} was acknowledged`);
      }
    }
  }

  compareQuarantine(stands: ReadonlySet<string>): void {
    for (const said of this.refused) {
      if (!stands.has(said)) throw new Violation('REFUSAL_NOT_IN_QUARANTINE', said);
    }
    for (const said of stands) {
      const isKnown = this.refused.has(said) || this.suspected.has(said.slice(0, 64));
      if (!isKnown) throw new Violation('UNKNOWN_QUARANTINE', said);
    }
  }
}
