import type { Sql, Transaction } from '../../db/connect.ts';
import { newestRelations, watermarkRelation } from '../../db/sealedRelations.ts';
import type { SealedRelation } from '../../db/sealedRelations.ts';
import {
  insertSeal,
  insertSigningKey,
  lockSeals,
  newestSeal,
  newestSealOf,
  oldestRunningXact,
  readSealable,
  readSigningKeys,
  sealAt,
} from '../../db/seals.ts';
import type { SealRow } from '../../db/seals.ts';
import { assert } from '../../domain/assert.ts';
import { sealBlocksPerPassMax, sealRowsMax } from '../../domain/sealLimits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { instantText } from '../../domain/time/instantText.ts';
import type { Checkpoint } from '../../wire/checkpoint.ts';
import { fieldBytes, rowHash, sealHead, sealSigned } from '../../wire/sealBytes.ts';
import type { Signer } from '../../wire/signer.ts';
import { firstPrevious, onlyShard, sealedUpTo } from './chain.ts';
import type { CheckpointStore } from './outside.ts';

export type SealDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  readonly signer: Signer;
  readonly checkpoints: CheckpointStore;
};

export type SealCode = 'SEAL_CHAIN_CUT' | 'SEAL_XACT_WENT_BACK' | 'SEAL_BUSY';

export type SealedPass = {
  readonly blocks: number;
  readonly rows: number;
  /** More waits: another pass would find it. */
  readonly hasMore: boolean;
};

type Block = {
  readonly relation: string;
  readonly rows: number;
  readonly keys: Uint8Array;
  readonly hashes: Uint8Array;
  readonly xactBelow: bigint;
};

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

async function append(tx: Transaction, deps: SealDeps, block: Block): Promise<void> {
  const { signer, clock } = deps;
  const before = await newestSeal(tx, onlyShard);
  const content = {
    ...block,
    shard: onlyShard,
    ordinal: (before?.ordinal ?? 0n) + 1n,
    xactBelow: String(block.xactBelow),
    previous: before?.head ?? firstPrevious,
    sealedAtMicros: String(BigInt(clock.nowMs()) * 1_000n),
    keyId: signer.keyId,
  };
  const head = sealHead(content);
  const signature = await signer.sign(sealSigned(head));
  const isWritten = await insertSeal(tx, { ...content, head, signature });
  assert(isWritten, 'under the lock nobody else writes blocks');
}

/** One block of a table in a transaction of its own. Null: another sealer is at work. */
async function sealBlock(
  deps: SealDeps,
  relation: SealedRelation,
  below: bigint,
): Promise<number | null> {
  return deps.sql.begin(async (tx) => {
    if (!(await lockSeals(tx, onlyShard))) return null;
    const own = await sealedUpTo(tx, relation.table);
    const mark = await newestSealOf(tx, { shard: onlyShard, relations: [watermarkRelation] });
    const markXact = BigInt(mark?.xactBelow ?? 0);
    const from = markXact > own.xact ? { xact: markXact, key: null } : own;
    const to = { xact: below, key: null };
    const rows = await readSealable(tx, relation, { from, to, limit: sealRowsMax });
    const last = rows.at(-1);
    if (last === undefined) return 0;
    await append(tx, deps, {
      relation: relation.name,
      rows: rows.length,
      keys: fieldBytes(rows.flatMap(({ xact, key }) => [String(xact), ...key])),
      hashes: Buffer.concat(rows.map(({ fields }) => rowHash(relation.name, fields))),
      xactBelow: rows.length === sealRowsMax ? last.xact : below,
    });
    return rows.length;
  });
}

async function sealWatermark(deps: SealDeps, below: bigint): Promise<boolean> {
  const none = new Uint8Array(0);
  return deps.sql.begin(async (tx) => {
    if (!(await lockSeals(tx, onlyShard))) return false;
    const block = { relation: watermarkRelation, rows: 0, keys: none, hashes: none };
    await append(tx, deps, { ...block, xactBelow: below });
    return true;
  });
}

function checkpointOf(seal: SealRow, publicKey: Uint8Array): Checkpoint {
  return {
    kind: 'sealed',
    shard: seal.shard,
    ordinal: seal.ordinal,
    head: hex(seal.head),
    sealedAt: instantText(Number(BigInt(seal.sealedAtMicros) / 1_000n)),
    keyId: hex(seal.keyId),
    publicKey: hex(publicKey),
    signature: hex(seal.signature),
  };
}

/** The chain must still have what was seen of it outside. */
export async function chainObstacle(
  sql: Sql,
  checkpoints: CheckpointStore,
): Promise<Outcome<null, 'SEAL_CHAIN_CUT'>> {
  const seen = await checkpoints.newest();
  if (seen?.kind !== 'sealed') return accept(null);
  const { shard, ordinal, head } = seen;
  const seal = await sealAt(sql, { shard, ordinal });
  if (seal !== null && hex(seal.head) === head) return accept(null);
  const message =
    `Block ${ordinal} was sealed with head ${head} and is not so in the database. ` +
    'Run ems-cli audit verify; after a restore, ems-cli restore reconcile.';
  return refuse('SEAL_CHAIN_CUT', message);
}

/** Why no block may be added: the chain is not the one that was seen last, or time ran back. */
async function findObstacle(deps: SealDeps, below: bigint): Promise<Outcome<null, SealCode>> {
  const { sql, checkpoints } = deps;
  const chain = await chainObstacle(sql, checkpoints);
  if (!chain.ok) return chain;
  const newest = await newestSeal(sql, onlyShard);
  if (newest !== null && below < BigInt(newest.xactBelow)) {
    const message =
      `The server counts transactions from ${below}, rows are sealed below ${newest.xactBelow}: ` +
      'the database was loaded into another server. Stop it and run pg_resetwal with a ' +
      'transaction id and epoch beyond that; docs/prepaid.md says how.';
    return refuse('SEAL_XACT_WENT_BACK', message);
  }
  return accept(null);
}

/** The newest head, where it is not outside yet: also after a crash between commit and file. */
async function tellCheckpoint(deps: SealDeps): Promise<void> {
  const newest = await newestSeal(deps.sql, onlyShard);
  const seen = await deps.checkpoints.newest();
  if (newest === null) return;
  if (seen?.kind === 'sealed' && seen.ordinal >= newest.ordinal) return;
  const keys = await readSigningKeys(deps.sql);
  const key = keys.find(({ keyId }) => hex(keyId) === hex(newest.keyId));
  assert(key !== undefined, 'a seal references its key');
  await deps.checkpoints.append(checkpointOf(newest, key.publicKey));
}

/**
 * Seals what is complete and not sealed yet, a block of one table at a time. Whoever is second
 * finds the lock taken and leaves it to the first.
 */
export async function sealRows(deps: SealDeps): Promise<Outcome<SealedPass, SealCode>> {
  const { sql, signer, clock } = deps;
  await insertSigningKey(sql, { ...signer, atMs: clock.nowMs() });
  const below = await oldestRunningXact(sql);
  const clear = await findObstacle(deps, below);
  if (!clear.ok) return clear;
  let blocks = 0;
  let rows = 0;
  for (const relation of newestRelations) {
    for (;;) {
      if (blocks === sealBlocksPerPassMax) {
        await tellCheckpoint(deps);
        return accept({ blocks, rows, hasMore: true });
      }
      const sealed = await sealBlock(deps, relation, below);
      if (sealed === null) return refuse('SEAL_BUSY', 'Another process seals at this moment.');
      if (sealed > 0) blocks += 1;
      rows += sealed;
      if (sealed < sealRowsMax) break;
    }
  }
  if (blocks > 0) {
    if (!(await sealWatermark(deps, below))) {
      return refuse('SEAL_BUSY', 'Another process seals at this moment.');
    }
    blocks += 1;
  }
  await tellCheckpoint(deps);
  return accept({ blocks, rows, hasMore: false });
}
