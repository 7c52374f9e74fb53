import type { Transaction } from '../../db/connect.ts';
import { newestRelations, watermarkRelation } from '../../db/sealedRelations.ts';
import { readSealable, readSeals, readSigningKeys, sealBeginning } from '../../db/seals.ts';
import type { SealPoint, SealRow } from '../../db/seals.ts';
import { sealFindingsMax, sealsPerPage } from '../../domain/sealLimits.ts';
import type { Checkpoint } from '../../wire/checkpoint.ts';
import type { DoctorFinding } from '../doctor/check.ts';
import { endOf, keysOf, onlyShard, relationNamed } from './chain.ts';
import { findBlockFaults, findWrongKeys, hexOf, sealSubject } from './verifyBlock.ts';
import type { SealKeys } from './verifyBlock.ts';
import { insertedFinding, verifyRows } from './verifyRows.ts';

export type VerifyContext = {
  /** One snapshot, under joulebook_writer. */
  readonly tx: Transaction;
  /** Kept elsewhere; null: then nobody can tell a chain that was cut or made anew with a key. */
  readonly checkpoints: AsyncIterable<Checkpoint> | null;
  /** Public keys, known otherwise than from the database, besides those of the checkpoints. */
  readonly trustedKeys: readonly Uint8Array[];
  onProgress(rows: number): void;
};

type Outside = {
  /** Heads by ordinal, and the newest of them. */
  readonly heads: Map<bigint, string>;
  readonly keys: ReadonlySet<string> | null;
};

async function readOutside({ checkpoints, trustedKeys }: VerifyContext): Promise<Outside> {
  const heads = new Map<bigint, string>();
  const keys = new Set(trustedKeys.map(hexOf));
  for await (const checkpoint of checkpoints ?? []) {
    if (checkpoint.shard !== onlyShard) continue;
    if (checkpoint.kind === 'sealed') {
      heads.set(checkpoint.ordinal, checkpoint.head);
      keys.add(checkpoint.publicKey);
      continue;
    }
    for (const ordinal of [...heads.keys()].toReversed()) {
      if (ordinal <= checkpoint.ordinal) break;
      heads.delete(ordinal);
    }
  }
  return { heads, keys: keys.size === 0 ? null : keys };
}

/** Walks the chain block by block, with each table's place in it. */
class Walk {
  readonly #points = new Map<string, SealPoint | null>(
    newestRelations.map(({ table }) => [table, sealBeginning]),
  );
  before: SealRow | null = null;
  watermark = 0n;
  rows = 0;

  /** A block is gone: nobody knows of which table it was. */
  lose(): void {
    for (const table of this.#points.keys()) this.#points.set(table, null);
  }

  async *rowsOf(tx: Transaction, seal: SealRow): AsyncGenerator<DoctorFinding> {
    if (!/^\d{1,19}$/.test(seal.xactBelow)) return;
    const below = BigInt(seal.xactBelow);
    if (seal.relation === watermarkRelation) {
      if (below > this.watermark) this.watermark = below;
      return;
    }
    const relation = relationNamed(seal.relation);
    const keys = relation === null ? null : keysOf(seal, relation);
    if (relation === null || keys === null) {
      this.lose();
      const message = 'Its keys cannot be read, so its rows cannot be looked up.';
      yield { code: 'SEAL_BLOCK_EDITED', subject: sealSubject(seal), message };
      return;
    }
    const from = this.#points.get(relation.table) ?? null;
    const to = endOf(below, keys);
    yield* verifyRows(tx, { seal, relation, keys, from, to });
    this.#points.set(relation.table, to);
    this.rows += keys.length;
  }

  /** Rows that came in behind the newest pass, which looked at every table. */
  async *rest(tx: Transaction): AsyncGenerator<DoctorFinding> {
    const to = { xact: this.watermark, key: null };
    for (const relation of newestRelations) {
      const from = this.#points.get(relation.table) ?? null;
      if (from === null) continue;
      const limit = sealFindingsMax + 1;
      for (const row of await readSealable(tx, relation, { from, to, limit })) {
        yield insertedFinding(relation, row);
      }
    }
  }
}

function* againstOutside(seal: SealRow, heads: Map<bigint, string>): Generator<DoctorFinding> {
  const head = heads.get(seal.ordinal);
  heads.delete(seal.ordinal);
  if (head === undefined || head === hexOf(seal.head)) return;
  const message = `The checkpoint says ${head}: the chain was made anew up to here.`;
  yield { code: 'SEAL_CHAIN_REBUILT', subject: sealSubject(seal), message };
}

function* findCut({ before }: Walk, heads: Map<bigint, string>): Generator<DoctorFinding> {
  let newest = before?.ordinal ?? 0n;
  const end = newest;
  for (const ordinal of heads.keys()) if (ordinal > newest) newest = ordinal;
  if (newest === end) return;
  const message =
    `The chain ends at block ${end}; a checkpoint knows block ${newest}. Its tail was cut, or ` +
    'the database came back from a backup.';
  yield { code: 'SEAL_CHAIN_CUT', subject: `seal/${onlyShard}/${newest}`, message };
}

/** Works out everything that was sealed anew, in pages, and names what is not as it was. */
export async function* verifySeals(context: VerifyContext): AsyncGenerator<DoctorFinding> {
  const { tx } = context;
  const { heads, keys: trusted } = await readOutside(context);
  const keyRows = await readSigningKeys(tx);
  yield* findWrongKeys(keyRows);
  const stored = new Map(keyRows.map(({ keyId, publicKey }) => [hexOf(keyId), publicKey]));
  const keys: SealKeys = { stored, trusted };
  const walk = new Walk();
  let after = { afterShard: -32_768, afterOrdinal: 0n };
  for (;;) {
    const seals = await readSeals(tx, { ...after, limit: sealsPerPage });
    const last = seals.at(-1);
    if (last === undefined) break;
    for (const seal of seals) {
      yield* findBlockFaults(seal, walk.before, keys);
      if (seal.shard !== onlyShard) continue;
      yield* againstOutside(seal, heads);
      if (seal.ordinal !== (walk.before?.ordinal ?? 0n) + 1n) walk.lose();
      yield* walk.rowsOf(tx, seal);
      walk.before = seal;
      context.onProgress(walk.rows);
    }
    after = { afterShard: last.shard, afterOrdinal: last.ordinal };
  }
  yield* walk.rest(tx);
  yield* findCut(walk, heads);
}
