import postgres from 'postgres';
import { connect } from '../src/db/connect.ts';
import type { Sql } from '../src/db/connect.ts';
import { copyInto } from '../src/db/copy.ts';
import { integersOf } from '../src/db/arrays.ts';
import { postTransfers } from '../src/db/postings.ts';
import type { TransferRow } from '../src/db/postings.ts';
import { promptSocket } from '../src/db/promptSocket.ts';
import { assert } from '../src/domain/assert.ts';
import { transferId } from '../src/operations/rating/postCharges.ts';
import type { Place } from './place.ts';
import { compare, sideBySide, timed } from './sideBySide.ts';
import type { Result, Side } from './sideBySide.ts';

export type LedgerSize = { accounts: number; batchesPerRound: number; rounds: number };

export const ledgerSize: LedgerSize = { accounts: 10_000, batchesPerRound: 10, rounds: 7 };

const ours = 'transfers with balances';
const bare = 'bare COPY + UPDATE';
const unchecked = 'transfers without their check';
const atMs = Date.UTC(2026, 2, 1);

type Batch = { readonly rows: readonly TransferRow[]; readonly deltas: Map<number, bigint> };

/** Company 1 with customers and its revenue; ledger account 1 is the revenue. */
async function setUp(owner: postgres.Sql, accounts: number): Promise<void> {
  await owner.unsafe(`
    insert into company (id, name) overriding system value values (1, 'Bench');
    insert into customer (id, company_id, name) overriding system value values (1, 1, 'All');
    insert into account (id, company_id, customer_id, number, currency) overriding system value
      select i, 1, 1, 'A-' || i, 'EUR' from generate_series(1, ${accounts}) i;
    insert into account_balance (account_id, company_id, balance_micros)
      select id, 1, 0 from account;
    insert into ledger_account (id, company_id, code, currency) overriding system value
      values (1, 1, 'energy_revenue', 'EUR');
    insert into ledger_account (id, company_id, code, currency, account_id)
      overriding system value
      select 1 + id, 1, 'customer', 'EUR', id from account;
    create table bare_transfer as select * from transfer with no data;
    create table bare_balance (account_id int4 primary key, balance_micros int8 not null)
      with (fillfactor = 50);
    insert into bare_balance select id, 0 from account;
    grant select, insert, truncate on bare_transfer to joulebook_writer;
    grant select, update on bare_balance to joulebook_writer;
    analyze`);
}

/** One charge of each account, as a rater's commit posts them. */
function batchOf(accounts: number, position: bigint): Batch {
  const cause = { kind: 'log', shard: 0, position } as const;
  const deltas = new Map<number, bigint>();
  const rows = Array.from({ length: accounts }, (_, index) => {
    const accountId = index + 1;
    const amountMicros = BigInt(1_000 + index);
    deltas.set(accountId, -amountMicros);
    return {
      id: transferId(cause, index),
      companyId: 1,
      currency: 'EUR',
      debitId: accountId + 1,
      creditId: 1,
      amountMicros,
      code: 'energy',
      accountId,
      agreementId: accountId,
      meterId: accountId,
      periodStartMs: atMs,
      tariffVersionId: 1,
      logShard: 0,
      logPosition: position,
    } as const;
  });
  return { rows, deltas };
}

/** The same rows into a table without a key, an index or a trigger. */
async function postBare(sql: Sql, { rows, deltas }: Batch): Promise<void> {
  await sql.begin(async (tx) => {
    await copyInto(
      tx,
      'bare_transfer',
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
        { name: 'posted_at', type: 'instant', values: rows.map(() => atMs) },
      ],
      rows.length,
    );
    await tx`
      update bare_balance b set balance_micros = b.balance_micros + m.delta
      from unnest(${integersOf([...deltas.keys()])}::int4[],
                  ${integersOf([...deltas.values()])}::int8[]) as m(account_id, delta)
      where b.account_id = m.account_id`;
  });
}

async function post(sql: Sql, { rows, deltas }: Batch): Promise<void> {
  await sql.begin(async (tx) => {
    await postTransfers(tx, rows, { deltas, postedAtMs: atMs });
  });
}

async function verify(sql: Sql): Promise<string> {
  const [row] = await sql<{ transfers: bigint; owed: bigint; entries: bigint }[]>`
    select (select count(*) from transfer) as transfers,
           (select -sum(balance_micros)::int8 from account_balance) as owed,
           (select sum(amount_micros)::int8 from transfer) as entries`;
  assert(row !== undefined && row.owed === row.entries, 'the balances are their entries');
  return `${row.transfers} transfers, ${row.owed} micros owed and posted`;
}

/**
 * A batch of transfers with the balances that follow from them in one commit, beside the same rows
 * in a table without key, index and check, with the same balances moved; and without the check of
 * both sides, which is one join a statement.
 */
export async function ledger(place: Place, size: LedgerSize): Promise<Result[]> {
  const { accounts, batchesPerRound, rounds } = size;
  const url = await place.freshDatabase('ledger');
  const owner = postgres(url, { ...promptSocket, max: 1, onnotice: () => {} });
  const writer = await connect(url, {
    role: 'joulebook_writer',
    connectionsMax: 1,
    name: 'ledger',
  });
  try {
    await setUp(owner, accounts);
    let position = 0n;
    const side = (
      name: string,
      work: (sql: Sql, batch: Batch) => Promise<void>,
      trigger: 'enable' | 'disable',
    ): Side => ({
      name,
      run: async () => {
        await owner.unsafe(`alter table transfer ${trigger} trigger transfer_accounts`);
        const batches = Array.from({ length: batchesPerRound }, () => {
          position += 1n;
          return batchOf(accounts, position);
        });
        return timed(accounts * batchesPerRound, async () => {
          for (const batch of batches) await work(writer.sql, batch);
        });
      },
    });
    const sides = [
      side(ours, post, 'enable'),
      side(bare, postBare, 'enable'),
      side(unchecked, post, 'disable'),
    ];
    const rates = await sideBySide(sides, { rounds, onProgress: place.onProgress });
    const verified = await verify(writer.sql);
    const line = { unit: 'transfers/s', verified, side: ours };
    return [
      compare(rates, { ...line, name: 'ledger transfers in batches', against: bare, target: 0.7 }),
      compare(rates, { ...line, name: 'ledger with its check', against: unchecked, target: null }),
    ];
  } finally {
    await writer.close();
    await owner.end();
  }
}
