import {
  countTariffs,
  findTariffVersions,
  findTariffs,
  pageTariffVersions,
  pageTariffs,
} from '../db/tariffReads.ts';
import type { TariffVersionView, TariffView } from '../db/tariffReads.ts';
import { parseTariffId } from '../domain/ids.ts';
import { publishTariff } from '../operations/publishTariff.ts';
import type { PublishedTariff } from '../operations/publishTariff.ts';
import { builder, pageCost } from './builder.ts';
import { integerKey } from './nodeKey.ts';
import { pageById } from './page.ts';
import { resultUnion, userErrorOf } from './userError.ts';

export const Tariff = builder.loadableNodeRef<TariffView, number>('Tariff', {
  id: { resolve: (tariff) => tariff.id, parse: integerKey },
  load: (ids, { read }) => read((tx) => findTariffs(tx, ids)),
  sort: (tariff) => tariff.id,
  loaderOptions: { cache: false },
});

export const TariffVersion = builder.loadableNodeRef<TariffVersionView, number>('TariffVersion', {
  id: { resolve: (version) => version.id, parse: integerKey },
  load: (ids, { read }) => read((tx) => findTariffVersions(tx, ids)),
  sort: (version) => version.id,
  loaderOptions: { cache: false },
});

TariffVersion.implement({
  description: 'Published once and never changed; a correction is another version.',
  fields: (t) => ({
    tariff: t.field({ type: Tariff, resolve: ({ tariffId }) => tariffId }),
    validFrom: t.field({
      type: 'DateTime',
      description: "Until the next version's.",
      resolve: ({ validFrom }) => validFrom,
    }),
    publishedAt: t.field({ type: 'DateTime', resolve: ({ publishedAt }) => publishedAt }),
    document: t.field({ type: 'JSON', resolve: ({ document }) => document }),
  }),
});

Tariff.implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    currency: t.field({ type: 'CurrencyCode', resolve: ({ currency }) => currency }),
    versions: t.connection({
      type: TariffVersion,
      complexity: pageCost,
      description: 'In the order of publication.',
      resolve: ({ id }, args, { read }) =>
        pageById(args, (page) => read((tx) => pageTariffVersions(tx, id, page))),
    }),
  }),
});

builder.queryField('tariffs', (t) =>
  t.connection(
    {
      type: Tariff,
      authScopes: { may: 'Query.tariffs' },
      complexity: pageCost,
      resolve: async (_root, args, { read }) => ({
        ...(await pageById(args, (page) => read((tx) => pageTariffs(tx, page)))),
        count: () => read(countTariffs),
      }),
    },
    { fields: (c) => ({ totalCount: c.int({ resolve: ({ count }) => count() }) }) },
  ),
);

const PublishTariffPayload = builder.objectRef<PublishedTariff>('PublishTariffPayload').implement({
  fields: (t) => ({
    tariffVersion: t.field({ type: TariffVersion, resolve: (done) => done.tariffVersionId }),
    metersToRate: t.exposeInt('metersToRate', { description: 'Whose past is rated again.' }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const PublishTariffResult = resultUnion('PublishTariffResult', PublishTariffPayload);

const PublishTariffInput = builder.inputType('PublishTariffInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    tariffId: t.globalID({ for: Tariff, required: true }),
    validFrom: t.field({
      type: 'DateTime',
      description: "Null: the document's own validFrom, in its own zone.",
    }),
    backdatedReason: t.string({
      description: 'Why closed bills may be rated again; without it they are not.',
    }),
    document: t.field({ type: 'JSON', required: true }),
  }),
});

builder.mutationField('publishTariff', (t) =>
  t.field({
    type: PublishTariffResult,
    authScopes: { may: 'Mutation.publishTariff' },
    args: { input: t.arg({ type: PublishTariffInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const tariffId = parseTariffId(integerKey(input.tariffId.id));
      if (!tariffId.ok) return userErrorOf(tariffId);
      const done = await publishTariff(deps, viewer, {
        idempotencyKey: input.idempotencyKey,
        tariffId: tariffId.value,
        validFromMs: input.validFrom?.getTime() ?? null,
        backdatedReason: input.backdatedReason ?? null,
        document: input.document,
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
);
