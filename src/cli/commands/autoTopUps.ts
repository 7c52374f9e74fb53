import { randomUUID } from 'node:crypto';
import { findAutoTopUp } from '../../db/autoTopUps.ts';
import { findChannelNamed } from '../../db/bank.ts';
import { findChannel } from '../../db/payments.ts';
import { asViewer } from '../../db/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import { setAutoTopUp, stopAutoTopUp } from '../../operations/topUps/setAutoTopUp.ts';
import type { Answer } from '../answer.ts';
import { atDesk, deskAccount } from '../moneyDesk.ts';
import type { AccountOptions } from './prepaidLife.ts';

export type SetAutoTopUpOptions = AccountOptions & {
  readonly channel: string;
  readonly instrument: string;
  readonly below: string;
  readonly amount: string;
  readonly dailyMax: string;
  readonly key: string | undefined;
};

/** For a customer who asks at the desk; a paused order is taken up again. */
export async function setOneAutoTopUp(options: SetAutoTopUpOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  return atDesk(options, 'operator', async ({ deps, viewer }): Promise<Answer> => {
    const { channel: name, instrument, below, amount, dailyMax } = options;
    const { companyId } = viewer;
    const channel = await asViewer(deps.sql, viewer, (tx) =>
      findChannelNamed(tx, { companyId, name }),
    );
    const idempotencyKey = options.key ?? randomUUID();
    const done = await setAutoTopUp(deps, viewer, {
      idempotencyKey,
      accountId: account.value,
      channelId: channel?.id ?? 0,
      instrument,
      below,
      amount,
      dailyMax,
    });
    if (!done.ok) return done;
    const { isReplay } = done.value;
    const sentence =
      `${options.account}: ${amount} are charged whenever less than ${below} is left, ` +
      `at most ${dailyMax} a day.`;
    return accept({ sentence, facts: { below, amount, dailyMax, isReplay, idempotencyKey } });
  });
}

/** What stands, and why it waits where it does. */
export async function showAutoTopUp(options: AccountOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  return atDesk(options, 'operator', ({ deps, viewer }) =>
    asViewer(deps.sql, viewer, async (tx): Promise<Answer> => {
      const order = await findAutoTopUp(tx, account.value);
      const channel = order === null ? null : await findChannel(tx, order.channelId);
      if (order === null || channel === null) {
        const message = `${options.account} has no standing order.`;
        return refuse('AUTO_TOP_UP_NOT_SET', message);
      }
      const { name, currency } = channel;
      const { instrument, isActive, pausedCode } = order;
      const below = moneyText(order.belowMicros, currency);
      const amount = moneyText(order.amountMicros, currency);
      const dailyMax = moneyText(order.dailyMaxMicros, currency);
      const paused = `paused (${pausedCode}): set it again to take it up`;
      const state = isActive ? 'active' : pausedCode === null ? 'stopped' : paused;
      const sentence =
        `${amount} over ${name} (${instrument}) whenever less than ${below} is left, ` +
        `at most ${dailyMax} a day; ${state}.`;
      const facts = { channel: name, instrument, below, amount, dailyMax, isActive, pausedCode };
      return accept({ sentence, facts });
    }),
  );
}

/** A charge that is underway still comes. */
export async function stopOneAutoTopUp(options: AccountOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  return atDesk(options, 'operator', async ({ deps, viewer }): Promise<Answer> => {
    const done = await stopAutoTopUp(deps, viewer, { accountId: account.value });
    if (!done.ok) return done;
    const { isReplay } = done.value;
    const how = isReplay ? 'had been stopped before' : 'is stopped';
    const sentence = `The standing order of ${options.account} ${how}.`;
    return accept({ sentence, facts: { isReplay } });
  });
}
