import { randomUUID } from 'node:crypto';
import { ringBell } from '../../db/bells.ts';
import type { Sql } from '../../db/connect.ts';
import { wakeReaders } from '../../db/events.ts';
import { pagePayments, pageUnallocated } from '../../db/paymentReads.ts';
import type { PaymentView } from '../../db/paymentReads.ts';
import { asViewer } from '../../db/viewer.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import type { Bell } from '../../domain/bell.ts';
import { formatMicros } from '../../domain/exact.ts';
import type { AccountId, CompanyId } from '../../domain/ids.ts';
import { pageSizeMax } from '../../domain/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import { allocatePayment } from '../../operations/payments/allocatePayment.ts';
import { netOf } from '../../operations/payments/postSteps.ts';
import { refundPayment } from '../../operations/payments/refundPayment.ts';
import type { RequestedRefund } from '../../operations/payments/refundPayment.ts';
import type { ProviderDeps } from '../../operations/payments/startPayment.ts';
import { providersWith } from '../../providers/paymentProviders.ts';
import type { Answer, Told } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { accountNumbered, companyNamed, staffViewer } from '../viewer.ts';
import { wholeNumber } from '../wholeNumber.ts';

type Common = {
  readonly company: string;
  readonly database: string | undefined;
  readonly data: string | undefined;
};

export type ListPaymentsOptions = Common & {
  readonly account: string | undefined;
  readonly limit: string;
};

export type RefundOptions = Common & {
  readonly reason: string;
  readonly amount: string | undefined;
  readonly key: string | undefined;
};

export type AllocateOptions = Common & {
  readonly account: string;
  readonly reason: string;
  readonly key: string | undefined;
};

type Ground = {
  readonly deps: ProviderDeps;
  readonly viewer: Viewer;
  /** The id of an account of the company. */
  readonly accountId: number | null;
};

async function withPayments<Code extends string>(
  options: Common & { readonly account?: string | undefined },
  work: (ground: Ground) => Promise<Outcome<Told, Code>>,
): Promise<Answer> {
  const url = databaseUrl(options.database);
  type Found = Outcome<
    { companyId: CompanyId; accountId: AccountId | null },
    'COMPANY_NOT_FOUND' | 'ACCOUNT_NOT_FOUND'
  >;
  const find = async (sql: Sql): Promise<Found> => {
    const company = await companyNamed(sql, options.company);
    if (!company.ok) return company;
    const companyId = company.value;
    if (options.account === undefined) return accept({ companyId, accountId: null });
    const account = await accountNumbered(sql, { companyId, number: options.account });
    return account.ok ? accept({ companyId, accountId: account.value }) : account;
  };
  const found = await withDatabase(url, 'joulebook_writer', find);
  if (!found.ok) return found;
  const { companyId, accountId } = found.value;
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const bells: Bell[] = [];
    const places = { dataDirectory: options.data ?? '.', env: process.env };
    const done = await work({
      deps: {
        sql,
        clock: { nowMs: Date.now },
        wake: (bell) => bells.push(bell),
        providerOf: providersWith(places),
      },
      viewer: staffViewer(companyId, 'operator'),
      accountId,
    });
    for (const bell of bells) await ring(sql, bell);
    return done;
  });
}

/** After the commit: whoever tells of balances or sends commands need not wait for its sweep. */
function ring(sql: Sql, bell: Bell): Promise<void> {
  return bell.kind === 'events' ? wakeReaders(sql, bell.shard) : ringBell(sql, bell);
}

function factsOf({ steps, receipts, ...payment }: PaymentView) {
  return {
    ...payment,
    standing: moneyText(netOf(steps), payment.currency),
    steps: steps.map(({ kind, amountMicros, at, detail }) => ({
      kind,
      amount: moneyText(amountMicros, payment.currency),
      at,
      detail,
    })),
    receipts: receipts.map(({ number }) => number),
  };
}

/** Of an account, or in suspense: newest first. */
export async function listPayments(options: ListPaymentsOptions): Promise<Answer> {
  const limit = wholeNumber(options.limit, '--limit', { min: 1, max: pageSizeMax });
  return withPayments(options, async ({ deps, viewer, accountId }) => {
    const page = { after: null, before: null, limit, inverted: false };
    const payments = await asViewer(deps.sql, viewer, (tx) =>
      accountId === null ? pageUnallocated(tx, page) : pagePayments(tx, accountId, page),
    );
    const facts = payments.map(factsOf);
    const lines = facts.map(({ id, startedAt, channelName, reference, standing, steps }) =>
      [
        startedAt.toISOString(),
        id,
        channelName,
        reference,
        standing,
        steps.map(({ kind }) => kind).join(' > '),
      ].join('  '),
    );
    const sentence = lines.length === 0 ? 'There are none.' : lines.join('\n');
    return accept({ sentence, facts: { payments: facts } });
  });
}

function refundSentence(what: string, { isPosted, isSent, isReplay }: RequestedRefund): string {
  if (isPosted) {
    return isReplay ? `${what} had been refunded before under this key.` : `Refunded ${what}.`;
  }
  const asked = isReplay
    ? `A refund of ${what} had been asked for before under this key`
    : `Asked for a refund of ${what}`;
  const sender = isSent ? 'the provider was asked' : 'the server sends it to the provider';
  return `${asked}: ${sender}, and it is posted when the provider tells it.`;
}

export async function refundOnePayment(id: string, options: RefundOptions): Promise<Answer> {
  const idempotencyKey = options.key ?? randomUUID();
  return withPayments(options, async ({ deps, viewer }) => {
    const input = { idempotencyKey, paymentId: id, amount: options.amount ?? null };
    const asked = await refundPayment(deps, viewer, { ...input, reason: options.reason });
    if (!asked.ok) return asked;
    const { amountMicros, isPosted, isSent, isReplay } = asked.value;
    const amount = formatMicros(amountMicros, 2);
    const what = `${amount} of payment ${id}`;
    const state = isPosted ? 'refunded' : 'refund_requested';
    return accept({
      sentence: refundSentence(what, asked.value),
      facts: { paymentId: id, amount, state, isPosted, isSent, isReplay },
    });
  });
}

export async function allocateOnePayment(id: string, options: AllocateOptions): Promise<Answer> {
  const idempotencyKey = options.key ?? randomUUID();
  return withPayments(options, async ({ deps, viewer, accountId }) => {
    const { reason } = options;
    const input = { idempotencyKey, paymentId: id, accountId: accountId ?? 0, reason };
    const done = await allocatePayment(deps, viewer, input);
    if (!done.ok) return done;
    const amount = formatMicros(done.value.amountMicros, 2);
    const balance = formatMicros(done.value.balanceMicros, 2);
    return accept({
      sentence: `${amount} of payment ${id} are ${options.account}'s; the balance: ${balance}.`,
      facts: { paymentId: id, amount, balance, isReplay: done.value.isReplay },
    });
  });
}
