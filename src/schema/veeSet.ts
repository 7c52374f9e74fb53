import { findVeeSetAt, findVeeSets, pageVeeSets } from '../db/veeSets.ts';
import type { VeeSetView } from '../db/veeSets.ts';
import { assert } from '../domain/assert.ts';
import { defaultVeeSet, parseVeeSet } from '../domain/vee/set.ts';
import type { VeeSet as RulesInForce } from '../domain/vee/set.ts';
import { publishVeeSet } from '../operations/publishVeeSet.ts';
import type { PublishedVeeSet } from '../operations/publishVeeSet.ts';
import { builder, pageCost } from './builder.ts';
import { CustomerClassEnum } from './customerClass.ts';
import { integerKey } from './nodeKey.ts';
import { pageById } from './page.ts';
import { resultUnion, userErrorOf } from './userError.ts';

export const VeeSet = builder.loadableNodeRef<VeeSetView, number>('VeeSet', {
  id: { resolve: (set) => set.id, parse: integerKey },
  load: (ids, { read }) => read((tx) => findVeeSets(tx, ids)),
  sort: (set) => set.id,
  loaderOptions: { cache: false },
});

VeeSet.implement({
  description:
    'Rules of validation and estimation of a customer class; published once and never changed.',
  fields: (t) => ({
    customerClass: t.field({ type: CustomerClassEnum, resolve: (set) => set.customerClass }),
    validFrom: t.field({
      type: 'DateTime',
      description: 'Of the sets that have begun the latest published counts.',
      resolve: ({ validFrom }) => validFrom,
    }),
    publishedAt: t.field({ type: 'DateTime', resolve: ({ recordedAt }) => recordedAt }),
    publishedBy: t.string({ resolve: ({ author }) => author }),
    document: t.field({
      type: 'JSON',
      description: 'As it was written: what it leaves out is the default of its class.',
      resolve: ({ document }) => document,
    }),
  }),
});

type InForce = { readonly published: VeeSetView | null; readonly rules: RulesInForce };

const VeeRules = builder.objectRef<InForce>('VeeRules').implement({
  description: 'What holds for a class at an instant, defaults filled in.',
  fields: (t) => ({
    veeSet: t.field({
      type: VeeSet,
      nullable: true,
      description: 'Null: nothing is published, the defaults hold.',
      resolve: ({ published }) => published,
    }),
    rules: t.field({ type: 'JSON', resolve: ({ rules }) => rules.rules }),
    estimation: t.field({ type: 'JSON', resolve: ({ rules }) => rules.estimation }),
    hasProfile: t.boolean({ resolve: ({ rules }) => rules.profile !== null }),
  }),
});

function rulesOf(published: VeeSetView): RulesInForce {
  const parsed = parseVeeSet(published.document);
  assert(parsed.ok, 'a set is checked when it is published');
  return parsed.value;
}

builder.queryFields((t) => ({
  veeSets: t.connection({
    type: VeeSet,
    authScopes: { may: 'Query.veeSets' },
    complexity: pageCost,
    description: 'In the order of publication; of one class when it is given.',
    args: { customerClass: t.arg({ type: CustomerClassEnum }) },
    resolve: (_root, args, { read }) =>
      pageById(args, (page) => read((tx) => pageVeeSets(tx, args.customerClass ?? null, page))),
  }),
  veeRules: t.field({
    type: VeeRules,
    authScopes: { may: 'Query.veeRules' },
    args: {
      customerClass: t.arg({ type: CustomerClassEnum, required: true }),
      at: t.arg({ type: 'DateTime', required: true }),
    },
    resolve: async (_root, { customerClass, at }, { read, viewer }) => {
      const { companyId } = viewer;
      const published = await read((tx) =>
        findVeeSetAt(tx, { companyId, customerClass, atMs: at.getTime() }),
      );
      return {
        published,
        rules: published === null ? defaultVeeSet(customerClass) : rulesOf(published),
      };
    },
  }),
}));

const PublishVeeSetPayload = builder.objectRef<PublishedVeeSet>('PublishVeeSetPayload').implement({
  fields: (t) => ({
    veeSet: t.field({ type: VeeSet, resolve: ({ veeSetId }) => veeSetId }),
    metersToValidate: t.exposeInt('metersToValidate', {
      description: 'Whose past is estimated, validated and rated again.',
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const PublishVeeSetResult = resultUnion('PublishVeeSetResult', PublishVeeSetPayload);

const PublishVeeSetInput = builder.inputType('PublishVeeSetInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    validFrom: t.field({ type: 'DateTime', required: true }),
    document: t.field({
      type: 'JSON',
      required: true,
      description: 'With its customerClass; docs/vee.schema.json is its form.',
    }),
    reason: t.string({ required: true, description: 'Why the rules change; the audit keeps it.' }),
  }),
});

builder.mutationField('publishVeeSet', (t) =>
  t.field({
    type: PublishVeeSetResult,
    authScopes: { may: 'Mutation.publishVeeSet' },
    args: { input: t.arg({ type: PublishVeeSetInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const { idempotencyKey, validFrom, document, reason } = input;
      const validFromMs = validFrom.getTime();
      const published = await publishVeeSet(deps, viewer, {
        idempotencyKey,
        validFromMs,
        document,
        reason,
      });
      return published.ok ? published.value : userErrorOf(published);
    },
  }),
);
