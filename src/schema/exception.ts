import { pageReadingExceptions } from '../db/exceptionReads.ts';
import type { ReadingExceptionView } from '../db/exceptionReads.ts';
import { dismissedRowsMax } from '../domain/limits.ts';
import { meterEventName } from '../domain/series/meterEvent.ts';
import { dismissReadings } from '../operations/office/dismissReadings.ts';
import type { DismissedReadings } from '../operations/office/dismissReadings.ts';
import { builder, pageCost } from './builder.ts';
import { Meter } from './meter.ts';
import { integerKey } from './nodeKey.ts';
import { pageByTime } from './page.ts';
import { resultUnion, userErrorOf } from './userError.ts';

type Dismissal = { readonly at: Date; readonly by: string; readonly reason: string };

const ReadingDismissal = builder.objectRef<Dismissal>('ReadingDismissal').implement({
  fields: (t) => ({
    by: t.exposeString('by'),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    reason: t.exposeString('reason'),
  }),
});

const ReadingException = builder.objectRef<ReadingExceptionView>('ReadingException').implement({
  description:
    "A reading of an accepted batch that may not be billed, or a line of a meter's log that waits.",
  fields: (t) => ({
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    meterNumber: t.exposeInt('meterId', {
      description: 'As the batch names it; of a meter that is not registered there is no more.',
    }),
    readAt: t.field({
      type: 'DateTime',
      description: 'Of a line of the log, when what it tells of began.',
      resolve: ({ readAt }) => readAt,
    }),
    value: t.field({
      type: 'Decimal',
      description: 'As the batch carried it; of a line of the log its code.',
      resolve: ({ value }) => value.toString(),
    }),
    event: t.string({
      nullable: true,
      description: "Of a line of the meter's log its name, as MeterEvent has it; null: a reading.",
      resolve: ({ event }) => (event === null ? null : meterEventName(event)),
    }),
    code: t.exposeString('code'),
    message: t.exposeString('message'),
    takenAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Of a row that was held back: when it was taken in after all.',
      resolve: ({ takenAt }) => takenAt,
    }),
    dismissal: t.field({
      type: ReadingDismissal,
      nullable: true,
      description: 'Of a row that was held back: who left it out for good.',
      resolve: ({ dismissedAt: at, dismissedBy: by, dismissedReason: reason }) =>
        at === null || by === null || reason === null ? null : { at, by, reason },
    }),
  }),
});

const DismissReadingsInput = builder.inputType('DismissReadingsInput', {
  description: 'Which rows that are held back, by one of these at least.',
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    reason: t.string({ required: true, description: 'Stands with the rows for ever.' }),
    meterNumber: t.int({ description: 'As ReadingException has it.' }),
    code: t.string({ description: 'Such as METER_UNKNOWN.' }),
    readFrom: t.field({ type: 'DateTime' }),
    readBefore: t.field({ type: 'DateTime', description: 'Exclusive.' }),
  }),
});

const DismissReadingsPayload = builder
  .objectRef<DismissedReadings>('DismissReadingsPayload')
  .implement({
    fields: (t) => ({
      rows: t.exposeInt('rows', { description: 'Left out for good.' }),
      isMore: t.exposeBoolean('isMore', {
        description: `One request leaves out ${dismissedRowsMax} at most: ask again, by a new key.`,
      }),
      isReplay: t.exposeBoolean('isReplay', {
        description: 'The key was used before: nothing new.',
      }),
    }),
  });

const DismissReadingsResult = resultUnion('DismissReadingsResult', DismissReadingsPayload);

builder.mutationField('dismissReadings', (t) =>
  t.field({
    type: DismissReadingsResult,
    authScopes: { may: 'Mutation.dismissReadings' },
    description: 'Leaves rows that are held back out for good: no retry takes them in any more.',
    args: { input: t.arg({ type: DismissReadingsInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const done = await dismissReadings(deps, viewer, {
        idempotencyKey: input.idempotencyKey,
        reason: input.reason,
        meterId: input.meterNumber ?? null,
        code: input.code ?? null,
        fromMs: input.readFrom?.getTime() ?? null,
        toMs: input.readBefore?.getTime() ?? null,
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
);

builder.queryFields((t) => ({
  readingExceptions: t.connection({
    type: ReadingException,
    authScopes: { may: 'Query.readingExceptions' },
    complexity: pageCost,
    description: 'Newest first; of one meter when it is given.',
    args: {
      meterId: t.arg.globalID({ for: Meter }),
      isWaiting: t.arg.boolean({
        description: 'Only rows that are held back and wait, or only the others.',
      }),
    },
    resolve: (_root, args, { read }) => {
      const { meterId } = args;
      const key = meterId === null || meterId === undefined ? null : integerKey(meterId.id);
      const filter = { meterId: key, isWaiting: args.isWaiting ?? null };
      return pageByTime(
        args,
        (page) => read((tx) => pageReadingExceptions(tx, filter, page)),
        (exception) => ({ atMs: exception.readAt.getTime(), key: exception.key }),
      );
    },
  }),
}));
