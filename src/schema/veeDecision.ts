import { decisionKey, findDecisions, pageDecisions } from '../db/veeDecisionReads.ts';
import type { DecisionView } from '../db/veeDecisionReads.ts';
import type { StraightThroughMonth } from '../db/straightThrough.ts';
import { formatDecimal } from '../domain/exact.ts';
import { estimationRules, otherChecks, validationRules } from '../domain/vee/ruleName.ts';
import { decisionEffect } from '../operations/vee/decisionEffect.ts';
import type { DecisionEffect } from '../operations/vee/decisionEffect.ts';
import { resolveDecision } from '../operations/vee/resolveDecision.ts';
import { straightThrough } from '../operations/vee/straightThrough.ts';
import { Account } from './account.ts';
import { Agreement } from './agreement.ts';
import { builder, pageCost } from './builder.ts';
import { coded } from './coded.ts';
import { CustomerClassEnum } from './customerClass.ts';
import { Meter } from './meter.ts';
import { Money } from './money.ts';
import { integerKey } from './nodeKey.ts';
import { pageByTime } from './page.ts';
import { resultUnion, userErrorOf } from './userError.ts';

/** An int8 as a text: more decisions than an int4 counts. */
function decisionId(raw: string | number): string {
  if (/^[1-9]\d{0,17}$/.test(String(raw))) return String(raw);
  throw coded('ID_MALFORMED', 'This is not an id of this API. Send one as it was received.');
}

export const VeeDecision = builder.loadableNodeRef<DecisionView>('VeeDecision', {
  id: { resolve: ({ id }) => id.toString(), parse: decisionId },
  load: (ids, { read }) => read((tx) => findDecisions(tx, ids)),
  sort: ({ id }) => id.toString(),
  loaderOptions: { cache: false },
});

const VeeOutcomeEnum = builder.enumType('VeeOutcome', {
  description: 'What follows of a decision.',
  values: {
    ALERT: { value: 'alert', description: 'Somebody is told.' },
    HOLD: { value: 'hold', description: 'The closed bill asks for nothing until it is released.' },
    REJECT: { value: 'reject', description: 'A reading does not count.' },
    ESTIMATE: { value: 'estimate', description: 'Energy of a silence was laid over it.' },
  } as const,
});

const VeeResolutionEnum = builder.enumType('VeeResolution', {
  values: {
    CONFIRMED: { value: 'confirmed', description: 'It is right, and goes on to hold.' },
    RELEASED: { value: 'released', description: 'What it holds may go.' },
  } as const,
});

const Effect = builder.objectRef<DecisionEffect>('VeeDecisionEffect').implement({
  description: 'What hangs on a decision in money. Nothing is posted.',
  fields: (t) => ({
    agreement: t.field({ type: Agreement, resolve: ({ agreementId }) => agreementId }),
    from: t.field({ type: 'DateTime', resolve: ({ fromMs }) => new Date(fromMs) }),
    to: t.field({ type: 'DateTime', resolve: ({ toMs }) => new Date(toMs) }),
    withIt: t.field({
      type: Money,
      description: 'The bills of its window as the readings stand.',
      resolve: ({ withMicros: micros, currency }) => ({ micros, currency }),
    }),
    withoutIt: t.field({
      type: Money,
      description: 'Of an estimate: its energy as even as time. Else: without that energy.',
      resolve: ({ withoutMicros: micros, currency }) => ({ micros, currency }),
    }),
    difference: t.field({
      type: Money,
      resolve: ({ withMicros, withoutMicros, currency }) => ({
        micros: withMicros - withoutMicros,
        currency,
      }),
    }),
  }),
});

const titles = new Map<string, string>(
  Object.entries({ ...validationRules, ...estimationRules, ...otherChecks }).map(
    ([name, { title }]) => [name, title],
  ),
);

VeeDecision.implement({
  description: 'What a rule of validation, estimation or editing decided about a register.',
  fields: (t) => ({
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    customerClass: t.field({ type: CustomerClassEnum, resolve: (each) => each.customerClass }),
    channel: t.exposeInt('channel'),
    from: t.field({ type: 'DateTime', resolve: ({ fromAt }) => fromAt }),
    to: t.field({ type: 'DateTime', resolve: ({ toAt }) => toAt }),
    rule: t.exposeString('rule', { description: 'Stable, such as highLow.' }),
    ruleTitle: t.string({
      description: 'As the industry names it.',
      resolve: ({ rule }) => titles.get(rule) ?? rule,
    }),
    outcome: t.field({ type: VeeOutcomeEnum, resolve: ({ outcome }) => outcome }),
    message: t.exposeString('message'),
    detail: t.field({
      type: 'JSON',
      description: 'The figures behind it, and the day, bill or gap that was judged.',
      resolve: ({ detail }) => detail,
    }),
    decidedAt: t.field({ type: 'DateTime', resolve: ({ decidedAt }) => decidedAt }),
    withdrawnAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Readings that came since do not bear it out.',
      resolve: ({ withdrawnAt }) => withdrawnAt,
    }),
    resolution: t.field({
      type: VeeResolutionEnum,
      nullable: true,
      resolve: ({ resolution }) => resolution,
    }),
    resolvedBy: t.exposeString('resolvedBy', { nullable: true }),
    resolvedAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ resolvedAt }) => resolvedAt,
    }),
    reason: t.exposeString('reason', { nullable: true }),
    effect: t.field({
      type: Effect,
      nullable: true,
      description: 'Worked out when it is asked for; null where nobody is billed for it.',
      complexity: 200,
      resolve: async (decision, _args, { read, viewer }) => {
        const effect = await read((tx) => decisionEffect(tx, viewer.companyId, decision));
        return effect.ok ? effect.value : null;
      },
    }),
  }),
});

const percentDigits = { decimals: 2, decimalsMin: 2 };

const StraightThrough = builder.objectRef<StraightThroughMonth>('StraightThroughMonth').implement({
  description: 'How many closed bills of a month nobody had to touch.',
  fields: (t) => ({
    month: t.exposeString('month', { description: 'Local, such as 2026-06.' }),
    closedBills: t.exposeInt('closedBills'),
    untouchedBills: t.exposeInt('untouchedBills', {
      description:
        'Not held; no reading entered or edited, no register marked, no decision resolved.',
    }),
    heldBills: t.exposeInt('heldBills'),
    percent: t.field({
      type: 'Decimal',
      description: 'The untouched of the closed bills, to a hundredth, downwards.',
      resolve: ({ closedBills, untouchedBills }) =>
        formatDecimal((BigInt(untouchedBills) * 10_000n) / BigInt(closedBills), percentDigits),
    }),
  }),
});

builder.queryFields((t) => ({
  veeDecision: t.field({
    type: VeeDecision,
    nullable: true,
    authScopes: { may: 'Query.veeDecision' },
    args: { id: t.arg.globalID({ for: VeeDecision, required: true }) },
    resolve: (_root, { id }) => decisionId(id.id),
  }),
  veeDecisions: t.connection({
    type: VeeDecision,
    authScopes: { may: 'Query.veeDecisions' },
    complexity: pageCost,
    description:
      'Newest first; each argument narrows them down. Without isOpen those that are withdrawn ' +
      'or resolved come too: look at withdrawnAt.',
    args: {
      meterId: t.arg.globalID({ for: Meter }),
      accountId: t.arg.globalID({ for: Account }),
      customerClass: t.arg({ type: CustomerClassEnum }),
      rule: t.arg.string({ description: 'Such as highLow.' }),
      outcome: t.arg({ type: VeeOutcomeEnum }),
      isOpen: t.arg.boolean({ description: 'Found still, and nobody has said anything to it.' }),
    },
    resolve: (_root, args, { read }) => {
      const { meterId, accountId } = args;
      const filter = {
        customerClass: args.customerClass ?? null,
        rule: args.rule ?? null,
        outcome: args.outcome ?? null,
        isOpen: args.isOpen ?? null,
        meterId: meterId === null || meterId === undefined ? null : integerKey(meterId.id),
        accountId: accountId === null || accountId === undefined ? null : integerKey(accountId.id),
      };
      return pageByTime(
        args,
        (page) => read((tx) => pageDecisions(tx, filter, page)),
        (decision) => ({ atMs: decision.decidedAt.getTime(), key: decisionKey(decision) }),
      );
    },
  }),
  straightThrough: t.field({
    type: [StraightThrough],
    authScopes: { may: 'Query.straightThrough' },
    description: 'By month, of bills whose month begins in the window. Two years at most.',
    args: {
      from: t.arg({ type: 'DateTime', required: true }),
      to: t.arg({ type: 'DateTime', required: true }),
    },
    resolve: async (_root, { from, to }, { read }) => {
      const window = { fromMs: from.getTime(), toMs: to.getTime() };
      const told = await read((tx) => straightThrough(tx, window));
      if (told.ok) return told.value;
      throw coded(told.code, told.message);
    },
  }),
}));

type Resolved = { readonly decisionId: string; readonly isReplay: boolean };

const ResolveDecisionPayload = builder.objectRef<Resolved>('ResolveDecisionPayload').implement({
  fields: (t) => ({
    decision: t.field({ type: VeeDecision, resolve: (resolved) => resolved.decisionId }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const ResolveDecisionResult = resultUnion('ResolveDecisionResult', ResolveDecisionPayload);

const ResolveDecisionInput = builder.inputType('ResolveDecisionInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    decisionId: t.globalID({ for: VeeDecision, required: true }),
    resolution: t.field({ type: VeeResolutionEnum, required: true }),
    reason: t.string({ required: true, description: 'For the audit, in your words.' }),
  }),
});

builder.mutationField('resolveDecision', (t) =>
  t.field({
    type: ResolveDecisionResult,
    authScopes: { may: 'Mutation.resolveDecision' },
    description: 'A word on a decision. A released hold lets its bill be posted.',
    args: { input: t.arg({ type: ResolveDecisionInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const resolved = await resolveDecision(deps, viewer, {
        idempotencyKey: input.idempotencyKey,
        decisionId: decisionId(input.decisionId.id),
        kind: input.resolution,
        reason: input.reason,
      });
      return resolved.ok ? resolved.value : userErrorOf(resolved);
    },
  }),
);
