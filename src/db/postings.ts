import { assert } from '../domain/assert.ts';
import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { copyInto } from './copy.ts';
import type { TransferCode } from './tables/ledger.ts';

/** Postings in bulk: balances by one statement in a fixed lock order, then transfers by COPY. */

export type TransferRow = {
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly companyId: number;
  readonly currency: string;
  readonly debitId: number;
  readonly creditId: number;
  /** Above zero. */
  readonly amountMicros: bigint;
  readonly code: TransferCode;
  readonly accountId: number;
  readonly agreementId: number;
  readonly meterId: number;
  readonly periodStartMs: number;
  readonly tariffVersionId: number;
  readonly logShard: number;
  readonly logPosition: bigint;
};

async function insertTransfers(
  tx: Statement,
  rows: readonly TransferRow[],
  postedAtMicros: readonly bigint[],
): Promise<void> {
  await copyInto(
    tx,
    'transfer',
    [
      { name: 'id', type: 'uuid', values: rows.map((row) => row.id) },
      { name: 'company_id', type: 'int4', values: rows.map((row) => row.companyId) },
      { name: 'currency', type: 'text', values: rows.map((row) => row.currency) },
      { name: 'debit_id', type: 'int4', values: rows.map((row) => row.debitId) },
      { name: 'credit_id', type: 'int4', values: rows.map((row) => row.creditId) },
      { name: 'amount_micros', type: 'int8', values: rows.map((row) => row.amountMicros) },
      { name: 'code', type: 'text', values: rows.map((row) => row.code) },
      { name: 'account_id', type: 'int4', values: rows.map((row) => row.accountId) },
      { name: 'agreement_id', type: 'int4', values: rows.map((row) => row.agreementId) },
      { name: 'meter_id', type: 'int4', values: rows.map((row) => row.meterId) },
      { name: 'period_start', type: 'instant', values: rows.map((row) => row.periodStartMs) },
      { name: 'tariff_version_id', type: 'int4', values: rows.map((row) => row.tariffVersionId) },
      { name: 'log_shard', type: 'int2', values: rows.map((row) => row.logShard) },
      { name: 'log_position', type: 'int8', values: rows.map((row) => row.logPosition) },
      { name: 'posted_at', type: 'microInstant', values: postedAtMicros },
    ],
    rows.length,
  );
}

type BalanceRow = { account_id: number; balance_micros: bigint };
type Move = { readonly accountId: number; readonly deltaMicros: bigint; readonly count: number };

/**
 * Locked in the order of the ids, so that two commits never wait for each other in a circle. As
 * many transfers as an account has take their places behind its last one.
 */
function addToBalances(
  tx: Statement,
  moves: readonly Move[],
  postedAtMs: number,
): Promise<(BalanceRow & { posted_at_micros: bigint })[]> {
  return tx<(BalanceRow & { posted_at_micros: bigint })[]>`
    with locked as materialized (
      select b.account_id, u.delta, u.count from unnest(
        ${integersOf(moves.map(({ accountId }) => accountId))}::int4[],
        ${integersOf(moves.map(({ deltaMicros }) => deltaMicros))}::int8[],
        ${integersOf(moves.map(({ count }) => count))}::int4[]
      ) as u(account_id, delta, count) join account_balance b using (account_id)
      order by b.account_id for update of b
    )
    update account_balance b
    set balance_micros = b.balance_micros + l.delta,
        posted_at = greatest(b.posted_at, ${new Date(postedAtMs)} - interval '1 microsecond')
                    + l.count * interval '1 microsecond'
    from locked l where b.account_id = l.account_id
    returning b.account_id, b.balance_micros,
              (extract(epoch from b.posted_at) * 1000000)::int8 as posted_at_micros`;
}

/**
 * Posts transfers and moves their accounts' balances, which it returns as they are then. Each
 * transfer stands behind the last one of its account, whenever its commit began: under the lock of
 * the balance, so that a statement shows balances that there were.
 */
export async function postTransfers(
  tx: Statement,
  rows: readonly TransferRow[],
  posting: {
    /** By account, those of the rows among them; a delta of zero without a row only reads. */
    readonly deltas: ReadonlyMap<number, bigint>;
    readonly postedAtMs: number;
  },
): Promise<Map<number, bigint>> {
  const { deltas, postedAtMs } = posting;
  const counts = new Map<number, number>();
  for (const { accountId } of rows) counts.set(accountId, (counts.get(accountId) ?? 0) + 1);
  const moves: Move[] = [];
  const still: number[] = [];
  for (const [accountId, deltaMicros] of deltas) {
    const count = counts.get(accountId) ?? 0;
    if (count > 0) moves.push({ accountId, deltaMicros, count });
    else still.push(accountId);
  }
  const moved = moves.length === 0 ? [] : await addToBalances(tx, moves, postedAtMs);
  const read =
    still.length === 0
      ? []
      : await tx<BalanceRow[]>`
          select account_id, balance_micros from account_balance
          where account_id = any(${integersOf(still)}::int4[])`;
  if (moved.length + read.length !== deltas.size) {
    throw new Error('ACCOUNT_WITHOUT_BALANCE: an account of this commit has no balance row');
  }
  const nextMicros = new Map(
    moved.map((row) => [
      row.account_id,
      row.posted_at_micros - BigInt((counts.get(row.account_id) ?? 0) - 1),
    ]),
  );
  const places = rows.map(({ accountId }) => {
    const place = nextMicros.get(accountId);
    assert(place !== undefined, 'each transfer of a commit moves its account');
    nextMicros.set(accountId, place + 1n);
    return place;
  });
  await insertTransfers(tx, rows, places);
  return new Map([...moved, ...read].map((row) => [row.account_id, row.balance_micros]));
}
