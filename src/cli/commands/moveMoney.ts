import { randomUUID } from 'node:crypto';
import { ringBell } from '../../db/bells.ts';
import type { Sql } from '../../db/connect.ts';
import { wakeReaders } from '../../db/events.ts';
import type { Bell } from '../../domain/bell.ts';
import { formatMicros } from '../../domain/exact.ts';
import {
  adjustmentReasons,
  correctionReasons,
  writeOffReasons,
} from '../../domain/ledger/reasonCode.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { adjustBalance } from '../../operations/adjustBalance.ts';
import { correctTransfer } from '../../operations/correctTransfer.ts';
import type { RequestDeps } from '../../operations/onceByKey.ts';
import type { MovedByHand } from '../../operations/postByHand.ts';
import { writeOffDebt } from '../../operations/writeOffDebt.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { deskAccount } from '../moneyDesk.ts';
import { companyNamed, staffViewer } from '../viewer.ts';

type MoveOptions = {
  readonly company: string;
  readonly reasonCode: string;
  readonly reason: string;
  readonly key: string | undefined;
  readonly database: string | undefined;
};

export type CorrectOptions = MoveOptions & { readonly amount: string | undefined };
export type AdjustOptions = MoveOptions & {
  readonly account: string;
  readonly amount: string;
  readonly currency: string;
};
export type WriteOffOptions = MoveOptions & {
  readonly account: string;
  readonly amount: string | undefined;
};

function reasonOf<Code extends string>(codes: readonly Code[], text: string): Code {
  const code = codes.find((each) => each === text);
  if (code === undefined) throw new Misused(`--reason-code is one of ${codes.join(', ')}`);
  return code;
}

function ring(sql: Sql, bell: Bell): Promise<void> {
  return bell.kind === 'events' ? wakeReaders(sql, bell.shard) : ringBell(sql, bell);
}

export function sameByAnother(key: string): string {
  return (
    `sends the same over the API within a week, under key ${key}: ` +
    'here everybody is the same person.'
  );
}

export function movedAnswer(moved: MovedByHand, key: string): Answer {
  const { transferId, currency, amountMicros, balanceMicros, state, isReplay } = moved;
  const digits = minorDigitsOf(currency) ?? 0;
  const amount = `${formatMicros(amountMicros, digits)} ${currency}`;
  const balance = balanceMicros === null ? null : formatMicros(balanceMicros, digits);
  const facts = { transferId, state, amount, currency, balance, isReplay, idempotencyKey: key };
  if (state === 'waiting') {
    const sentence = `${amount} waits for a second person, who ${sameByAnother(key)}`;
    return accept({ sentence, facts });
  }
  const done = isReplay ? 'had been posted before under this key' : 'posted';
  const now = balance === null ? '' : ` The balance is ${balance} ${currency}.`;
  return accept({ sentence: `${amount} ${done} as ${transferId}.${now}`, facts });
}

async function move<Code extends string>(
  options: MoveOptions,
  role: 'operator' | 'administrator',
  work: (
    deps: RequestDeps,
    by: { viewer: ReturnType<typeof staffViewer>; idempotencyKey: string },
  ) => Promise<Outcome<MovedByHand, Code>>,
): Promise<Answer> {
  const url = databaseUrl(options.database);
  const company = await withDatabase(url, 'joulebook_writer', (sql) =>
    companyNamed(sql, options.company),
  );
  if (!company.ok) return company;
  const viewer = staffViewer(company.value, role);
  const idempotencyKey = options.key ?? randomUUID();
  return withDatabase(url, 'joulebook_api', async (sql): Promise<Answer> => {
    const bells: Bell[] = [];
    const deps = {
      sql,
      clock: { nowMs: Date.now },
      wake: (bell: Bell) => void bells.push(bell),
    };
    const moved = await work(deps, { viewer, idempotencyKey });
    if (!moved.ok) return moved;
    for (const bell of bells) await ring(sql, bell);
    return movedAnswer(moved.value, idempotencyKey);
  });
}

function amountOf(amount: string | undefined): { readonly amount?: string } {
  return amount === undefined ? {} : { amount };
}

export function correctOneTransfer(transferId: string, options: CorrectOptions): Promise<Answer> {
  const reasonCode = reasonOf(correctionReasons, options.reasonCode);
  const { reason, amount } = options;
  return move(options, 'operator', (deps, { viewer, idempotencyKey }) =>
    correctTransfer(deps, viewer, {
      idempotencyKey,
      transferId,
      reasonCode,
      reason,
      ...amountOf(amount),
    }),
  );
}

export async function adjustOneBalance(options: AdjustOptions): Promise<Answer> {
  const reasonCode = reasonOf(adjustmentReasons, options.reasonCode);
  const account = await deskAccount(options);
  if (!account.ok) return account;
  const { reason, amount, currency } = options;
  return move(options, 'operator', (deps, { viewer, idempotencyKey }) =>
    adjustBalance(deps, viewer, {
      idempotencyKey,
      accountId: account.value,
      amount,
      currency,
      reasonCode,
      reason,
    }),
  );
}

export async function writeOffOneDebt(options: WriteOffOptions): Promise<Answer> {
  const reasonCode = reasonOf(writeOffReasons, options.reasonCode);
  const account = await deskAccount(options);
  if (!account.ok) return account;
  const { reason, amount } = options;
  return move(options, 'administrator', (deps, { viewer, idempotencyKey }) =>
    writeOffDebt(deps, viewer, {
      idempotencyKey,
      accountId: account.value,
      reasonCode,
      reason,
      ...amountOf(amount),
    }),
  );
}
