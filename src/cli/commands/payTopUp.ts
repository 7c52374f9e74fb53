import { randomUUID } from 'node:crypto';
import { ringBell } from '../../db/bells.ts';
import type { Sql } from '../../db/connect.ts';
import { wakeReaders } from '../../db/events.ts';
import type { Bell } from '../../domain/bell.ts';
import { formatMicros } from '../../domain/exact.ts';
import { accept } from '../../domain/outcome.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { topUp } from '../../operations/topUp.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { accountNumbered, companyNamed, staffViewer } from '../viewer.ts';

export type TopUpOptions = {
  readonly company: string;
  readonly account: string;
  readonly amount: string;
  readonly currency: string;
  readonly key: string | undefined;
  readonly database: string | undefined;
};

async function findIds(sql: Sql, { company, account }: TopUpOptions) {
  const companyId = await companyNamed(sql, company);
  if (!companyId.ok) return companyId;
  const accountId = await accountNumbered(sql, { companyId: companyId.value, number: account });
  if (!accountId.ok) return accountId;
  return accept({ companyId: companyId.value, accountId: accountId.value });
}

/** After the commit: whoever tells of balances or sends commands need not wait for its sweep. */
function ring(sql: Sql, bell: Bell): Promise<void> {
  return bell.kind === 'events' ? wakeReaders(sql, bell.shard) : ringBell(sql, bell);
}

/** A payment at the counter. Without a key of its own each call is another payment. */
export async function payTopUp(options: TopUpOptions): Promise<Answer> {
  const url = databaseUrl(options.database);
  const ids = await withDatabase(url, 'joulebook_writer', (sql) => findIds(sql, options));
  if (!ids.ok) return ids;
  const { companyId, accountId } = ids.value;
  const idempotencyKey = options.key ?? randomUUID();
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const bells: Bell[] = [];
    const paid = await topUp(
      { sql, clock: { nowMs: Date.now }, wake: (bell) => bells.push(bell) },
      staffViewer(companyId, 'operator'),
      { idempotencyKey, accountId, amount: options.amount, currency: options.currency },
    );
    if (!paid.ok) return paid;
    for (const bell of bells) await ring(sql, bell);
    const { transferId, amountMicros, balanceMicros, currency, isReplay } = paid.value;
    const digits = minorDigitsOf(currency);
    const amount = formatMicros(amountMicros, digits);
    const balance = formatMicros(balanceMicros, digits);
    const done = isReplay ? 'had been paid before under this key' : 'paid';
    return accept({
      sentence: `${options.account}: ${amount} ${currency} ${done}; the balance then: ${balance}.`,
      facts: { transferId, amount, balance, currency, isReplay, idempotencyKey },
    });
  });
}
