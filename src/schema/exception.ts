import { pageReadingExceptions } from '../db/exceptionReads.ts';
import type { ReadingExceptionView } from '../db/exceptionReads.ts';
import { builder, pageCost } from './builder.ts';
import { Meter } from './meter.ts';
import { integerKey } from './nodeKey.ts';
import { pageByTime } from './page.ts';

const ReadingException = builder.objectRef<ReadingExceptionView>('ReadingException').implement({
  description: 'A reading of an accepted batch that may not be billed.',
  fields: (t) => ({
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    readAt: t.field({ type: 'DateTime', resolve: ({ readAt }) => readAt }),
    value: t.field({
      type: 'Decimal',
      description: 'As the batch carried it.',
      resolve: ({ value }) => value.toString(),
    }),
    code: t.exposeString('code'),
    message: t.exposeString('message'),
    takenAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Of a row that was held back: when it was taken in after all.',
      resolve: ({ takenAt }) => takenAt,
    }),
  }),
});

builder.queryFields((t) => ({
  readingExceptions: t.connection({
    type: ReadingException,
    authScopes: { may: 'Query.readingExceptions' },
    complexity: pageCost,
    description: 'Newest first; of one meter when it is given.',
    args: { meterId: t.arg.globalID({ for: Meter }) },
    resolve: (_root, args, { read }) => {
      const { meterId } = args;
      const key = meterId === null || meterId === undefined ? null : integerKey(meterId.id);
      return pageByTime(
        args,
        (page) => read((tx) => pageReadingExceptions(tx, key, page)),
        (exception) => ({ atMs: exception.readAt.getTime(), key: exception.key }),
      );
    },
  }),
}));
