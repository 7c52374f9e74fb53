import { pageWorkOrders } from '../db/workOrders.ts';
import type { WorkOrderView } from '../db/workOrders.ts';
import { endWorkOrder } from '../operations/supply/protections.ts';
import { builder, pageCost } from './builder.ts';
import { Meter } from './meter.ts';
import { uuidKey } from './nodeKey.ts';
import { pageByTime } from './page.ts';
import { RecordedResult } from './protection.ts';
import { userErrorOf } from './userError.ts';

const WorkOrderKind = builder.enumType('WorkOrderKind', {
  values: {
    COMMAND_FAILED: { value: 'command_failed' },
    BYPASS: { value: 'bypass', description: 'Energy flows behind a verified cut.' },
    LOAD_LIMIT_TRIPPED: { value: 'load_limit_tripped' },
    NOTICE_GIVEN_UP: {
      value: 'notice_given_up',
      description: 'The notice of a cut did not arrive, and is not sent again.',
    },
  } as const,
});

const WorkOrder = builder.objectRef<WorkOrderView>('WorkOrder').implement({
  description: 'Something for people to do on site or at a desk.',
  fields: (t) => ({
    workOrderId: t.field({ type: 'UUID', resolve: ({ id }) => id }),
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    kind: t.field({ type: WorkOrderKind, resolve: ({ kind }) => kind }),
    detail: t.field({ type: 'JSON', resolve: ({ detail }) => detail }),
    openedAt: t.field({ type: 'DateTime', resolve: ({ openedAt }) => openedAt }),
    endedAt: t.field({ type: 'DateTime', nullable: true, resolve: ({ endedAt }) => endedAt }),
    outcome: t.exposeString('outcome', { nullable: true }),
  }),
});

builder.queryFields((t) => ({
  workOrders: t.connection({
    type: WorkOrder,
    authScopes: { may: 'Query.workOrders' },
    complexity: pageCost,
    description: 'Newest first; open ones alone unless all are asked for.',
    args: { all: t.arg.boolean() },
    resolve: (_root, args, { read, viewer: { companyId } }) =>
      pageByTime(
        args,
        (page) =>
          read((tx) => pageWorkOrders(tx, { openOnly: args.all !== true, companyId }, page)),
        (row) => ({ atMs: row.openedAt.getTime(), key: row.id }),
      ),
  }),
}));

const EndWorkOrderInput = builder.inputType('EndWorkOrderInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    workOrderId: t.field({ type: 'UUID', required: true }),
    outcome: t.string({ required: true, description: 'What was found and done.' }),
  }),
});

builder.mutationFields((t) => ({
  endWorkOrder: t.field({
    type: RecordedResult,
    authScopes: { may: 'Mutation.endWorkOrder' },
    args: { input: t.arg({ type: EndWorkOrderInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const workOrderId = uuidKey(input.workOrderId);
      const done = await endWorkOrder(deps, viewer, { ...input, workOrderId });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
