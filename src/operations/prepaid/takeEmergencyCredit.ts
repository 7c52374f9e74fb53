import { insertAudit } from '../../db/audit.ts';
import type { Transaction } from '../../db/connect.ts';
import { appendEvent, companySubject, eventShardOf, plainEvent } from '../../db/events.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { findForecast } from '../../db/notices.ts';
import { insertEmergencyCredit, readPrepaidAccount } from '../../db/prepaidLife.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { formatMicros } from '../../domain/exact.ts';
import type { AccountId } from '../../domain/ids.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { derivedId } from '../derivedId.ts';
import { onceByKey, textOf } from '../onceByKey.ts';
import type { KeyCode, RequestDeps } from '../onceByKey.ts';
import { reviewSupply } from '../reviewSupply.ts';
import { readPolicy } from './accountPolicy.ts';
import { isLiftedByLoan, standingOf } from './forecast.ts';
import { rearmCutNotice } from './rearmWarnings.ts';

export type EmergencyCode =
  | KeyCode
  | 'NOT_PERMITTED'
  | 'ACCOUNT_NOT_FOUND'
  | 'ACCOUNT_NOT_PREPAID'
  | 'EMERGENCY_CREDIT_NOT_OFFERED'
  | 'EMERGENCY_CREDIT_NOT_YET'
  | 'EMERGENCY_CREDIT_TAKEN'
  | 'EMERGENCY_CREDIT_TOO_SMALL';

export type TakenCredit = {
  readonly creditId: string;
  readonly accountId: AccountId;
  readonly currency: string;
  readonly amountMicros: bigint;
  readonly isReplay: boolean;
};

type Lent = { readonly creditId: string; readonly amountMicros: bigint; readonly currency: string };

async function lend(
  tx: Transaction,
  viewer: Viewer,
  request: { readonly accountId: AccountId; readonly key: string; readonly nowMs: number },
): Promise<Outcome<Lent, EmergencyCode>> {
  const { companyId, actor } = viewer;
  const { accountId, key, nowMs } = request;
  await lockAccounts(tx, { companyId, accountIds: [accountId] });
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (account === null || account.companyId !== companyId) {
    return refuse('ACCOUNT_NOT_FOUND', 'You have no such account. Check its id.', ['accountId']);
  }
  if (account.mode !== 'prepaid') {
    const message = 'The account has no prepaid agreement now; nothing is lent to it.';
    return refuse('ACCOUNT_NOT_PREPAID', message, ['accountId']);
  }
  const policy = await readPolicy(tx, { accountId, atMs: nowMs });
  const { emergencyCredit } = policy;
  if (emergencyCredit === null) {
    const message = 'Emergency credit is not offered here. Buy credit instead.';
    return refuse('EMERGENCY_CREDIT_NOT_OFFERED', message, ['accountId']);
  }
  if (account.emergencyId !== null) {
    const message = 'It is taken already. It is paid back first by the next payment.';
    return refuse('EMERGENCY_CREDIT_TAKEN', message, ['accountId']);
  }
  const { amountMicros, selectableBelowMicros } = emergencyCredit;
  if (account.balanceMicros >= selectableBelowMicros) {
    const below = formatMicros(selectableBelowMicros, minorDigitsOf(account.currency) ?? 2);
    const message = `It can be taken below ${below} ${account.currency} of credit.`;
    return refuse('EMERGENCY_CREDIT_NOT_YET', message, ['accountId']);
  }
  if (!isLiftedByLoan(account, policy)) {
    const digits = minorDigitsOf(account.currency) ?? 2;
    const message =
      `${formatMicros(amountMicros, digits)} ${account.currency} would not lift the balance of ` +
      `${formatMicros(account.balanceMicros, digits)} above the limit. Nothing was lent.`;
    return refuse('EMERGENCY_CREDIT_TOO_SMALL', message, ['accountId']);
  }
  const creditId = derivedId('emergency_credit', String(companyId), actor, key);
  const { currency, balanceMicros } = account;
  const id = creditId;
  await insertEmergencyCredit(tx, { id, companyId, accountId, amountMicros, atMs: nowMs, actor });
  const dailyMicros = (await findForecast(tx, accountId))?.dailyMicros ?? null;
  const lent = { ...account, emergencyId: creditId, emergencyMicros: amountMicros };
  await rearmCutNotice(tx, accountId, standingOf(lent, policy, dailyMicros));
  await insertAudit(tx, {
    id: derivedId('audit', creditId),
    companyId,
    atMs: nowMs,
    actor,
    action: 'emergencyCredit.take',
    subject: `account/${accountId}`,
    before: null,
    after: { creditId, amountMicros: amountMicros.toString() },
  });
  const detail = { what: 'emergency_credit', creditId, amountMicros: amountMicros.toString() };
  const subjects = [{ ...companySubject, accountId }];
  const news = { companyId, kind: 'notice', atMs: nowMs, subjects, detail } as const;
  await appendEvent(tx, plainEvent({ ...news, balanceMicros: [balanceMicros] }));
  return accept({ creditId, amountMicros, currency });
}

/**
 * Lends a customer what the policy offers, once until it is paid back: the limit at which the
 * supply is cut lies so much lower, and a supply that was cut comes back.
 */
export async function takeEmergencyCredit(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: { readonly idempotencyKey: string; readonly accountId: AccountId },
): Promise<Outcome<TakenCredit, EmergencyCode>> {
  if (!isAllowed(viewer.role, 'Mutation.takeEmergencyCredit')) {
    return refuse('NOT_PERMITTED', 'Your role may not take emergency credit. Ask an operator.');
  }
  const nowMs = clock.nowMs();
  const { accountId } = input;
  const { companyId } = viewer;
  let commandsRequested = false;
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'takeEmergencyCredit',
        input: [String(accountId)],
        nowMs,
      },
      async () => {
        const key = input.idempotencyKey.toLowerCase();
        const lent = await lend(tx, viewer, { accountId, key, nowMs });
        if (!lent.ok) return lent;
        const review = await reviewSupply(tx, {
          companyId,
          accountIds: [accountId],
          nowMs,
          mayCut: false,
        });
        ({ commandsRequested } = review);
        const { creditId, amountMicros, currency } = lent.value;
        return accept({ creditId, amountMicros: amountMicros.toString(), currency });
      },
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) wake({ kind: 'events', shard: eventShardOf(companyId) });
  if (commandsRequested) wake({ kind: 'commands' });
  return accept({
    creditId: textOf(answer, 'creditId'),
    accountId,
    currency: textOf(answer, 'currency'),
    amountMicros: BigInt(textOf(answer, 'amountMicros')),
    isReplay,
  });
}
