import type { Transaction } from '../../db/connect.ts';
import type { SealedRelation } from '../../db/sealedRelations.ts';
import { findSealable, readSealable } from '../../db/seals.ts';
import type { SealPoint, SealRow, SealableRow } from '../../db/seals.ts';
import { sealFindingsMax } from '../../domain/sealLimits.ts';
import { hashBytes, rowHash } from '../../wire/sealBytes.ts';
import type { DoctorFinding } from '../doctor/check.ts';
import type { SealedKey } from './chain.ts';

function keyText(key: readonly string[]): string {
  return key.join('/');
}

export function rowSubject(relation: SealedRelation, key: readonly string[]): string {
  return `${relation.table}/${keyText(key)}`;
}

export function insertedFinding(
  relation: SealedRelation,
  { key, xact }: SealableRow,
): DoctorFinding {
  const message =
    `It says that transaction ${xact} wrote it. All rows of that one were sealed, and it was not ` +
    'among them: it was put there later.';
  return { code: 'SEAL_ROW_INSERTED', subject: rowSubject(relation, key), message };
}

export type BlockOfRows = {
  readonly seal: SealRow;
  readonly relation: SealedRelation;
  readonly keys: readonly SealedKey[];
  /** What the table's block before has sealed; null: that is not known. */
  readonly from: SealPoint | null;
  readonly to: SealPoint;
};

async function* findMissing(
  tx: Transaction,
  { seal, relation }: BlockOfRows,
  { xact, key }: SealedKey,
): AsyncGenerator<DoctorFinding> {
  const subject = rowSubject(relation, key);
  const block = `block ${seal.ordinal}`;
  const row = await findSealable(tx, relation, key);
  if (row === null) {
    const message = `It was sealed in ${block} and is gone.`;
    yield { code: 'SEAL_ROW_DELETED', subject, message };
    return;
  }
  const message = `Sealed in ${block} as of transaction ${xact}, it now says ${row.xact}.`;
  yield { code: 'SEAL_ROW_EDITED', subject, message };
}

/** Rows of a block's stretch that are not as they were sealed, are gone, or came in later. */
export async function* verifyRows(
  tx: Transaction,
  block: BlockOfRows,
): AsyncGenerator<DoctorFinding> {
  const { seal, relation, keys, to } = block;
  const from = block.from ?? { xact: keys[0]?.xact ?? to.xact, key: null };
  const limit = keys.length + sealFindingsMax + 1;
  const rows = await readSealable(tx, relation, { from, to, limit });
  const there = new Map(rows.map((row) => [keyText(row.key), row]));
  for (const [at, sealed] of keys.entries()) {
    const text = keyText(sealed.key);
    const row = there.get(text);
    there.delete(text);
    if (row === undefined) {
      yield* findMissing(tx, block, sealed);
      continue;
    }
    const hash = seal.hashes.subarray(at * hashBytes, (at + 1) * hashBytes);
    if (rowHash(relation.name, row.fields).equals(hash)) continue;
    const message = `Its columns are not those that were sealed in block ${seal.ordinal}.`;
    yield { code: 'SEAL_ROW_EDITED', subject: rowSubject(relation, sealed.key), message };
  }
  // Without the block before, its own rows cannot be told from rows that came in later.
  if (block.from === null) return;
  for (const row of there.values()) yield insertedFinding(relation, row);
}
