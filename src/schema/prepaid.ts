import { listNotices } from '../db/notices.ts';
import type { NoticeView } from '../db/notices.ts';
import { formatMicros } from '../domain/exact.ts';
import { parseAccountId } from '../domain/ids.ts';
import type { Outcome } from '../domain/outcome.ts';
import { isUnknown } from '../domain/prepaid/daysLeft.ts';
import type { DaysLeft } from '../domain/prepaid/daysLeft.ts';
import { forecastDays } from '../operations/prepaid/forecast.ts';
import type { ForecastCode } from '../operations/prepaid/forecast.ts';
import { planDebt } from '../operations/prepaid/planDebt.ts';
import type { PlannedDebt } from '../operations/prepaid/planDebt.ts';
import { readPrepaid } from '../operations/prepaid/readPrepaid.ts';
import type { PrepaidLife } from '../operations/prepaid/readPrepaid.ts';
import { setAsideDebt } from '../operations/prepaid/setAsideDebt.ts';
import { takeEmergencyCredit } from '../operations/prepaid/takeEmergencyCredit.ts';
import type { TakenCredit } from '../operations/prepaid/takeEmergencyCredit.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { MovedPayload, twoPeople } from './ledger.ts';
import { Money } from './money.ts';
import { integerKey } from './nodeKey.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const EmergencyCredit = builder.objectRef<PrepaidLife>('EmergencyCredit').implement({
  description: 'Credit below zero, lent once until it is paid back.',
  fields: (t) => ({
    isOffered: t.exposeBoolean('isEmergencyOffered', { description: 'It can be taken now.' }),
    amount: t.field({
      type: Money,
      nullable: true,
      description: 'What is lent; null while none is taken.',
      resolve: ({ emergencyMicros: micros, currency }) =>
        micros === null ? null : { micros, currency },
    }),
    left: t.field({
      type: Money,
      nullable: true,
      description: 'What of it is not used yet.',
      resolve: ({ emergencyLeftMicros: micros, currency }) =>
        micros === null ? null : { micros, currency },
    }),
    takenAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ emergencyTakenAt }) => emergencyTakenAt,
    }),
  }),
});

const DebtRef = builder.objectRef<PrepaidLife>('PrepaidDebt').implement({
  description: 'Owed beside the balance, and how it is paid off.',
  fields: (t) => ({
    owed: t.field({
      type: Money,
      resolve: ({ debtMicros: micros, currency }) => ({ micros, currency }),
    }),
    share: t.field({
      type: 'Decimal',
      description: 'Of each top-up; 0 without a plan.',
      resolve: ({ plan }) => formatMicros(BigInt(plan?.sharePpm ?? 0), 0),
    }),
    weekly: t.field({
      type: Money,
      description: 'Each local week, taken by the day.',
      resolve: ({ plan, currency }) => ({ micros: plan?.weeklyMicros ?? 0n, currency }),
    }),
    weeklyCap: t.field({
      type: Money,
      nullable: true,
      description: 'The most that both together take in a local week; null: no cap.',
      resolve: ({ plan, currency }) =>
        plan === null || plan.weeklyCapMicros === null
          ? null
          : { micros: plan.weeklyCapMicros, currency },
    }),
  }),
});

const PrepaidForecast = builder
  .objectRef<{ readonly currency: string; readonly found: Outcome<DaysLeft, ForecastCode> }>(
    'PrepaidForecast',
  )
  .implement({
    description: 'How long the credit lasts if the days to come are like the last ones.',
    fields: (t) => ({
      daysLeft: t.field({
        type: 'Decimal',
        nullable: true,
        description: 'To a tenth, rounded down. Null: longer than 92 days, or see code.',
        resolve: ({ found }) =>
          found.ok && found.value.tenths !== null
            ? formatMicros(BigInt(found.value.tenths) * 100_000n, 1)
            : null,
      }),
      runsOutAt: t.field({
        type: 'DateTime',
        nullable: true,
        resolve: ({ found }) =>
          found.ok && found.value.runsOutMs !== null ? new Date(found.value.runsOutMs) : null,
      }),
      daily: t.field({
        type: Money,
        nullable: true,
        description: 'What an ordinary day costs: the mean of the next seven.',
        resolve: ({ found, currency }) =>
          found.ok && !isUnknown(found.value)
            ? { micros: found.value.dailyMicros, currency }
            : null,
      }),
      historyDays: t.int({
        nullable: true,
        description: 'Whole days that it is guessed from; 0: the standing charge alone.',
        resolve: ({ found }) => (found.ok ? found.value.historyDays : null),
      }),
      code: t.string({
        nullable: true,
        description: 'Why nothing can be said, such as PRICE_MISSING or HISTORY_MISSING.',
        resolve: ({ found }) => {
          if (!found.ok) return found.code;
          return isUnknown(found.value) ? 'HISTORY_MISSING' : null;
        },
      }),
      message: t.string({
        nullable: true,
        resolve: ({ found }) => (found.ok ? null : found.message),
      }),
    }),
  });

const Prepaid = builder.objectRef<PrepaidLife>('Prepaid').implement({
  description: 'A prepaid customer’s money at this moment.',
  fields: (t) => ({
    balance: t.field({
      type: Money,
      resolve: ({ balanceMicros: micros, currency }) => ({ micros, currency }),
    }),
    available: t.field({
      type: Money,
      description: 'The balance less what is reserved.',
      resolve: ({ availableMicros: micros, currency }) => ({ micros, currency }),
    }),
    forecast: t.field({
      type: PrepaidForecast,
      complexity: 50,
      resolve: async (life, _args, { read, deps }) => {
        const { currency, policy } = life;
        const nowMs = deps.clock.nowMs();
        return { currency, found: await read((tx) => forecastDays(tx, life, { policy, nowMs })) };
      },
    }),
    emergencyCredit: t.field({ type: EmergencyCredit, resolve: (life) => life }),
    debt: t.field({ type: DebtRef, resolve: (life) => life }),
    policyName: t.string({
      description: 'What is promised: see prepaidPolicies.',
      resolve: ({ policy }) => policy.name,
    }),
  }),
});

builder.objectField(Account, 'prepaid', (t) =>
  t.field({
    type: Prepaid,
    nullable: true,
    complexity: 20,
    description: 'Null while the account has no prepaid agreement.',
    resolve: ({ id: accountId }, _args, { read, deps }) =>
      read((tx) => readPrepaid(tx, { accountId, nowMs: deps.clock.nowMs() })),
  }),
);

const NoticeKind = builder.enumType('NoticeKind', {
  values: {
    LOW_DAYS: { value: 'low_days' },
    LOW_BALANCE: { value: 'low_balance' },
    CUT_NOTICE: { value: 'cut_notice' },
    EMERGENCY_OFFERED: { value: 'emergency_offered' },
    CUT: { value: 'cut' },
    RECONNECTED: { value: 'reconnected' },
    TOP_UP_FAILED: { value: 'top_up_failed' },
  } as const,
});

const NoticeState = builder.enumType('NoticeState', {
  values: {
    QUEUED: { value: 'queued' },
    SENT: { value: 'sent', description: 'Taken by the gateway; it has not arrived yet.' },
    DELIVERED: { value: 'delivered' },
    FAILED: { value: 'failed', description: 'It is tried again.' },
  } as const,
});

const NoticeRef = builder.objectRef<NoticeView>('Notice').implement({
  description: 'Something that a customer was told.',
  fields: (t) => ({
    kind: t.field({ type: NoticeKind, resolve: ({ kind }) => kind }),
    threshold: t.exposeString('threshold', {
      description: 'As the policy writes it; of a cut or reconnection its command.',
    }),
    breach: t.exposeInt('breach', { description: 'Told once each time it is crossed.' }),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    state: t.field({ type: NoticeState, resolve: ({ state }) => state }),
    stateAt: t.field({ type: 'DateTime', resolve: ({ stateAt }) => stateAt }),
    detail: t.field({ type: 'JSON', resolve: ({ detail }) => detail }),
  }),
});

builder.objectField(Account, 'notices', (t) =>
  t.field({
    type: [NoticeRef],
    complexity: 50,
    description: 'The newest 50, newest first.',
    resolve: async ({ id: accountId }, _args, { read }) => [
      ...(await read((tx) => listNotices(tx, { accountId, limit: 50 }))),
    ],
  }),
);

const SetAsideReason = builder.enumType('SetAsideReason', {
  values: {
    NEGATIVE_BALANCE: { value: 'negative_balance' },
    IMPORTED: { value: 'imported', description: 'From the books before; the balance stays.' },
  } as const,
});

const SetAsideDebtResult = resultUnion('SetAsideDebtResult', MovedPayload);

const SetAsideDebtInput = builder.inputType('SetAsideDebtInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    amount: t.field({ type: 'Decimal', description: 'Without it all that is below zero.' }),
    reasonCode: t.field({ type: SetAsideReason, required: true }),
    reason: t.string({ required: true, description: 'In your words, for the audit.' }),
  }),
});

const PlanDebtPayload = builder.objectRef<PlannedDebt>('PlanDebtPayload').implement({
  fields: (t) => ({
    account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const PlanDebtResult = resultUnion('PlanDebtResult', PlanDebtPayload);

const PlanDebtInput = builder.inputType('PlanDebtInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    share: t.field({ type: 'Decimal', required: true, description: 'Of a top-up: 0.25; 0: none.' }),
    weekly: t.field({ type: 'Decimal', required: true, description: 'A local week; 0: none.' }),
    weeklyCap: t.field({ type: 'Decimal', description: 'The most in a week by both together.' }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

const TakeEmergencyPayload = builder
  .objectRef<TakenCredit>('TakeEmergencyCreditPayload')
  .implement({
    fields: (t) => ({
      account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
      lent: t.field({
        type: Money,
        resolve: ({ amountMicros: micros, currency }) => ({ micros, currency }),
      }),
      isReplay: t.exposeBoolean('isReplay', {
        description: 'The key was used before: nothing new.',
      }),
    }),
  });

const TakeEmergencyResult = resultUnion('TakeEmergencyCreditResult', TakeEmergencyPayload);

const TakeEmergencyInput = builder.inputType('TakeEmergencyCreditInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
  }),
});

builder.mutationFields((t) => ({
  takeEmergencyCredit: t.field({
    type: TakeEmergencyResult,
    description: 'Lends what the policy offers, once until it is paid back.',
    authScopes: { may: 'Mutation.takeEmergencyCredit' },
    args: { input: t.arg({ type: TakeEmergencyInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const { idempotencyKey } = input;
      const asked = { idempotencyKey, accountId: accountId.value };
      const done = await takeEmergencyCredit(deps, viewer, asked);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  setAsideDebt: t.field({
    type: SetAsideDebtResult,
    description: `Makes a negative balance whole; a debt stands in its place. ${twoPeople}`,
    authScopes: { may: 'Mutation.setAsideDebt' },
    args: { input: t.arg({ type: SetAsideDebtInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const { amount, ...rest } = input;
      const asked = { ...rest, ...(amount && { amount }), accountId: accountId.value };
      const done = await setAsideDebt(deps, viewer, asked);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  planDebt: t.field({
    type: PlanDebtResult,
    description: 'How a debt is paid off from now on; the newest plan holds.',
    authScopes: { may: 'Mutation.planDebt' },
    args: { input: t.arg({ type: PlanDebtInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const accountId = parseAccountId(integerKey(input.accountId.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const { weeklyCap, ...rest } = input;
      const asked = { ...rest, ...(weeklyCap && { weeklyCap }), accountId: accountId.value };
      const done = await planDebt(deps, viewer, asked);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
