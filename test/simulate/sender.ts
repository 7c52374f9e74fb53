import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { exportChannel, importChannel, powerChannel } from '../../src/domain/channel.ts';
import { parseEdgeId } from '../../src/domain/ids.ts';
import { powerOutage } from '../../src/domain/series/meterEvent.ts';
import { batchHash, signBatch } from '../../src/wire/batch.ts';
import type { Batch, RegisterBlock, Stream } from '../../src/wire/batch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import type { AuditedRow } from './auditedSeries.ts';
import { carriedForm, jsonText } from './carriedForm.ts';
import type { SeededRandom } from './seededRandom.ts';
import type { WorldEdge, WorldMeter } from './world.ts';

/** A signed batch and what its sender knows of it: the journal that the log is judged by. */
export type SentBatch = {
  readonly edgeId: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly stream: Stream;
  readonly content: Batch;
  /** As it is sent at present: by the sender's present key, in two of its forms. */
  bytes: Uint8Array;
  twinBytes: Uint8Array;
  keyId: string;
  /** All forms that it was ever sent in: the same batch. */
  readonly forms: Uint8Array[];
  readonly rows: readonly AuditedRow[];
  readonly parts: readonly Part[];
  readonly hash: Uint8Array;
  readonly previousHash: Uint8Array;
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

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

type Part = ReturnType<typeof blockOf>;
type Row = Omit<AuditedRow, 'row' | 'channel' | 'unit' | 'scaler'>;
type Chain = { sequence: bigint; previousHash: Uint8Array };

function newChains(): Record<Stream, Chain> {
  const chain = (): Chain => ({ sequence: 0n, previousHash: new Uint8Array(32) });
  return { billing: chain(), telemetry: chain() };
}

function blockOf(rows: readonly Row[], kind: Pick<AuditedRow, 'channel' | 'unit' | 'scaler'>) {
  const block: RegisterBlock = {
    ...kind,
    meterId: Int32Array.from(rows, (row) => row.meterId),
    readAtMs: Float64Array.from(rows, (row) => row.atMs),
    value: BigInt64Array.from(rows, (row) => row.value),
    quality: Uint8Array.from(rows, (row) => row.quality),
    clockOffsetMs: Int32Array.from(rows, (row) => row.clockOffsetMs),
  };
  return { block, audited: rows.map((row) => ({ ...row, ...kind, row: 0 })) };
}

function classOf(offMs: number): string {
  if (offMs <= minuteMs) return 'a little';
  return offMs <= 15 * minuteMs ? 'within a slot' : 'too far';
}

export type SenderKey = Pick<WorldEdge, 'keyId' | 'publicKey' | 'privateKey'>;

/** One edge's signing side: it reads its meters, and its readings are not always good ones. */
export class Sender {
  readonly edge: WorldEdge;
  readonly edgeId: number;
  readonly outbox: SentBatch[] = [];
  readonly #random: SeededRandom;
  readonly #meters: readonly WorldMeter[];
  readonly #idOf: (meter: WorldMeter) => number;
  readonly #readUntilMs = new Map<string, number>();
  readonly #startMs: number;
  readonly #note: (what: string) => void;
  #key: SenderKey;
  #epoch = 1;
  #chains = newChains();

  constructor(
    edge: WorldEdge,
    given: {
      edgeId: number;
      random: SeededRandom;
      /** Of the whole world, as it grows; those of other edges serve for foreign rows. */
      meters: readonly WorldMeter[];
      idOf: (meter: WorldMeter) => number;
      startMs: number;
      /** What it drew, by name. */
      note: (what: string) => void;
    },
  ) {
    this.edge = edge;
    this.#key = edge;
    this.edgeId = given.edgeId;
    this.#random = given.random;
    this.#meters = given.meters;
    this.#idOf = given.idOf;
    this.#note = given.note;
    this.#startMs = given.startMs;
  }

  #rowOf(meter: WorldMeter, atMs: number): Row {
    const random = this.#random;
    const trueWh = meter.trueWh(atMs);
    let value = meter.modulusWh === null ? trueWh : trueWh % meter.modulusWh;
    if (random.chance(0.02)) value += BigInt(random.pick([-3_000, -40, 60, 900_000]));
    const quality = random.chance(0.1) ? random.between(1, 2) : 0;
    // The clock of a device is off now and then: by seconds, by minutes, by more than a slot.
    const offs = [40_000, -25_000, 300_000, -700_000, 1_000_000];
    const clockOffsetMs = random.chance(0.03) ? random.pick(offs) : 0;
    if (clockOffsetMs !== 0) this.#note(`clock off ${classOf(Math.abs(clockOffsetMs))}`);
    const meterId = this.#idOf(meter);
    return { meterId, atMs: atMs + clockOffsetMs, value, quality, revision: 0, clockOffsetMs };
  }

  /** The meter's readings since the last batch, on the quarter hour, near it, or anywhere. */
  #newRows(meter: WorldMeter, nowMs: number): Row[] {
    const random = this.#random;
    const stepMs = random.pick([15, 15, 5, 37, 60, 1_440]) * minuteMs;
    const shiftMs = random.chance(0.5) ? 0 : random.below(stepMs);
    const fromMs = this.#readUntilMs.get(meter.serial) ?? Math.max(this.#startMs, meter.fittedMs);
    // Now and then a gateway goes on telling of what was taken off the wall.
    const untilMs = random.chance(0.1) ? nowMs : Math.min(nowMs, meter.removedMs ?? nowMs);
    const rows: Row[] = [];
    let atMs = Math.ceil(fromMs / stepMs) * stepMs + shiftMs;
    for (; atMs <= untilMs && rows.length < rowsPerMeterMax; atMs += stepMs) {
      if (atMs > fromMs && !random.chance(0.1)) rows.push(this.#rowOf(meter, atMs));
    }
    if (fromMs < untilMs && random.chance(0.3)) rows.push(this.#rowOf(meter, untilMs));
    this.#readUntilMs.set(meter.serial, untilMs);
    return rows;
  }

  /** Readings of long ago that turn up now, also a second time for an instant. */
  #lateRows(meter: WorldMeter, nowMs: number): Row[] {
    const random = this.#random;
    const fromMs = Math.max(this.#startMs, meter.fittedMs);
    return Array.from({ length: random.between(1, 4) }, () => {
      const atMs = random.between(fromMs, Math.min(nowMs, meter.removedMs ?? nowMs));
      const grain = random.pick([1, minuteMs, 15 * minuteMs]);
      return this.#rowOf(meter, Math.max(fromMs, Math.floor(atMs / grain) * grain));
    });
  }

  #badBlock(nowMs: number) {
    const random = this.#random;
    const wh = { channel: importChannel, unit: 30, scaler: 0 };
    const meter = random.pick(this.#own());
    const good = this.#rowOf(meter, nowMs);
    switch (random.below(8)) {
      case 6:
        return blockOf([{ ...good, atMs: Date.UTC(2099, 0, 1), clockOffsetMs: 0 }, good], wh);
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
      this.#chains = newChains();
    }
    if (random.chance(0.2)) this.#measure(nowMs);
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
    const chain = this.#chains.billing;
    chain.sequence += 1n;
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
    chain.previousHash = sent.hash;
  }

  /** Telemetry has numbers of its own, and bills nothing, whatever it brings. */
  #measure(nowMs: number): void {
    const random = this.#random;
    const row = this.#rowOf(random.pick(this.#own()), nowMs);
    const power = blockOf([{ ...row, value: BigInt(random.below(9_000)) }], {
      channel: powerChannel,
      unit: 27,
      scaler: 0,
    });
    const register = blockOf([row], { channel: importChannel, unit: 30, scaler: 0 });
    const chain = this.#chains.telemetry;
    chain.sequence += 1n;
    const sent = this.#seal(random.chance(0.3) ? [power, register] : [power], nowMs, 'telemetry');
    this.outbox.push(sent.batch);
    chain.previousHash = sent.hash;
  }

  #seal(blocks: readonly Part[], createdAtMs: number, stream: Stream = 'billing') {
    const content = this.#content(
      blocks.map(({ block }) => block),
      { createdAtMs, edgeId: this.edgeId, stream, ...this.#outages(createdAtMs) },
    );
    const forms = [this.#carried(content), this.#carried(content)];
    const batch: SentBatch = {
      edgeId: this.edgeId,
      epoch: this.#epoch,
      sequence: content.sequence,
      stream,
      content,
      bytes: forms[0],
      twinBytes: forms[1],
      keyId: hexOf(this.#key.keyId),
      forms,
      // Rows are counted over the blocks of a batch.
      rows: blocks.flatMap(({ audited }) => audited).map((each, row) => ({ ...each, row })),
      parts: blocks,
      hash: batchHash(encodeBatch(content)),
      previousHash: content.previousHash,
      attemptsMs: [],
      answer: null,
      isInDoubt: false,
    };
    return { batch, hash: batch.hash };
  }

  #carried(content: Batch): Uint8Array {
    return carriedForm(content, this.#key, this.#random);
  }

  get key(): SenderKey {
    return this.#key;
  }

  /** From now on it signs by another key. */
  takeKey(key: SenderKey): void {
    this.#key = key;
  }

  /** What was signed by a key that nobody takes any more goes out by the present one. */
  signAgain(batch: SentBatch): void {
    batch.bytes = this.#carried(batch.content);
    batch.twinBytes = this.#carried(batch.content);
    batch.keyId = hexOf(this.#key.keyId);
    batch.forms.push(batch.bytes, batch.twinBytes);
  }

  /** Lines of a meter's own log: the supply was gone for a while. */
  #outages(nowMs: number): Pick<Batch, 'events'> {
    const random = this.#random;
    if (!random.chance(0.2)) return {};
    this.#note('outage');
    const meter = random.pick(this.#own());
    const fromMs = random.between(this.#startMs, nowMs);
    return {
      events: {
        code: Int32Array.of(powerOutage),
        meterId: Int32Array.of(this.#idOf(meter)),
        fromMs: Float64Array.of(fromMs),
        toMs: Float64Array.of(Math.min(nowMs, fromMs + random.between(1, 600) * minuteMs)),
      },
    };
  }

  /** A batch that does not fit its chain any more: its readings go out again in a new one. */
  beginAgain(broken: SentBatch, nowMs: number): void {
    this.#epoch += 1;
    this.#chains = newChains();
    const chain = this.#chains[broken.stream];
    chain.sequence = 1n;
    const sent = this.#seal(broken.parts, nowMs, broken.stream);
    this.outbox.push(sent.batch);
    chain.previousHash = sent.hash;
  }

  #content(
    blocks: readonly RegisterBlock[],
    given: Pick<Batch, 'createdAtMs' | 'stream' | 'events'> & { readonly edgeId: number },
  ): Batch {
    const edgeId = parseEdgeId(given.edgeId);
    if (!edgeId.ok) throw new Error(edgeId.message);
    const { sequence, previousHash } = this.#chains[given.stream];
    return {
      ...given,
      edgeId: edgeId.value,
      epoch: this.#epoch,
      sequence: sequence === 0n ? 1n : sequence,
      previousHash,
      blocks,
    };
  }

  /** What no edge would send: bytes changed on the way, or what its key does not make good. */
  spoiled(batch: SentBatch, nowMs: number, otherEdgeId: number): Uint8Array {
    const random = this.#random;
    if (random.chance(0.5)) return this.#offence(nowMs, otherEdgeId);
    if (random.chance(0.3)) return batch.bytes.slice(0, random.below(batch.bytes.length));
    const bytes = Uint8Array.from(batch.bytes);
    bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    return bytes;
  }

  /** Signed well, and still nothing that may come in. */
  #offence(nowMs: number, otherEdgeId: number): Uint8Array {
    const random = this.#random;
    const row = this.#rowOf(random.pick(this.#own()), nowMs);
    const wh = { channel: importChannel, unit: 30, scaler: 0 };
    const given = { createdAtMs: nowMs, edgeId: this.edgeId, stream: 'billing' } as const;
    const { block } = blockOf([row], wh);
    const plain = encodeBatch(this.#content([block], given));
    switch (random.below(5)) {
      case 0:
        return signBatch(
          encodeBatch(this.#content([block], { ...given, edgeId: otherEdgeId })),
          this.#key,
        );
      case 1: {
        const bomb = gzipSync(new Uint8Array(4_000_000));
        return signBatch(bomb, this.#key, { encoding: 'protobuf', compression: 'gzip' });
      }
      case 2: {
        const packed = zstdCompressSync(plain);
        return signBatch(packed.subarray(0, packed.length - 3), this.#key, {
          encoding: 'protobuf',
          compression: 'zstd',
        });
      }
      case 3: {
        const edit = { ...block, revision: Int32Array.of(1) };
        return signBatch(encodeBatch(this.#content([edit], given)), this.#key);
      }
      default: {
        const text = jsonText(this.#content([block], given));
        const old = text.replace(/"readAt":\["[^"]*"\]/, '"readAt":["1970-01-01T00:00:00Z"]');
        return signBatch(Buffer.from(old), this.#key, { encoding: 'json', compression: 'none' });
      }
    }
  }
}
