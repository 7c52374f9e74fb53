import { insertAudit } from '../../db/audit.ts';
import { endAutoTopUp, findAutoTopUp, putAutoTopUp } from '../../db/autoTopUps.ts';
import type { AutoTopUp } from '../../db/autoTopUps.ts';
import type { Transaction } from '../../db/connect.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { findChannel } from '../../db/payments.ts';
import { readPrepaidAccount } from '../../db/prepaidLife.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import type { AccountId } from '../../domain/ids.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, sameAmount } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { parsePaid } from '../payments/paidAmount.ts';
import type { AmountCode } from '../payments/paidAmount.ts';

export type SetAutoTopUpInput = {
  readonly idempotencyKey: string;
  readonly accountId: AccountId;
  readonly channelId: number;
  /** The provider's name of a card or mandate, such as `cus_1/pm_2`; no card data. */
  readonly instrument: string;
  /** Plain decimal texts in the account's currency. */
  readonly below: string;
  readonly amount: string;
  readonly dailyMax: string;
};

export type AutoTopUpCode =
  | KeyCode
  | AmountCode
  | 'NOT_PERMITTED'
  | 'ACCOUNT_NOT_FOUND'
  | 'ACCOUNT_NOT_PREPAID'
  | 'PAYMENT_CHANNEL_UNKNOWN'
  | 'PAYMENT_CHANNEL_INACTIVE'
  | 'CHANNEL_WITHOUT_PROVIDER'
  | 'CURRENCY_MISMATCH'
  | 'INSTRUMENT_MALFORMED'
  | 'DAILY_MAX_BELOW_AMOUNT'
  | 'AUTO_TOP_UP_NOT_SET';

export type SetOrder = { readonly accountId: AccountId; readonly isReplay: boolean };

/** Ids of a provider: never a card's number, which has digits alone. */
const instrumentPattern = /^(?:cus_\w{1,60}\/)?[a-z]{2,6}_\w{1,60}$/;

function amountsOf(
  { below, amount, dailyMax }: SetAutoTopUpInput,
  currency: string,
): Outcome<Pick<AutoTopUp, 'belowMicros' | 'amountMicros' | 'dailyMaxMicros'>, AutoTopUpCode> {
  const micros: bigint[] = [];
  for (const [name, text] of Object.entries({ below, amount, dailyMax })) {
    const parsed = parsePaid({ amount: text, currency });
    if (!parsed.ok) return { ...parsed, path: [name] };
    micros.push(parsed.value);
  }
  const [belowMicros = 0n, amountMicros = 0n, dailyMaxMicros = 0n] = micros;
  if (dailyMaxMicros < amountMicros) {
    const message = 'A day’s most is less than one charge, so nothing would ever be bought.';
    return refuse('DAILY_MAX_BELOW_AMOUNT', message, ['dailyMax']);
  }
  return accept({ belowMicros, amountMicros, dailyMaxMicros });
}

async function read(
  tx: Transaction,
  { companyId }: Viewer,
  { input, nowMs }: { readonly input: SetAutoTopUpInput; readonly nowMs: number },
): Promise<Outcome<Parameters<typeof putAutoTopUp>[1], AutoTopUpCode>> {
  const { accountId, channelId, instrument } = input;
  const [head] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  if (head === undefined) {
    return refuse('ACCOUNT_NOT_FOUND', 'You have no such account. Check its id.', ['accountId']);
  }
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (account?.mode !== 'prepaid') {
    const message = 'The account has no prepaid agreement now; nothing is bought for it.';
    return refuse('ACCOUNT_NOT_PREPAID', message, ['accountId']);
  }
  const channel = await findChannel(tx, channelId);
  const path = ['channelId'];
  if (channel === null) {
    const message = 'The company has no such payment channel.';
    return refuse('PAYMENT_CHANNEL_UNKNOWN', message, path);
  }
  if (!channel.isActive) {
    const message = 'This way of paying is closed. Choose another.';
    return refuse('PAYMENT_CHANNEL_INACTIVE', message, path);
  }
  if (channel.kind !== 'stripe') {
    const message = 'Nobody can be charged over this channel. Choose one of a card provider.';
    return refuse('CHANNEL_WITHOUT_PROVIDER', message, path);
  }
  if (channel.currency !== head.currency) {
    const message = `Account: ${head.currency}; channel: ${channel.currency}. Choose another.`;
    return refuse('CURRENCY_MISMATCH', message, path);
  }
  if (!instrumentPattern.test(instrument)) {
    const message = 'An instrument is the provider’s id of it, such as cus_1/pm_2; never a card.';
    return refuse('INSTRUMENT_MALFORMED', message, ['instrument']);
  }
  const amounts = amountsOf(input, head.currency);
  if (!amounts.ok) return amounts;
  return accept({ accountId, companyId, channelId, instrument, ...amounts.value });
}

/** Amounts alone: which card it is, is the provider's and the customer's matter. */
function toldOf(order: Pick<AutoTopUp, 'belowMicros' | 'amountMicros' | 'dailyMaxMicros'>) {
  return {
    belowMicros: order.belowMicros.toString(),
    amountMicros: order.amountMicros.toString(),
    dailyMaxMicros: order.dailyMaxMicros.toString(),
  };
}

/**
 * A customer's standing order: whenever less than `below` is left, `amount` is charged, and never
 * more than `dailyMax` in a local day. Setting it again takes a paused one up.
 */
export async function setAutoTopUp(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: SetAutoTopUpInput,
): Promise<Outcome<SetOrder, AutoTopUpCode>> {
  if (!isAllowed(viewer.role, 'Mutation.setAutoTopUp')) {
    return refuse('NOT_PERMITTED', 'Your role may not set standing orders. Ask an operator.');
  }
  const nowMs = clock.nowMs();
  const { accountId, channelId, instrument, below, amount, dailyMax } = input;
  const key = input.idempotencyKey.toLowerCase();
  const amounts = [below, amount, dailyMax].map(sameAmount);
  const asked = [String(accountId), String(channelId), instrument, ...amounts];
  const request = { viewer, key, operation: 'setAutoTopUp', input: asked, nowMs };
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(tx, request, async (): Promise<Outcome<Record<string, string>, AutoTopUpCode>> => {
      const order = await read(tx, viewer, { input, nowMs });
      if (!order.ok) return order;
      const before = await findAutoTopUp(tx, accountId);
      await putAutoTopUp(tx, order.value);
      await insertAudit(tx, {
        id: derivedId('auto_top_up_set', String(accountId), viewer.actor, key),
        companyId: viewer.companyId,
        atMs: nowMs,
        actor: viewer.actor,
        action: 'autoTopUp.set',
        subject: `account/${accountId}`,
        before: before === null ? null : { ...toldOf(before), isActive: before.isActive },
        after: { ...toldOf(order.value), channelId },
      });
      return accept({});
    }),
  );
  if (!outcome.ok) return outcome;
  const { isReplay } = outcome.value;
  if (!isReplay) wake({ kind: 'providers' });
  return accept({ accountId, isReplay });
}

/** Stops it at once; a charge that is underway still comes. Stopping it again changes nothing. */
export async function stopAutoTopUp(
  { sql, clock }: RequestDeps,
  viewer: Viewer,
  { accountId }: { readonly accountId: AccountId },
): Promise<Outcome<SetOrder, AutoTopUpCode>> {
  if (!isAllowed(viewer.role, 'Mutation.stopAutoTopUp')) {
    return refuse('NOT_PERMITTED', 'Your role may not stop standing orders. Ask an operator.');
  }
  const nowMs = clock.nowMs();
  const { companyId, actor } = viewer;
  return asViewer(sql, viewer, async (tx): Promise<Outcome<SetOrder, AutoTopUpCode>> => {
    await lockAccounts(tx, { companyId, accountIds: [accountId] });
    const order = await findAutoTopUp(tx, accountId);
    if (order === null) {
      const message = 'The account has no standing order, or you may not see it.';
      return refuse('AUTO_TOP_UP_NOT_SET', message, ['accountId']);
    }
    if (!order.isActive && order.pausedCode === null) return accept({ accountId, isReplay: true });
    await endAutoTopUp(tx, { accountId, pausedCode: null });
    await insertAudit(tx, {
      id: derivedId('auto_top_up_stopped', String(accountId), actor, String(nowMs)),
      companyId,
      atMs: nowMs,
      actor,
      action: 'autoTopUp.stop',
      subject: `account/${accountId}`,
      before: { ...toldOf(order), isActive: order.isActive },
      after: null,
    });
    return accept({ accountId, isReplay: false });
  });
}
