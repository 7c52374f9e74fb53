import { randomUUID } from 'node:crypto';
import { accept } from '../../domain/outcome.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import { payOutAccount } from '../../operations/payOutAccount.ts';
import { takeDeposit } from '../../operations/takeDeposit.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { atDesk, deskAccount } from '../moneyDesk.ts';
import type { DeskOptions } from '../moneyDesk.ts';
import { oneOf } from './listDecisions.ts';
import { movedAnswer, sameByAnother } from './moveMoney.ts';

type OfAccount = DeskOptions & {
  readonly account: string;
  readonly reason: string;
  readonly key: string | undefined;
};

export type DepositOptions = OfAccount & { readonly amount: string; readonly currency: string };

/** A security that a customer leaves at the counter. */
export async function takeOneDeposit(options: DepositOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  const { amount, currency, reason, key } = options;
  return atDesk(options, 'operator', async ({ deps, viewer }): Promise<Answer> => {
    const idempotencyKey = key ?? randomUUID();
    const accountId = account.value;
    const asked = { idempotencyKey, accountId, amount, currency, reason };
    const done = await takeDeposit(deps, viewer, asked);
    return done.ok ? movedAnswer(done.value, idempotencyKey) : done;
  });
}

export type PayOutOptions = OfAccount & { readonly from: string };

/** What is left of a customer who has gone. */
export async function payOutOneAccount(options: PayOutOptions): Promise<Answer> {
  const from = oneOf('--from', ['counter', 'bank'] as const, options.from);
  if (from === null) throw new Misused('give --from');
  const account = await deskAccount(options);
  if (!account.ok) return account;
  const { reason, key } = options;
  return atDesk(options, 'operator', async ({ deps, viewer }): Promise<Answer> => {
    const idempotencyKey = key ?? randomUUID();
    const asked = { idempotencyKey, accountId: account.value, from, reason };
    const done = await payOutAccount(deps, viewer, asked);
    if (!done.ok) return done;
    const { currency, isReplay } = done.value;
    const deposit = moneyText(done.value.depositMicros, currency);
    const debt = moneyText(done.value.debtMicros, currency);
    const paidOut = moneyText(done.value.paidOutMicros, currency);
    const balance = moneyText(done.value.balanceMicros, currency);
    const { state } = done.value;
    const sentence =
      state === 'waiting'
        ? `${paidOut} to ${options.account} wait for a second person, who ` +
          sameByAnother(idempotencyKey)
        : `${paidOut} go to ${options.account}. Deposit given back: ${deposit}; debt paid off: ` +
          `${debt}; balance: ${balance}.`;
    return accept({
      sentence,
      facts: { state, paidOut, deposit, debt, balance, isReplay, idempotencyKey },
    });
  });
}
