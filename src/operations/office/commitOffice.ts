import type { KeyObject } from 'node:crypto';
import type { Sql, Transaction } from '../../db/connect.ts';
import { appendBatches, lockLogHead } from '../../db/log.ts';
import { insertOfficeBatch, lastGuard } from '../../db/officeBatches.ts';
import type { Office, OfficeMeter } from '../../db/officeBatches.ts';
import { assert } from '../../domain/assert.ts';
import { channelOf, importChannel } from '../../domain/channel.ts';
import { parseEdgeId } from '../../domain/ids.ts';
import { batchHash, batchHashBytes, signBatch } from '../../wire/batch.ts';
import type { RegisterBlock } from '../../wire/batch.ts';
import { encodeBatch } from '../../wire/encodeBatch.ts';
import type { OfficeKey } from './officeKey.ts';

/** What an operation of the office needs besides a request's deps. */
export type OfficeSide = {
  /** Under joulebook_writer. */
  readonly writer: Sql;
  /** The server's Ed25519 key of its offices. */
  readonly key: KeyObject;
};

/** One reading as a person enters it, in the unit of its register. */
export type OfficeReading = {
  readonly meterId: number;
  readonly channel: number;
  readonly atMs: number;
  readonly value: bigint;
  readonly quality: number;
  /** 0 as read; an edit is one above what it supersedes. */
  readonly revision: number;
};

export type OfficeWord = {
  readonly companyId: number;
  readonly kind: 'manual' | 'edit' | 'correction';
  readonly author: string;
  readonly reason: string;
  readonly nowMs: number;
  readonly quarantineHash: Uint8Array | null;
};

export type CommittedOffice = {
  readonly edgeId: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly shard: number;
  readonly position: bigint;
  readonly hash: Uint8Array;
};

/** DLMS unit 13, cubic metres (COSEM Blue Book ed. 12, table 4); by scaler -3 whole litres. */
const cubicMetres = { unit: 13, scaler: -3 };

function unitOf(meter: OfficeMeter, code: number): { unit: number; scaler: number } {
  if (meter.medium !== 'electricity' && code === importChannel) return cubicMetres;
  const channel = channelOf(code);
  assert(channel !== null, 'the channels of an entry are known');
  return { unit: channel.dlmsUnit, scaler: 0 };
}

type Entry = { readonly reading: OfficeReading; readonly meter: OfficeMeter };

/** A block a channel and unit, its rows by meter and time: neighbours are rated in one run. */
function blocksOf(entries: readonly Entry[]): RegisterBlock[] {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const { unit, scaler } = unitOf(entry.meter, entry.reading.channel);
    const key = `${entry.reading.channel}/${unit}/${scaler}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return [...groups.values()].map((group) => {
    const rows = group
      .map(({ reading }) => reading)
      .toSorted((a, b) => a.meterId - b.meterId || a.atMs - b.atMs);
    const { channel } = rows[0];
    const block = {
      channel,
      ...unitOf(group[0].meter, channel),
      meterId: Int32Array.from(rows, (row) => row.meterId),
      readAtMs: Float64Array.from(rows, (row) => row.atMs),
      value: BigInt64Array.from(rows, (row) => row.value),
      quality: Uint8Array.from(rows, (row) => row.quality),
    };
    const isEdit = rows.some((row) => row.revision > 0);
    return isEdit ? { ...block, revision: Int32Array.from(rows, (row) => row.revision) } : block;
  });
}

type Chain = { sequence: bigint; hash: Uint8Array };

async function appendShard(
  tx: Transaction,
  given: {
    readonly office: Office;
    readonly key: OfficeKey;
    readonly word: OfficeWord;
    readonly shard: number;
    readonly entries: readonly Entry[];
    readonly chain: Chain;
  },
): Promise<CommittedOffice> {
  const { office, key, word, shard, entries, chain } = given;
  const edgeId = parseEdgeId(office.edgeId);
  assert(edgeId.ok, 'a stored edge has an id');
  const sequence = chain.sequence + 1n;
  const payload = encodeBatch({
    edgeId: edgeId.value,
    epoch: office.epoch,
    sequence,
    previousHash: chain.hash,
    createdAtMs: word.nowMs,
    stream: 'billing',
    blocks: blocksOf(entries),
  });
  const hash = batchHash(payload);
  const { edgeId: id, epoch } = office;
  const { companyId, nowMs } = word;
  const instants = entries.map(({ reading }) => reading.atMs);
  const candidate = {
    companyId,
    edgeId: id,
    stream: 1 as const,
    epoch,
    sequence,
    hash,
    previousHash: chain.hash,
    shard,
    readingCount: entries.length,
    readFromMs: instants.reduce((least, each) => Math.min(least, each)),
    readToMs: instants.reduce((most, each) => Math.max(most, each)),
    carried: signBatch(payload, key),
  };
  const head = await lockLogHead(tx, shard);
  await appendBatches(tx, [candidate], { shard, head, receivedAtMs: nowMs });
  const { kind, author, reason, quarantineHash } = word;
  const place = { edgeId: id, epoch, sequence, companyId };
  await insertOfficeBatch(tx, {
    ...place,
    kind,
    author,
    reason,
    enteredAtMs: nowMs,
    quarantineHash,
  });
  chain.sequence = sequence;
  chain.hash = hash;
  return { edgeId: id, epoch, sequence, shard, position: head + 1n, hash };
}

/**
 * Appends what people entered to the log, as signed batches of their company's office, whose lock
 * the caller holds. A batch goes to the shard of the edge that reads its meters, so that a meter
 * has one rater whoever its readings come from; readings of several shards are several batches.
 */
export async function commitOffice(
  tx: Transaction,
  {
    office,
    key,
    word,
    readings,
    meters,
  }: {
    readonly office: Office;
    readonly key: OfficeKey;
    readonly word: OfficeWord;
    readonly readings: readonly OfficeReading[];
    readonly meters: ReadonlyMap<number, OfficeMeter>;
  },
): Promise<readonly CommittedOffice[]> {
  assert(readings.length > 0, 'an office commits what somebody entered');
  const shards = new Map<number, Entry[]>();
  for (const reading of readings) {
    const meter = meters.get(reading.meterId);
    assert(meter !== undefined, 'the meters of an entry were looked up');
    const entries = shards.get(meter.logShard);
    if (entries === undefined) shards.set(meter.logShard, [{ reading, meter }]);
    else entries.push({ reading, meter });
  }
  const last = await lastGuard(tx, office);
  const chain: Chain = {
    sequence: last?.sequence ?? 0n,
    hash: last?.hash ?? new Uint8Array(batchHashBytes),
  };
  const committed: CommittedOffice[] = [];
  for (const [shard, entries] of [...shards].toSorted(([a], [b]) => a - b)) {
    committed.push(await appendShard(tx, { office, key, word, shard, entries, chain }));
  }
  return committed;
}
