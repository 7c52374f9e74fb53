import { integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';
import { copyInto } from './copy.ts';
import type { TransferCode } from './tables/ledger.ts';

/** Postings in bulk: transfers by COPY, balances by one statement in a fixed lock order. */

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

export async function insertTransfers(
  tx: Statement,
  rows: readonly TransferRow[],
  postedAtMs: number,
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
      { name: 'posted_at', type: 'instant', values: rows.map(() => postedAtMs) },
    ],
    rows.length,
  );
}

type BalanceRow = { account_id: number; balance_micros: bigint };

/** Locked in the order of the ids, so that two commits never wait for each other in a circle. */
function addToBalances(
  tx: Statement,
  moves: readonly (readonly [number, bigint])[],
): Promise<BalanceRow[]> {
  return tx<BalanceRow[]>`
    with locked as materialized (
      select b.account_id, u.delta from unnest(
        ${integersOf(moves.map(([accountId]) => accountId))}::int4[],
        ${integersOf(moves.map(([, delta]) => delta))}::int8[]
      ) as u(account_id, delta) join account_balance b using (account_id)
      order by b.account_id for update of b
    )
    update account_balance b set balance_micros = b.balance_micros + l.delta
    from locked l where b.account_id = l.account_id
    returning b.account_id, b.balance_micros`;
}

/** Adds to balances and returns them as they are then; a delta of zero only reads. */
export async function moveBalances(
  tx: Statement,
  deltas: ReadonlyMap<number, bigint>,
): Promise<Map<number, bigint>> {
  const moves = [...deltas].filter(([, delta]) => delta !== 0n);
  const still = [...deltas].filter(([, delta]) => delta === 0n).map(([accountId]) => accountId);
  const moved = moves.length === 0 ? [] : await addToBalances(tx, moves);
  const read =
    still.length === 0
      ? []
      : await tx<BalanceRow[]>`
          select account_id, balance_micros from account_balance
          where account_id = any(${integersOf(still)}::int4[])`;
  if (moved.length + read.length !== deltas.size) {
    throw new Error('ACCOUNT_WITHOUT_BALANCE: an account of this commit has no balance row');
  }
  return new Map([...moved, ...read].map((row) => [row.account_id, row.balance_micros]));
}
