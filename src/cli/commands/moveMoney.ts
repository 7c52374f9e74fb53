import { randomUUID } from 'node:crypto';
import type { Viewer } from '../../domain/access/viewer.ts';
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
import { atDesk, deskAccount } from '../moneyDesk.ts';
import type { DeskOptions } from '../moneyDesk.ts';

type MoveOptions = DeskOptions & {
  readonly reasonCode: string;
  readonly reason: string;
  readonly key: string | undefined;
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

export function sameByAnother(key: string): string {
  return (
    `says the same within a week with --key ${key} and a --person of another name, ` +
    'or over the API.'
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
    by: { readonly viewer: Viewer; readonly idempotencyKey: string },
  ) => Promise<Outcome<MovedByHand, Code>>,
): Promise<Answer> {
  const idempotencyKey = options.key ?? randomUUID();
  return atDesk(options, role, async ({ deps, viewer }): Promise<Answer> => {
    const moved = await work(deps, { viewer, idempotencyKey });
    return moved.ok ? movedAnswer(moved.value, idempotencyKey) : moved;
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
