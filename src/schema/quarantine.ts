import { findQuarantineViews, isQuarantineKey, pageQuarantine } from '../db/quarantine.ts';
import { everyQuarantined, findQuarantined, placeOf } from '../db/quarantine.ts';
import type { QuarantineKind as QuarantineKindName, QuarantineView } from '../db/quarantine.ts';
import { assert } from '../domain/assert.ts';
import { lookedIntoRowsMax } from '../domain/shownLimits.ts';
import { lookInside } from '../operations/office/batchContent.ts';
import { correctQuarantined } from '../operations/office/correctQuarantined.ts';
import { dismissQuarantined, replayQuarantined } from '../operations/office/replayQuarantined.ts';
import type { Resolved } from '../operations/office/replayQuarantined.ts';
import { builder, pageCost } from './builder.ts';
import { coded } from './coded.ts';
import { EnteredReadingInput, EnteredReadingsResult, enteredReadings } from './manualReading.ts';
import { officeDepsOf } from './office.ts';
import { pageByTime } from './page.ts';
import { resultUnion, userErrorOf } from './userError.ts';

function quarantineKey(raw: string): string {
  if (isQuarantineKey(raw)) return raw;
  throw coded('ID_MALFORMED', 'This is not an id of this API. Send one as it was received.');
}

const QuarantinedBatch = builder.loadableNodeRef<QuarantineView>('QuarantinedBatch', {
  id: { resolve: (batch) => batch.key, parse: quarantineKey },
  load: (keys, { read }) => read((tx) => findQuarantineViews(tx, keys)),
  sort: (batch) => batch.key,
  loaderOptions: { cache: false },
});

const QuarantineKind = builder.enumType('QuarantineResolutionKind', {
  values: {
    REPLAYED: { value: 'replayed', description: 'Taken in as it came.' },
    CORRECTED: { value: 'corrected', description: 'A batch of the office stands in its place.' },
    DISMISSED: { value: 'dismissed', description: 'Left out for good.' },
  } as const,
});

type Resolution = {
  readonly kind: QuarantineKindName;
  readonly by: string;
  readonly at: Date;
  readonly reason: string;
};

function resolutionOf(batch: QuarantineView): Resolution | null {
  const { resolution: kind, resolvedBy: by, resolvedAt: at, reason } = batch;
  if (kind === null) return null;
  assert(by !== null && at !== null && reason !== null, 'a resolution says who, when and why');
  return { kind, by, at, reason };
}

const QuarantineResolution = builder.objectRef<Resolution>('QuarantineResolution').implement({
  fields: (t) => ({
    kind: t.expose('kind', { type: QuarantineKind }),
    by: t.exposeString('by'),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    reason: t.exposeString('reason'),
  }),
});

QuarantinedBatch.implement({
  description: 'A batch that was not accepted. Its bytes are kept.',
  fields: (t) => ({
    edgeName: t.exposeString('edgeName', { nullable: true }),
    receivedAt: t.field({ type: 'DateTime', resolve: ({ receivedAt }) => receivedAt }),
    byteCount: t.exposeInt('byteCount'),
    code: t.exposeString('code'),
    message: t.exposeString('message'),
    resolution: t.field({
      type: QuarantineResolution,
      nullable: true,
      description: 'Null: nobody has decided.',
      resolve: resolutionOf,
    }),
    content: t.field({
      type: 'JSON',
      complexity: 20,
      description:
        `What is inside, as far as it can be read: the key that it names, the batch with ` +
        `${lookedIntoRowsMax} readings at most, or the problem and what its bytes show (raw). ` +
        'It says nothing of the signature.',
      resolve: async ({ key }, _args, { read }) => {
        const found = await read((tx) => findQuarantined(tx, placeOf(key)));
        assert(found !== null, 'a batch in quarantine is never deleted');
        return lookInside(found.carried, lookedIntoRowsMax);
      },
    }),
  }),
});

builder.queryField('quarantinedBatches', (t) =>
  t.connection({
    type: QuarantinedBatch,
    authScopes: { may: 'Query.quarantinedBatches' },
    complexity: pageCost,
    description: 'Newest first.',
    args: {
      isOpen: t.arg.boolean({ description: 'Only those that wait for somebody, or the others.' }),
      code: t.arg.string({ description: 'Such as BATCH_SIGNATURE_WRONG.' }),
      edgeName: t.arg.string({ description: 'Of the edge that sent it, where it is known.' }),
    },
    resolve: (_root, args, { read }) => {
      const { isOpen = null, code = null, edgeName = null } = args;
      const filter = { ...everyQuarantined, isOpen, code, edgeName };
      return pageByTime(
        args,
        (page) => read((tx) => pageQuarantine(tx, filter, page)),
        (batch) => ({ atMs: batch.receivedAt.getTime(), key: batch.key }),
      );
    },
  }),
);

const ResolveQuarantinedPayload = builder
  .objectRef<Resolved>('ResolveQuarantinedPayload')
  .implement({
    fields: (t) => ({
      batch: t.field({ type: QuarantinedBatch, nullable: true, resolve: ({ key }) => key }),
      state: t.exposeString('state', {
        description: 'Of a replay: committed, duplicate (its sender was faster), or rated again.',
      }),
      isReplay: t.exposeBoolean('isReplay', {
        description: 'The key was used before: nothing new.',
      }),
    }),
  });

const ResolveQuarantinedResult = resultUnion('ResolveQuarantinedResult', ResolveQuarantinedPayload);

const ResolveQuarantinedInput = builder.inputType('ResolveQuarantinedInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    batchId: t.globalID({ for: QuarantinedBatch, required: true }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

const CorrectQuarantinedInput = builder.inputType('CorrectQuarantinedInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    batchId: t.globalID({ for: QuarantinedBatch, required: true }),
    reason: t.string({ required: true }),
    readings: t.field({
      type: [EnteredReadingInput],
      required: true,
      description: 'What it should have said.',
    }),
  }),
});

builder.mutationFields((t) => ({
  replayQuarantined: t.field({
    type: ResolveQuarantinedResult,
    authScopes: { may: 'Mutation.replayQuarantined' },
    description: 'Takes it in as it came, because what spoke against it is gone.',
    args: { input: t.arg({ type: ResolveQuarantinedInput, required: true }) },
    resolve: async (_root, { input: { batchId, ...input } }, { deps, viewer }) => {
      const office = officeDepsOf(deps);
      if ('errorType' in office) return office;
      const done = await replayQuarantined(office, viewer, { ...input, key: batchId.id });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  dismissQuarantined: t.field({
    type: ResolveQuarantinedResult,
    authScopes: { may: 'Mutation.dismissQuarantined' },
    description: 'Leaves it out for good. Its bytes stay.',
    args: { input: t.arg({ type: ResolveQuarantinedInput, required: true }) },
    resolve: async (_root, { input: { batchId, ...input } }, { deps, viewer }) => {
      const office = officeDepsOf(deps);
      if ('errorType' in office) return office;
      const done = await dismissQuarantined(office, viewer, { ...input, key: batchId.id });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  correctQuarantined: t.field({
    type: EnteredReadingsResult,
    authScopes: { may: 'Mutation.correctQuarantined' },
    description: 'Takes in what it should have said, as a batch of the office that names it.',
    args: { input: t.arg({ type: CorrectQuarantinedInput, required: true }) },
    resolve: async (_root, { input: { batchId, ...input } }, { deps, viewer }) => {
      const office = officeDepsOf(deps);
      if ('errorType' in office) return office;
      const readings = enteredReadings(input.readings);
      if (!readings.ok) return userErrorOf(readings);
      const asked = { ...input, key: batchId.id, readings: readings.value };
      const done = await correctQuarantined(office, viewer, asked);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
