import { pageCommands } from '../db/commandReads.ts';
import type { CommandView } from '../db/commandReads.ts';
import { readCertificates, readNotices } from '../db/supplyReads.ts';
import type { CertificateView, ToldNotice } from '../db/supplyReads.ts';
import { supplyRules } from '../domain/command/supplyFindings.ts';
import type { SupplyFinding } from '../domain/command/supplyFindings.ts';
import { effectiveLimitMicros, effectiveReconnectMicros } from '../domain/command/supplyFacts.ts';
import { parseMeterId } from '../domain/ids.ts';
import { pageSizeDefault } from '../domain/limits.ts';
import { approveDisconnect } from '../operations/supply/approve.ts';
import { explainSupply, whoWouldBeCut } from '../operations/supply/forecast.ts';
import type { Forecast, ForecastPage, Standing } from '../operations/supply/forecast.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { codedRefusal } from './coded.ts';
import { Command } from './command.ts';
import { Meter } from './meter.ts';
import { Money } from './money.ts';
import type { MoneyValue } from './money.ts';
import { integerKey } from './nodeKey.ts';
import { ApprovedResult } from './protection.ts';
import { userErrorOf } from './userError.ts';
import type { ApiContext } from './context.ts';

const SupplyRuleEnum = builder.enumType('SupplyRule', {
  values: supplyRules,
  description: 'What can keep a supply on.',
});

const Finding = builder.objectRef<SupplyFinding>('SupplyFinding').implement({
  fields: (t) => ({
    rule: t.field({ type: SupplyRuleEnum, resolve: ({ rule }) => rule }),
    prevents: t.exposeBoolean('prevents', { description: 'It keeps the supply on.' }),
    detail: t.exposeString('detail', { description: 'What was looked at.' }),
    until: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it no longer prevents, where that is known.',
      resolve: ({ untilMs }) => (untilMs === null ? null : new Date(untilMs)),
    }),
  }),
});

const Action = builder.enumType('SupplyAction', {
  values: {
    DISCONNECT: { value: 'disconnect' },
    RECONNECT: { value: 'reconnect' },
    LIMIT: { value: 'limit' },
    UNLIMIT: { value: 'unlimit' },
    CANCEL_OPEN_CUT: { value: 'cancelOpenCut' },
  } as const,
});

const Certificate = builder.objectRef<CertificateView>('CommandCertificate').implement({
  description: 'Why a command was given: every fact and rule that was looked at.',
  fields: (t) => ({
    command: t.field({ type: Command, nullable: true, resolve: ({ commandId }) => commandId }),
    stage: t.exposeString('stage', { description: 'requested, or sent: decided once more.' }),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    document: t.field({ type: 'JSON', resolve: ({ document }) => document }),
    hash: t.string({
      description: 'SHA-256 of the document with sorted keys and no white space, hexadecimal.',
      resolve: ({ hash }) => Buffer.from(hash).toString('hex'),
    }),
  }),
});

const Told = builder.objectRef<ToldNotice>('SupplyNotice').implement({
  description: 'What the customer was told.',
  fields: (t) => ({
    kind: t.exposeString('kind'),
    threshold: t.exposeString('threshold'),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    state: t.exposeString('state', { description: 'queued, sent, delivered or failed.' }),
    stateAt: t.field({ type: 'DateTime', resolve: ({ stateAt }) => stateAt }),
  }),
});

async function moneyOf(
  { currencyOf }: ApiContext,
  accountId: number | null,
  micros: bigint,
): Promise<MoneyValue | null> {
  const currency = accountId === null ? null : await currencyOf(accountId);
  return currency === null ? null : { micros, currency };
}

const Decision = builder.objectRef<Standing>('SupplyDecision').implement({
  description: 'Why a supply is on or off: what decides over it now, and what was done.',
  fields: (t) => ({
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meter }) => meter.meterId }),
    supply: t.string({
      description: 'connected, disconnected, limited, or uncertain after a try of unknown end.',
      resolve: ({ meter }) => meter.supply,
    }),
    action: t.field({
      type: Action,
      nullable: true,
      description: 'What is due now; null: nothing.',
      resolve: ({ decision }) => decision?.action ?? null,
    }),
    findings: t.field({
      type: [Finding],
      description: 'Every rule of a cut, in a fixed order. Empty where nobody has an agreement.',
      resolve: ({ decision }) => [...(decision?.findings ?? [])],
    }),
    askAgainAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'A cut is due and prevented: the first instant at which it may come.',
      resolve: ({ decision }) =>
        decision === null || decision.askAgainMs === null ? null : new Date(decision.askAgainMs),
    }),
    policyName: t.string({ nullable: true, resolve: ({ facts }) => facts?.policy.name ?? null }),
    limit: t.field({
      type: Money,
      nullable: true,
      description: 'At or below it the supply is cut.',
      resolve: ({ meter, facts }, _args, context) =>
        facts === null ? null : moneyOf(context, meter.accountId, effectiveLimitMicros(facts)),
    }),
    reconnectAt: t.field({
      type: Money,
      nullable: true,
      description: 'At or above it a cut is undone.',
      resolve: ({ meter, facts }, _args, context) =>
        facts === null ? null : moneyOf(context, meter.accountId, effectiveReconnectMicros(facts)),
    }),
    commands: t.field({
      type: [Command],
      complexity: 50,
      description: 'Newest first.',
      resolve: async ({ meter: { meterId } }, _args, { read }) => {
        const page = { after: null, before: null, limit: 10, inverted: false };
        const commands: readonly CommandView[] = await read((tx) =>
          pageCommands(tx, meterId, page),
        );
        return commands.map(({ id }) => id);
      },
    }),
    certificates: t.field({
      type: [Certificate],
      complexity: 50,
      description: 'Newest command first.',
      resolve: async ({ meter: { meterId } }, _args, { read }) => [
        ...(await read((tx) => readCertificates(tx, { meterId, limit: 10 }))),
      ],
    }),
    notices: t.field({
      type: [Told],
      complexity: 50,
      description: 'Newest first.',
      resolve: async ({ meter: { accountId } }, _args, { read }) =>
        accountId === null
          ? []
          : [...(await read((tx) => readNotices(tx, { accountId, limit: 10 })))],
    }),
  }),
});

const ForecastRef = builder.objectRef<Forecast>('SupplyForecast').implement({
  fields: (t) => ({
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    account: t.field({ type: Account, nullable: true, resolve: ({ accountId }) => accountId }),
    balance: t.field({
      type: Money,
      nullable: true,
      description: 'Of then; see isForecast.',
      resolve: ({ accountId, balanceMicros }, _args, context) =>
        moneyOf(context, accountId, balanceMicros),
    }),
    balanceNow: t.field({
      type: Money,
      nullable: true,
      resolve: ({ accountId, balanceNowMicros }, _args, context) =>
        moneyOf(context, accountId, balanceNowMicros),
    }),
    isForecast: t.boolean({
      description:
        'The balance is that of now less what ordinary days cost until then; false: that of now, ' +
        'because the instant is not to come or nobody knows such a day.',
      resolve: ({ dailyMicros }) => dailyMicros !== null,
    }),
    daily: t.field({
      type: Money,
      nullable: true,
      description: 'What an ordinary day costs.',
      resolve: async ({ accountId, dailyMicros }, _args, context) =>
        dailyMicros === null ? null : moneyOf(context, accountId, dailyMicros),
    }),
    isDue: t.exposeBoolean('isDue', {
      description:
        'By that balance it is to be cut, and is not cut yet: what prevents it then keeps it on.',
    }),
    wouldBeCut: t.exposeBoolean('wouldBeCut'),
    action: t.field({ type: Action, nullable: true, resolve: ({ action }) => action }),
    findings: t.field({ type: [Finding], resolve: ({ findings }) => [...findings] }),
  }),
});

const ForecastPageRef = builder.objectRef<ForecastPage>('SupplyForecastPage').implement({
  fields: (t) => ({
    supplies: t.field({ type: [ForecastRef], resolve: ({ supplies }) => [...supplies] }),
    nextAfterMeter: t.field({
      type: Meter,
      nullable: true,
      description: 'Its id is where the next page begins; null: there are no more.',
      resolve: ({ nextAfterMeterId }) => nextAfterMeterId,
    }),
  }),
});

builder.queryFields((t) => ({
  supplyDecision: t.field({
    type: Decision,
    nullable: true,
    authScopes: { may: 'Query.supplyDecision' },
    complexity: 20,
    args: { meterId: t.arg.globalID({ for: Meter, required: true }) },
    resolve: (_root, { meterId }, { deps, viewer }) =>
      explainSupply(deps, viewer, integerKey(meterId.id)),
  }),
  whoWouldBeCut: t.field({
    type: ForecastPageRef,
    authScopes: { may: 'Query.whoWouldBeCut' },
    complexity: 500,
    description:
      'Every prepaid supply with a contactor, decided at an instant by the function that ' +
      'decides, to come with the balances that the forecast leaves. Nothing is done.',
    args: {
      at: t.arg({ type: 'DateTime', required: true }),
      first: t.arg.int(),
      after: t.arg.globalID({ for: Meter }),
    },
    resolve: async (_root, { at, first, after }, { deps, viewer }) => {
      const afterMeterId = after === null || after === undefined ? 0 : integerKey(after.id);
      const limit = first ?? pageSizeDefault;
      const query = { atMs: at.getTime(), afterMeterId, limit };
      const page = await whoWouldBeCut(deps, viewer, query);
      if (!page.ok) throw codedRefusal(page);
      return page.value;
    },
  }),
}));

const ApproveDisconnectInput = builder.inputType('ApproveDisconnectInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    meterId: t.globalID({ for: Meter, required: true }),
    reason: t.string({ required: true, description: 'Why you agree; for the audit.' }),
  }),
});

builder.mutationField('approveDisconnect', (t) =>
  t.field({
    type: ApprovedResult,
    authScopes: { may: 'Mutation.approveDisconnect' },
    description:
      'A protected customer is never cut by one person: this one agrees, another one requests it.',
    args: { input: t.arg({ type: ApproveDisconnectInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const meterId = parseMeterId(integerKey(input.meterId.id));
      if (!meterId.ok) return userErrorOf(meterId);
      const done = await approveDisconnect(deps, viewer, { ...input, meterId: meterId.value });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
);
