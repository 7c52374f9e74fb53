import { factorText } from '../../src/domain/series/factor.ts';
import { trueRow } from './auditedSeries.ts';
import type { AuditedBatch, AuditedRow } from './auditedSeries.ts';
import type { AuditedMark } from './auditedWalk.ts';
import type { Delivery } from './delivery.ts';
import { isWaiting } from './heldRows.ts';
import { isReceipt } from './receiptWords.ts';
import type { SentBatch } from './sender.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';
import type { WorldMeter } from './world.ts';

type Factor = Pick<AuditedMark, 'numerator' | 'denominator'>;
type Word = Pick<AuditedMark, 'atMs' | 'finalValue' | 'startValue'> & {
  readonly kind: AuditedMark['kind'] | 'withdrawn';
  /** Null: it was not said. */
  readonly factor: Factor | null;
};

const minuteMs = 60_000;
const voided = 4;
const one: Factor = { numerator: 1n, denominator: 1n };
const qualities = ['ACTUAL', 'CALCULATED', 'ESTIMATED'] as const;
const noValues = { finalValue: null, startValue: null };

/** What people do to readings and registers, and the journal of it. */
export class Office {
  /** Batches of the office that were acknowledged. */
  readonly batches: AuditedBatch[] = [];
  /** edge/epoch/sequence of all that it has in the log. */
  readonly places = new Set<string>();
  readonly #simulation: Simulation;
  /** By meter, then by register (0: every one) and instant: the last word counts. */
  readonly #words = new Map<number, Map<string, Word & { readonly channel: number }>>();

  readonly #marked = new Set<number>();
  readonly #toldMs = new Map<number, number>();

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  async act({ sent }: Delivery): Promise<string> {
    const { random } = this.#simulation;
    const draw = random.below(10);
    const what =
      draw < 3 ? await this.#record() : draw < 7 ? await this.#edit(sent) : await this.#mark();
    this.#simulation.note(what);
    return what;
  }

  /** The marks of the main register that count, in the order of time. */
  marksOf(meterId: number): AuditedMark[] {
    const words = [...(this.#words.get(meterId)?.values() ?? [])];
    const inForce = words.flatMap(({ kind, ...word }) =>
      kind === 'withdrawn' ? [] : [{ ...word, kind }],
    );
    const own = new Set(inForce.flatMap(({ channel, atMs }) => (channel === 0 ? [] : [atMs])));
    // Of one instant that of the register itself is the last.
    const ordered = inForce.toSorted((a, b) => a.atMs - b.atMs || a.channel - b.channel);
    return ordered.flatMap(({ atMs, kind, finalValue, startValue, channel }, at) => {
      if (channel === 0 && own.has(atMs)) return [];
      // What does not say its factor keeps the last that was said, as things stand today.
      const said = ordered.slice(0, at + 1).findLast(({ factor }) => factor !== null);
      const { numerator, denominator } = said?.factor ?? one;
      return [{ atMs, kind, finalValue, startValue, numerator, denominator }];
    });
  }

  /** When somebody last said something of its registers, taken back or not. */
  lastToldMs(meterId: number): number {
    return this.#toldMs.get(meterId) ?? -Infinity;
  }

  /** Beside those who exchange it. */
  isMarkedByPeople(meterId: number): boolean {
    return this.#marked.has(meterId);
  }

  #meter(): { meter: WorldMeter; meterId: number } {
    const simulation = this.#simulation;
    const known = simulation.meters.filter((each) => simulation.isRegistered(each));
    const meter = simulation.random.pick(known);
    return { meter, meterId: simulation.idOf(meter) };
  }

  #instant(): number {
    const { random, world, nowMs } = this.#simulation;
    const grain = random.pick([1, minuteMs, 15 * minuteMs, 15 * minuteMs]);
    const atMs = Math.floor(random.between(world.startMs, nowMs) / grain) * grain;
    return Math.max(world.startMs, atMs);
  }

  /** What its register shows on its face. */
  shown(meter: WorldMeter, atMs: number): bigint {
    const wh = meter.trueWh(atMs);
    return meter.modulusWh === null ? wh : wh % meter.modulusWh;
  }

  /** Acknowledged, and so in the log. */
  keep(
    answer: { readonly batches: readonly { edgeId: number; epoch: number; sequence: bigint }[] },
    rows: readonly Omit<AuditedRow, 'channel' | 'unit' | 'scaler' | 'row' | 'clockOffsetMs'>[],
  ): void {
    const [place] = answer.batches;
    if (answer.batches.length !== 1) throw new Violation('OFFICE_BATCH_SPLIT', 'one meter, one');
    this.places.add(`${place.edgeId}/${place.epoch}/${place.sequence}`);
    const ordered = rows.toSorted((a, b) => a.atMs - b.atMs);
    this.batches.push({
      edgeId: null,
      epoch: place.epoch,
      sequence: place.sequence,
      stream: 'billing',
      outages: [],
      receivedAtMs: this.#simulation.nowMs,
      rows: ordered.map((each, row) => {
        return { ...each, channel: 1, unit: 30, scaler: 0, clockOffsetMs: 0, row };
      }),
    });
  }

  async #record(): Promise<string> {
    const simulation = this.#simulation;
    const { random } = simulation;
    const { meter, meterId } = this.#meter();
    const instants = new Set([1, 2, 3].slice(0, random.between(1, 3)).map(() => this.#instant()));
    const rows = [...instants].map((atMs) => {
      const wrong = random.chance(0.1) ? 70_000n : 0n;
      const value = this.shown(meter, atMs) + wrong;
      return { meterId, atMs, value, quality: random.below(3), revision: 0 };
    });
    const idempotencyKey = random.uuid();
    const recorded = await simulation.insist((sql) =>
      simulation.operations.recordReadings(simulation.officeDeps(sql), simulation.viewer, {
        idempotencyKey,
        reason: 'read at the door',
        readings: rows.map(({ atMs, value, quality }) => {
          return { meterId, channel: 1, atMs, value, quality: qualities[quality] };
        }),
      }),
    );
    if (!recorded.ok) throw new Violation('READINGS_REFUSED', recorded.message);
    this.keep(recorded.value, rows);
    return 'record';
  }

  /** A reading that counts or could: of an acknowledged batch, and the revision that it has. */
  #editable(sent: readonly SentBatch[]): { meterId: number; atMs: number } | null {
    const { random, registered, meters, meterIds } = this.#simulation;
    const edges = new Map(
      meters.map(({ serial, edge }) => [Number(meterIds.get(serial)), edge.name]),
    );
    const own = this.batches.flatMap(({ rows }) => rows);
    const read = sent
      .filter((batch) => isReceipt(batch) && batch.stream === 'billing')
      .flatMap(({ rows, edgeId, attemptsMs }) =>
        rows.flatMap((stamped) => {
          const row = trueRow(stamped);
          const edge = registered.edges.get(edges.get(stamped.meterId) ?? '');
          const isGood = stamped.channel === 1 && stamped.unit === 30 && stamped.scaler >= 0;
          if (row === null || !isGood || edge?.edgeId !== edgeId) return [];
          return row.atMs > Math.min(...attemptsMs) ? [] : [row];
        }),
      );
    const rows = random.chance(0.3) && own.length > 0 ? own : read;
    return rows.length === 0 ? null : random.pick(rows);
  }

  async #edit(sent: readonly SentBatch[]): Promise<string> {
    const simulation = this.#simulation;
    const { random, meters, meterIds } = simulation;
    const reading = this.#editable(sent);
    if (reading === null) return 'nothing to edit';
    const { meterId, atMs } = reading;
    const revisions = this.batches
      .flatMap(({ rows }) => rows)
      .filter((row) => row.meterId === meterId && row.atMs === atMs)
      .map(({ revision }) => revision);
    const current = Math.max(0, ...revisions);
    const isStale = random.chance(0.15);
    const supersedes = isStale ? current + random.pick([1, 7]) : current;
    const meter = meters.find(({ serial }) => meterIds.get(serial) === meterId);
    if (meter === undefined) throw new Error('an edit is of a meter of the world');
    const isVoid = random.chance(0.4);
    const value = isVoid ? null : this.shown(meter, atMs) + BigInt(random.pick([0, 0, 30, -30]));
    if (value !== null && value < 0n) return 'nothing to edit';
    const idempotencyKey = random.uuid();
    const input = { idempotencyKey, meterId, channel: 1, atMs, value, supersedes };
    const isHeld = revisions.length === 0 && (await isWaiting(simulation.admin, reading, sent));
    const edited = await simulation.insist((sql) =>
      simulation.operations.editReading(simulation.officeDeps(sql), simulation.viewer, {
        ...input,
        reason: 'misread',
      }),
    );
    if (isHeld) {
      const isRefused = !edited.ok && edited.code === 'READING_NOT_FOUND';
      if (!isRefused) throw new Violation('HELD_BACK_EDITED', `${meterId} at ${atMs}`);
      return 'edit of a row held back';
    }
    if (isStale) {
      const isRefused = !edited.ok && edited.code === 'READING_REVISION_STALE';
      if (!isRefused) throw new Violation('STALE_EDIT_TAKEN', `${meterId} at ${atMs}`);
      return 'edit refused';
    }
    if (!edited.ok) throw new Violation('EDIT_REFUSED', `${edited.code} ${edited.message}`);
    const quality = isVoid ? voided : 0;
    this.keep(edited.value, [
      { meterId, atMs, value: value ?? 0n, quality, revision: supersedes + 1 },
    ]);
    return isVoid ? 'void' : 'edit';
  }

  #newWord(meter: WorldMeter, meterId: number): Word & { readonly channel: number } {
    const { random } = this.#simulation;
    const known = [...(this.#words.get(meterId)?.values() ?? [])];
    const standing = known.filter(({ kind }) => kind !== 'withdrawn');
    if (standing.length > 0 && random.chance(0.3)) {
      const { channel, atMs } = random.pick(standing);
      return { channel, atMs, ...noValues, factor: null, kind: 'withdrawn' };
    }
    const atMs = this.#instant();
    const shown = this.shown(meter, atMs);
    const kind = random.pick(['factor', 'factor', 'reset', 'removed', 'installed'] as const);
    const isSeen = random.chance(0.6);
    const factors = [one, { ...one, numerator: 2n }, { numerator: 3n, denominator: 2n }];
    return {
      channel: isSeen || random.chance(0.7) ? 1 : 0,
      atMs,
      kind,
      finalValue: isSeen && kind !== 'installed' ? shown : null,
      startValue: isSeen && kind !== 'removed' ? shown : null,
      factor: kind === 'factor' ? random.pick(factors) : null,
    };
  }

  async #mark(): Promise<string> {
    const simulation = this.#simulation;
    const { meter, meterId } = this.#meter();
    const word = this.#newWord(meter, meterId);
    const { channel, atMs, kind, finalValue, startValue, factor } = word;
    const input = { meterId, channel: channel === 0 ? null : channel, atMs, kind };
    const values = { finalValue, startValue, factor: factor === null ? null : factorText(factor) };
    const idempotencyKey = simulation.random.uuid();
    const recorded = await simulation.insist(({ api }) =>
      simulation.operations.recordMark(
        { sql: api, clock: simulation.clock, wake: () => {} },
        simulation.viewer,
        { idempotencyKey, ...input, ...values, reason: 'seen on the meter' },
      ),
    );
    if (!recorded.ok) throw new Violation('MARK_REFUSED', `${recorded.code} ${recorded.message}`);
    this.tell(meterId, word);
    this.#marked.add(meterId);
    return `mark ${kind}`;
  }

  /** The last word on a meter, register and instant counts. */
  tell(meterId: number, word: Word & { readonly channel: number }): void {
    this.#toldMs.set(meterId, this.#simulation.nowMs);
    const words = this.#words.get(meterId) ?? new Map();
    words.set(`${word.channel}/${word.atMs}`, word);
    this.#words.set(meterId, words);
  }
}
