import type { SequencedBlock, Subject, SubjectEvent } from '../db/events.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { tailBlocksMax, tailRowsMax } from '../domain/limits.ts';

type Rows = ReadonlyMap<number, readonly number[]>;

/** A block at hand, with its rows by meter and by account once somebody has asked for them. */
type KeptBlock = { readonly block: SequencedBlock; meters: Rows | null; accounts: Rows | null };

function rowsById(ids: ArrayLike<number>): Rows {
  const rows = new Map<number, number[]>();
  for (let row = 0; row < ids.length; row += 1) {
    const known = rows.get(ids[row]);
    if (known === undefined) rows.set(ids[row], [row]);
    else known.push(row);
  }
  return rows;
}

function rowsOf(kept: KeptBlock, subject: Subject): readonly number[] {
  if (subject.meterId !== undefined) {
    kept.meters ??= rowsById(kept.block.meterIds);
    return kept.meters.get(subject.meterId) ?? [];
  }
  kept.accounts ??= rowsById(kept.block.accountIds);
  return kept.accounts.get(subject.accountId) ?? [];
}

/** What the view subject_event would show this viewer of the block. */
function subjectEventOf(kept: KeptBlock, viewer: Viewer, subject: Subject): SubjectEvent | null {
  const { block } = kept;
  if (block.companyId !== viewer.companyId) return null;
  let newestRow = -1;
  let energyWh = 0n;
  let chargedMicros = 0n;
  for (const row of rowsOf(kept, subject)) {
    const isOwn = viewer.role !== 'subscriber' || block.accountIds[row] === viewer.accountId;
    if (!isOwn) continue;
    if (newestRow === -1 || block.readAtMs[row] > block.readAtMs[newestRow]) newestRow = row;
    energyWh += block.energyWh[row];
    chargedMicros += block.chargedMicros[row];
  }
  if (newestRow === -1) return null;
  return {
    shard: block.shard,
    sequence: block.sequence,
    kind: block.kind,
    atMs: block.atMs,
    accountId: block.accountIds[newestRow],
    readAtMs: block.readAtMs[newestRow],
    registerWh: block.registerWh[newestRow],
    powerW: block.powerW[newestRow],
    energyWh,
    chargedMicros,
    balanceMicros: block.balanceMicros[newestRow],
    detail: block.detail,
  };
}

/** The newest blocks of one shard, bounded; whoever is behind them reads the log. */
export function createRecentBlocks(head: bigint) {
  let kept: KeptBlock[] = [];
  let rowCount = 0;
  let newest = head;
  return {
    newest: (): bigint => newest,
    add(block: SequencedBlock): void {
      // Numbers have no holes; if one were missing, what is at hand would not be the whole.
      if (block.sequence !== newest + 1n) {
        kept = [];
        rowCount = 0;
      }
      kept.push({ block, meters: null, accounts: null });
      rowCount += block.meterIds.length;
      newest = block.sequence;
      while (kept.length > tailBlocksMax || (rowCount > tailRowsMax && kept.length > 1)) {
        rowCount -= kept.shift()?.block.meterIds.length ?? 0;
      }
    },
    /** A subject's events after a number, or null when that lies before what is at hand. */
    read(viewer: Viewer, subject: Subject, after: bigint): readonly SubjectEvent[] | null {
      if (after >= newest) return [];
      const first = kept[0]?.block.sequence ?? newest + 1n;
      if (after + 1n < first) return null;
      return kept
        .slice(Number(after + 1n - first))
        .map((each) => subjectEventOf(each, viewer, subject))
        .filter((event) => event !== null);
    },
  };
}
