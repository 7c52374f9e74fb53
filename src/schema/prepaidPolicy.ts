import { findPolicies, pagePolicies } from '../db/prepaidPolicies.ts';
import type { PolicyView } from '../db/prepaidPolicies.ts';
import { parseAccountId } from '../domain/ids.ts';
import { publishPolicy, putUnderPolicy } from '../operations/prepaid/publishPolicy.ts';
import type { PublishedPolicy, PutUnder } from '../operations/prepaid/publishPolicy.ts';
import { Account } from './account.ts';
import { builder, pageCost } from './builder.ts';
import { integerKey } from './nodeKey.ts';
import { pageById } from './page.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const PrepaidPolicy = builder.loadableNodeRef<PolicyView, number>('PrepaidPolicy', {
  id: { resolve: (policy) => policy.id, parse: integerKey },
  load: (ids, { read }) => read((tx) => findPolicies(tx, ids)),
  sort: (policy) => policy.id,
  loaderOptions: { cache: false },
});

PrepaidPolicy.implement({
  description: 'What is promised to prepaid customers; published once and never changed.',
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'Accounts are under "standard" unless they were put under another.',
    }),
    validFrom: t.field({
      type: 'DateTime',
      description: 'Of the policies of a name that have begun the latest published counts.',
      resolve: ({ validFrom }) => validFrom,
    }),
    publishedAt: t.field({ type: 'DateTime', resolve: ({ publishedAt }) => publishedAt }),
    document: t.field({
      type: 'JSON',
      description: 'As it was written: what it leaves out stands on the customer’s side.',
      resolve: ({ document }) => document,
    }),
  }),
});

builder.queryFields((t) => ({
  prepaidPolicies: t.connection({
    type: PrepaidPolicy,
    authScopes: { may: 'Query.prepaidPolicies' },
    complexity: pageCost,
    description: 'In the order of publication.',
    resolve: (_root, args, { read }) =>
      pageById(args, (page) => read((tx) => pagePolicies(tx, page))),
  }),
}));

const PublishPayload = builder.objectRef<PublishedPolicy>('PublishPrepaidPolicyPayload').implement({
  fields: (t) => ({
    policy: t.field({ type: PrepaidPolicy, resolve: ({ policyId }) => policyId }),
    isReplay: t.exposeBoolean('isReplay', {
      description: 'The key was used before: nothing new.',
    }),
  }),
});

const PublishResult = resultUnion('PublishPrepaidPolicyResult', PublishPayload);

const PublishInput = builder.inputType('PublishPrepaidPolicyInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    validFrom: t.field({ type: 'DateTime', required: true }),
    document: t.field({
      type: 'JSON',
      required: true,
      description: 'docs/prepaid.schema.json is its form.',
    }),
    reason: t.string({ required: true, description: 'Why it changes; the audit keeps it.' }),
  }),
});

const PutUnderPayload = builder.objectRef<PutUnder>('PutUnderPolicyPayload').implement({
  fields: (t) => ({
    account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
    policyName: t.exposeString('policyName'),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const PutUnderResult = resultUnion('PutUnderPolicyResult', PutUnderPayload);

const PutUnderInput = builder.inputType('PutUnderPolicyInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    policyName: t.string({ required: true }),
    validFrom: t.field({ type: 'DateTime', required: true }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

builder.mutationFields((t) => ({
  publishPrepaidPolicy: t.field({
    type: PublishResult,
    authScopes: { may: 'Mutation.publishPrepaidPolicy' },
    args: { input: t.arg({ type: PublishInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const { validFrom, idempotencyKey, document, reason } = input;
      const validFromMs = validFrom.getTime();
      const said = { idempotencyKey, validFromMs, document, reason };
      const done = await publishPolicy(deps, viewer, said);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  putUnderPolicy: t.field({
    type: PutUnderResult,
    authScopes: { may: 'Mutation.putUnderPolicy' },
    args: { input: t.arg({ type: PutUnderInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const { validFrom, accountId: raw, ...rest } = input;
      const accountId = parseAccountId(integerKey(raw.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const done = await putUnderPolicy(deps, viewer, {
        ...rest,
        accountId: accountId.value,
        validFromMs: validFrom.getTime(),
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
