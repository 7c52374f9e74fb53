import { randomUUID } from 'node:crypto';
import { listNotices } from '../../db/notices.ts';
import { asViewer } from '../../db/viewer.ts';
import { formatMicros } from '../../domain/exact.ts';
import { setAsideReasons } from '../../domain/ledger/reasonCode.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import { isUnknown } from '../../domain/prepaid/daysLeft.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { forecastDays } from '../../operations/prepaid/forecast.ts';
import { planDebt } from '../../operations/prepaid/planDebt.ts';
import { readPrepaid } from '../../operations/prepaid/readPrepaid.ts';
import { setAsideDebt } from '../../operations/prepaid/setAsideDebt.ts';
import { takeEmergencyCredit } from '../../operations/prepaid/takeEmergencyCredit.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { atDesk, deskAccount } from '../moneyDesk.ts';
import type { DeskOptions } from '../moneyDesk.ts';
import { oneOf } from './listDecisions.ts';
import { movedAnswer } from './moveMoney.ts';

export type AccountOptions = DeskOptions & { readonly account: string };
export type Keyed = { readonly reason: string; readonly key: string | undefined };

const noticesShown = 10;

type Found = Awaited<ReturnType<typeof forecastDays>>;

function codeOf(found: Found): string | null {
  if (!found.ok) return found.code;
  return isUnknown(found.value) ? 'HISTORY_MISSING' : null;
}

/** Why status tells no days. */
function whyNoDays(found: Found): string {
  if (!found.ok) return ` How long it lasts is not known: ${found.message}`;
  return isUnknown(found.value)
    ? ' No whole day of readings tells yet how long it lasts.'
    : ' It lasts longer than anybody looks ahead.';
}

/** How a prepaid customer stands, and what it was told. */
export async function showPrepaid(options: AccountOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  const accountId = account.value;
  return atDesk(options, 'operator', ({ deps: { sql, clock }, viewer }) =>
    asViewer(sql, viewer, async (tx): Promise<Answer> => {
      const nowMs = clock.nowMs();
      const life = await readPrepaid(tx, { accountId, nowMs });
      const notices = await listNotices(tx, { accountId, limit: noticesShown });
      if (life === null) {
        const message = `${options.account} has no prepaid agreement now.`;
        return refuse('ACCOUNT_NOT_PREPAID', message);
      }
      const found = await forecastDays(tx, life, { policy: life.policy, nowMs });
      const tenths = found.ok ? found.value.tenths : null;
      const digits = minorDigitsOf(life.currency) ?? 2;
      const money = (micros: bigint): string => formatMicros(micros, digits);
      const daysLeft = tenths === null ? null : formatMicros(BigInt(tenths) * 100_000n, 1);
      const { emergencyLeftMicros: left, plan } = life;
      const facts = {
        currency: life.currency,
        balance: money(life.balanceMicros),
        available: money(life.availableMicros),
        daysLeft,
        forecastCode: codeOf(found),
        emergencyCredit: {
          isOffered: life.isEmergencyOffered,
          left: left === null ? null : money(left),
        },
        debt: {
          owed: money(life.debtMicros),
          share: plan === null ? '0' : formatMicros(BigInt(plan.sharePpm)),
          weekly: money(plan?.weeklyMicros ?? 0n),
        },
        policy: life.policy.name,
        notices: notices.map(({ kind, threshold, at, state, stateAt, detail }) => {
          const when = { at: at.toISOString(), stateAt: stateAt.toISOString() };
          return { kind, threshold, state, ...when, detail };
        }),
      };
      const lasts = daysLeft === null ? whyNoDays(found) : ` It lasts ${daysLeft} days.`;
      const lent = left === null ? '' : ` Of what was lent ${money(left)} is left.`;
      const owed = life.debtMicros === 0n ? '' : ` A debt of ${money(life.debtMicros)} is owed.`;
      const head = `${facts.available} ${life.currency} of credit.${lasts}${lent}${owed}`;
      const lines = facts.notices.map((each) => `${each.at} ${each.kind} ${each.state}`);
      return accept({ sentence: [head, ...lines].join('\n'), facts });
    }),
  );
}

export type LendOptions = AccountOptions & { readonly key: string | undefined };

/** Emergency credit, for a customer who asks at the desk. */
export async function lendCredit(options: LendOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  return atDesk(options, 'operator', async ({ deps, viewer }): Promise<Answer> => {
    const idempotencyKey = options.key ?? randomUUID();
    const asked = { idempotencyKey, accountId: account.value };
    const done = await takeEmergencyCredit(deps, viewer, asked);
    if (!done.ok) return done;
    const { creditId, currency, amountMicros, isReplay } = done.value;
    const amount = formatMicros(amountMicros, minorDigitsOf(currency) ?? 2);
    const sentence = `${amount} ${currency} are lent to ${options.account}.`;
    return accept({ sentence, facts: { creditId, amount, currency, isReplay, idempotencyKey } });
  });
}

export type SetAsideOptions = AccountOptions &
  Keyed & { readonly amount: string | undefined; readonly reasonCode: string };

/** What is below zero becomes a debt beside the balance. */
export async function setDebtAside(options: SetAsideOptions): Promise<Answer> {
  const reasonCode = oneOf('--reason-code', setAsideReasons, options.reasonCode);
  if (reasonCode === null) throw new Misused('give --reason-code');
  const account = await deskAccount(options);
  if (!account.ok) return account;
  const { amount, reason, key } = options;
  return atDesk(options, 'operator', async ({ deps, viewer }): Promise<Answer> => {
    const idempotencyKey = key ?? randomUUID();
    const done = await setAsideDebt(deps, viewer, {
      idempotencyKey,
      accountId: account.value,
      reasonCode,
      reason,
      ...(amount !== undefined && { amount }),
    });
    return done.ok ? movedAnswer(done.value, idempotencyKey) : done;
  });
}

export type PlanOptions = AccountOptions &
  Keyed & {
    readonly share: string;
    readonly weekly: string;
    readonly weeklyCap: string | undefined;
  };

/** How a debt is paid off from now on. */
export async function planOneDebt(options: PlanOptions): Promise<Answer> {
  const account = await deskAccount(options);
  if (!account.ok) return account;
  const { share, weekly, weeklyCap, reason, key } = options;
  return atDesk(options, 'operator', async ({ deps, viewer }): Promise<Answer> => {
    const idempotencyKey = key ?? randomUUID();
    const done = await planDebt(deps, viewer, {
      idempotencyKey,
      accountId: account.value,
      share,
      weekly,
      reason,
      ...(weeklyCap !== undefined && { weeklyCap }),
    });
    if (!done.ok) return done;
    const { planId, isReplay } = done.value;
    const sentence = `Of each top-up ${share} and ${weekly} a week go to the debt from now on.`;
    return accept({ sentence, facts: { planId, share, weekly, isReplay, idempotencyKey } });
  });
}
