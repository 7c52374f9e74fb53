import { createHash } from 'node:crypto';
import { exportChannel, importChannel, powerChannel } from '../../src/domain/channel.ts';
import { parseEdgeId } from '../../src/domain/ids.ts';
import { batchHash, signBatch } from '../../src/wire/batch.ts';
import type { RegisterBlock } from '../../src/wire/batch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import type { AuditedRow } from './auditor.ts';
import type { SeededRandom } from './seededRandom.ts';
import type { WorldEdge, WorldMeter } from './world.ts';

/** A signed batch and what its sender knows of it: the journal that the log is judged by. */
export type SentBatch = {
  readonly edgeId: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly bytes: Uint8Array;
  readonly rows: readonly AuditedRow[];
  /** When the head-end had it in its hands, whether or not it answered. */
  readonly attemptsMs: number[];
  /** The answer that let the edge forget it, or refused it for good. */
  answer: { readonly shardPosition: bigint } | 'refused' | null;
  /** An attempt ended without an answer. */
  isInDoubt: boolean;
};

const minuteMs = 60_000;
const rowsPerMeterMax = 40;

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

type Row = Omit<AuditedRow, 'row' | 'channel' | 'unit' | 'scaler'>;

function blockOf(rows: readonly Row[], kind: Pick<AuditedRow, 'channel' | 'unit' | 'scaler'>) {
  const block: RegisterBlock = {
    ...kind,
    meterId: Int32Array.from(rows, (row) => row.meterId),
    readAtMs: Float64Array.from(rows, (row) => row.atMs),
    value: BigInt64Array.from(rows, (row) => row.value),
    quality: Uint8Array.from(rows, (row) => row.quality),
  };
  return { block, audited: rows.map((row) => ({ ...row, ...kind, row: 0 })) };
}

/** One edge's signing side: it reads its meters, and its readings are not always good ones. */
export class Sender {
  readonly edge: WorldEdge;
  readonly edgeId: number;
  readonly outbox: SentBatch[] = [];
  readonly #random: SeededRandom;
  readonly #meters: readonly WorldMeter[];
  readonly #meterIds: ReadonlyMap<string, number>;
  readonly #readUntilMs = new Map<string, number>();
  readonly #startMs: number;
  #epoch = 1;
  #sequence = 0n;
  #previousHash: Uint8Array = new Uint8Array(32);

  constructor(
    edge: WorldEdge,
    given: {
      edgeId: number;
      random: SeededRandom;
      /** Of the whole world; those of other edges serve for foreign rows. */
      meters: readonly WorldMeter[];
      meterIds: ReadonlyMap<string, number>;
      startMs: number;
    },
  ) {
    this.edge = edge;
    this.edgeId = given.edgeId;
    this.#random = given.random;
    this.#meters = given.meters;
    this.#meterIds = given.meterIds;
    this.#startMs = given.startMs;
  }

  #rowOf(meter: WorldMeter, atMs: number): Row {
    const random = this.#random;
    const trueWh = meter.trueWh(atMs);
    let value = meter.modulusWh === null ? trueWh : trueWh % meter.modulusWh;
    if (random.chance(0.02)) value += BigInt(random.pick([-3_000, -40, 60, 900_000]));
    const quality = random.chance(0.1) ? random.between(1, 2) : 0;
    return { meterId: this.#meterIds.get(meter.serial) ?? 0, atMs, value, quality };
  }

  /** The meter's readings since the last batch, on the quarter hour, near it, or anywhere. */
  #newRows(meter: WorldMeter, nowMs: number): Row[] {
    const random = this.#random;
    const stepMs = random.pick([15, 15, 5, 37, 60, 1_440]) * minuteMs;
    const shiftMs = random.chance(0.5) ? 0 : random.below(stepMs);
    const fromMs = this.#readUntilMs.get(meter.serial) ?? this.#startMs;
    const rows: Row[] = [];
    let atMs = Math.ceil(fromMs / stepMs) * stepMs + shiftMs;
    for (; atMs <= nowMs && rows.length < rowsPerMeterMax; atMs += stepMs) {
      if (atMs > fromMs && !random.chance(0.1)) rows.push(this.#rowOf(meter, atMs));
    }
    if (random.chance(0.3)) rows.push(this.#rowOf(meter, nowMs));
    this.#readUntilMs.set(meter.serial, nowMs);
    return rows;
  }

  /** Readings of long ago that turn up now, also a second time for an instant. */
  #lateRows(meter: WorldMeter, nowMs: number): Row[] {
    const random = this.#random;
    return Array.from({ length: random.between(1, 4) }, () => {
      const atMs = random.between(this.#startMs, nowMs);
      const grain = random.pick([1, minuteMs, 15 * minuteMs]);
      return this.#rowOf(meter, Math.max(this.#startMs, Math.floor(atMs / grain) * grain));
    });
  }

  #badBlock(nowMs: number) {
    const random = this.#random;
    const wh = { channel: importChannel, unit: 30, scaler: 0 };
    const meter = random.pick(this.#own());
    const good = this.#rowOf(meter, nowMs);
    switch (random.below(7)) {
      case 0:
        return blockOf([{ ...good, meterId: 90_000 + random.below(9) }, good], wh);
      case 1: {
        const foreign = this.#meters.filter((each) => each.edge !== this.edge);
        return blockOf([this.#rowOf(random.pick(foreign), nowMs), good], wh);
      }
      case 2:
        return blockOf([{ ...good, atMs: nowMs + random.between(90, 9_000) * minuteMs }, good], wh);
      case 3:
        return blockOf([good], { ...wh, unit: 27 });
      case 4:
        return blockOf([good], { ...wh, scaler: -1 });
      case 5:
        return blockOf([good], { ...wh, channel: exportChannel });
      default:
        return blockOf([{ ...good, value: 1_200n }], {
          channel: powerChannel,
          unit: 27,
          scaler: 0,
        });
    }
  }

  #own(): readonly WorldMeter[] {
    return this.#meters.filter((meter) => meter.edge === this.edge);
  }

  /** Puts the next batch, and now and then its evil twin, into the outbox. */
  read(nowMs: number): void {
    const random = this.#random;
    if (random.chance(0.03)) {
      this.#epoch += 1;
      this.#sequence = 0n;
      this.#previousHash = new Uint8Array(32);
    }
    const rows: Row[] = [];
    for (const meter of this.#own()) {
      if (random.chance(0.85)) rows.push(...this.#newRows(meter, nowMs));
      if (random.chance(0.15)) rows.push(...this.#lateRows(meter, nowMs));
    }
    if (rows.length === 0) rows.push(this.#rowOf(random.pick(this.#own()), nowMs));
    const mixed = random.chance(0.2) ? random.shuffled(rows) : rows;
    const blocks = [blockOf(mixed, { channel: importChannel, unit: 30, scaler: 0 })];
    if (random.chance(0.2)) blocks.push(this.#badBlock(nowMs));
    if (random.chance(0.1)) {
      const coarse = this.#rowOf(random.pick(this.#own()), nowMs);
      const tens = { ...coarse, value: coarse.value / 10n };
      blocks.push(blockOf([tens], { channel: importChannel, unit: 30, scaler: 1 }));
    }
    this.#sequence += 1n;
    const sent = this.#seal(blocks, nowMs);
    this.outbox.push(sent.batch);
    if (random.chance(0.05)) {
      const twin = [
        blockOf(this.#lateRows(random.pick(this.#own()), nowMs), {
          channel: importChannel,
          unit: 30,
          scaler: 0,
        }),
      ];
      this.outbox.push(this.#seal(twin, nowMs + 1).batch);
    }
    this.#previousHash = sent.hash;
  }

  #seal(blocks: readonly ReturnType<typeof blockOf>[], createdAtMs: number) {
    const payload = this.payload(
      blocks.map(({ block }) => block),
      createdAtMs,
      this.edgeId,
    );
    const batch: SentBatch = {
      edgeId: this.edgeId,
      epoch: this.#epoch,
      sequence: this.#sequence,
      bytes: signBatch(payload, this.edge),
      // Rows are counted over the blocks of a batch.
      rows: blocks.flatMap(({ audited }) => audited).map((each, row) => ({ ...each, row })),
      attemptsMs: [],
      answer: null,
      isInDoubt: false,
    };
    return { batch, hash: batchHash(payload) };
  }

  payload(blocks: readonly RegisterBlock[], createdAtMs: number, rawEdgeId: number): Uint8Array {
    const edgeId = parseEdgeId(rawEdgeId);
    if (!edgeId.ok) throw new Error(edgeId.message);
    return encodeBatch({
      edgeId: edgeId.value,
      epoch: this.#epoch,
      sequence: this.#sequence === 0n ? 1n : this.#sequence,
      previousHash: this.#previousHash,
      createdAtMs,
      stream: 'billing',
      blocks,
    });
  }

  /** What no edge would send: bytes changed on the way, or signed in another edge's name. */
  spoiled(batch: SentBatch, nowMs: number, otherEdgeId: number): Uint8Array {
    const random = this.#random;
    if (random.chance(0.2)) {
      const { block } = blockOf([this.#rowOf(random.pick(this.#own()), nowMs)], {
        channel: importChannel,
        unit: 30,
        scaler: 0,
      });
      return signBatch(this.payload([block], nowMs, otherEdgeId), this.edge);
    }
    if (random.chance(0.3)) return batch.bytes.slice(0, random.below(batch.bytes.length));
    const bytes = Uint8Array.from(batch.bytes);
    bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    return bytes;
  }
}
