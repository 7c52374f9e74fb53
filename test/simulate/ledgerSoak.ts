import postgres from 'postgres';
import { connect } from '../../src/db/connect.ts';
import type { Transaction } from '../../src/db/connect.ts';
import { findLedgerAccount, lockAccounts, postTransfer } from '../../src/db/ledger.ts';
import { endPending, pendTransfer } from '../../src/db/pending.ts';
import { postTransfers } from '../../src/db/postings.ts';
import { doctorChecks } from '../../src/operations/doctor/checks.ts';
import { runDoctor } from '../../src/operations/doctor/runDoctor.ts';
import { drawBatch } from './ledgerWorkload.ts';
import type { Books, Draw, Drawn } from './ledgerWorkload.ts';
import { SeededRandom } from './seededRandom.ts';

/**
 * Random money over a ledger at once from several connections, some of which are killed at random
 * moments; whoever is killed does the same again. Beside it runs a model that only adds.
 */

export type SoakOptions = {
  /** Of a superuser, of an empty migrated database. */
  readonly url: string;
  readonly seed: number;
  readonly operations: number;
  readonly accounts: number;
  readonly connections: number;
  readonly onProgress: (done: number) => void;
};

export type SoakOutcome = {
  readonly operations: number;
  readonly transfers: number;
  readonly kills: number;
  readonly repeats: number;
  /** What the model and the doctor's checks found: nothing, or the ledger is broken. */
  readonly breaches: readonly string[];
};

type Owner = postgres.Sql<{ bigint: bigint }>;

const companyId = 1;

async function setUp(owner: Owner, accounts: number): Promise<Books> {
  await owner`insert into company (id, name) overriding system value values (${companyId}, 'Soak')`;
  await owner`insert into customer (id, company_id, name) overriding system value
              values (1, ${companyId}, 'Everybody')`;
  await owner`insert into account (id, company_id, customer_id, number, currency)
              overriding system value
              select i, ${companyId}, 1, 'S-' || i, case when i % 5 = 0 then 'USD' else 'EUR' end
              from generate_series(1, ${accounts}) i`;
  await owner`insert into account_balance (account_id, company_id, balance_micros)
              select id, company_id, 0 from account`;
  const customers: Books['customers'][number][] = [];
  for (let accountId = 1; accountId <= accounts; accountId += 1) {
    const currency = accountId % 5 === 0 ? 'USD' : 'EUR';
    const of = { companyId, currency, accountId };
    customers.push({
      accountId,
      currency,
      customerId: await findLedgerAccount(owner, { ...of, code: 'customer' }),
      debtId: await findLedgerAccount(owner, { ...of, code: 'debt' }),
    });
  }
  const houses = new Map<string, number>();
  for (const currency of ['EUR', 'USD']) {
    for (const code of [
      'bank',
      'energy_revenue',
      'suspense',
      'adjustments',
      'write_offs',
    ] as const) {
      houses.set(
        `${code} ${currency}`,
        await findLedgerAccount(owner, { companyId, currency, code }),
      );
    }
  }
  return { companyId, customers, houses };
}

async function doOne(tx: Transaction, operation: Drawn): Promise<void> {
  switch (operation.kind) {
    case 'transfer':
      await postTransfer(tx, operation.transfer);
      return;
    case 'pend':
      await pendTransfer(tx, operation.pending);
      return;
    case 'end': {
      const ended = await endPending(tx, operation.end);
      if (!ended.ok) throw new Error(`${ended.code}: ${ended.message}`);
      return;
    }
    case 'reuse':
      // In a transaction of its own, after the batch.
      return;
  }
}

async function doBatch(tx: Transaction, draw: Draw): Promise<void> {
  await lockAccounts(tx, { companyId, accountIds: draw.accountIds });
  if (draw.bulk.length > 0) {
    // COPY knows no "on conflict": a rater is guarded by its cursor, this by its first row.
    const first = draw.bulk[0];
    const [known] = await tx`select from transfer where id = ${draw.bulkFirstId}::uuid`;
    if (known === undefined && first !== undefined) {
      await postTransfers(tx, draw.bulk, { deltas: draw.bulkDeltas, postedAtMs: draw.atMs });
    }
  }
  for (const operation of draw.singles) await doOne(tx, operation);
}

/** Other content under a known id is refused, and nothing of it stays. */
async function reuse(tx: Transaction, { singles }: Draw): Promise<void> {
  for (const operation of singles) {
    if (operation.kind !== 'reuse') continue;
    await postTransfer(tx, operation.transfer);
    throw new Error(`REUSE_TAKEN: ${operation.transfer.id}`);
  }
}

function isRefusedReuse(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('TRANSFER_REUSED');
}

/** Ends a random connection of the soak now and then, wherever it is. */
async function kill(owner: Owner, name: string): Promise<number> {
  const rows = await owner<{ killed: boolean }[]>`
    select pg_terminate_backend(pid) as killed from pg_stat_activity
    where application_name = ${name} and datname = current_database()
    order by random() limit 1`;
  return rows.filter(({ killed }) => killed).length;
}

async function findBreaches(owner: Owner, url: string, expected: Expected): Promise<string[]> {
  const rows = await owner<{ accountId: number; balance: bigint; reserved: bigint }[]>`
    select account_id as "accountId", balance_micros as balance, reserved_micros as reserved
    from account_balance order by account_id`;
  const breaches: string[] = [];
  for (const { accountId, balance, reserved } of rows) {
    const wanted = expected.balances.get(accountId) ?? 0n;
    const held = expected.reserved.get(accountId) ?? 0n;
    if (balance !== wanted) breaches.push(`account ${accountId}: ${balance}, not ${wanted}`);
    if (reserved !== held) breaches.push(`account ${accountId} reserves ${reserved}, not ${held}`);
  }
  const [row] = await owner<{ transfers: number }[]>`
    select count(*)::int4 as transfers from transfer`;
  if (row?.transfers !== expected.transfers) {
    breaches.push(`${row?.transfers} transfers, not ${expected.transfers}`);
  }
  const writer = await connect(url, {
    role: 'joulebook_writer',
    connectionsMax: 1,
    name: 'doctor',
  });
  try {
    const deps = { sql: writer.sql, nowMs: expected.atMs, onStep: () => {} };
    // Its transfers are posted by no operation, so nothing audits them or keeps debts to payments.
    const checks = doctorChecks.filter(({ name: of }) => of !== 'audit' && of !== 'debts');
    for (const { findings } of await runDoctor(deps, checks)) {
      breaches.push(...findings.map(({ code, subject }) => `${code} ${subject}`));
    }
  } finally {
    await writer.close();
  }
  return breaches;
}

type Expected = {
  readonly balances: Map<number, bigint>;
  readonly reserved: Map<number, bigint>;
  transfers: number;
  readonly atMs: number;
};

function take(expected: Expected, draw: Draw): void {
  const { balances, reserved } = expected;
  for (const [accountId, delta] of draw.expectedDeltas) {
    balances.set(accountId, (balances.get(accountId) ?? 0n) + delta);
  }
  for (const [accountId, delta] of draw.expectedReserves) {
    reserved.set(accountId, (reserved.get(accountId) ?? 0n) + delta);
  }
  expected.transfers += draw.expectedTransfers;
}

export async function ledgerSoak(options: SoakOptions): Promise<SoakOutcome> {
  const { url, seed, operations, connections } = options;
  const owner = postgres(url, { max: 2, onnotice: () => {}, types: { bigint: postgres.BigInt } });
  const name = `soak ${seed}`;
  const writer = await connect(url, {
    role: 'joulebook_writer',
    connectionsMax: connections,
    name,
  });
  const books = await setUp(owner, options.accounts);
  const atMs = Date.UTC(2026, 2, 1);
  const expected: Expected = { balances: new Map(), reserved: new Map(), transfers: 0, atMs };
  let begun = 0;
  let done = 0;
  let kills = 0;
  let repeats = 0;
  /** Until it is done, however often the connection is lost. */
  const surely = async (what: (tx: Transaction) => Promise<void>): Promise<void> => {
    for (;;) {
      try {
        await writer.sql.begin(what);
        return;
      } catch (error) {
        if (!isLoss(error)) throw error;
        repeats += 1;
      }
    }
  };
  const work = async (worker: number): Promise<void> => {
    const random = new SeededRandom(seed * 1_000 + worker);
    const mine = { pendings: [], corrigible: [], known: [] };
    while (begun < operations) {
      const size = Math.min(operations - begun, random.chance(0.3) ? 1_000 : 40);
      begun += size;
      const draw = drawBatch(books, mine, { random, size, atMs });
      if (random.chance(0.1)) setTimeout(() => void killOne(), random.below(20));
      await surely((tx) => doBatch(tx, draw));
      // What was done once is sometimes done again, as after a lost answer.
      if (random.chance(0.05)) {
        repeats += 1;
        await surely((tx) => doBatch(tx, draw));
      }
      await surely((tx) => reuse(tx, draw)).catch((error: unknown) => {
        if (!isRefusedReuse(error)) throw error;
      });
      take(expected, draw);
      done += size;
      options.onProgress(done);
    }
  };
  const killOne = async (): Promise<void> => {
    kills += await kill(owner, name).catch(() => 0);
  };
  try {
    await Promise.all(Array.from({ length: connections }, (_, worker) => work(worker)));
    await writer.close();
    const breaches = await findBreaches(owner, url, expected);
    return { operations: done, transfers: expected.transfers, kills, repeats, breaches };
  } finally {
    await owner.end();
  }
}

function isLoss(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    /^(?:CONNECTION_|57P|ECONNRESET|EPIPE)/.test(String(error.code))
  );
}
