import { findCommandSteps, findCommands, pageCommands } from '../db/commandReads.ts';
import type { CommandStepView, CommandView } from '../db/commandReads.ts';
import { parseMeterId } from '../domain/ids.ts';
import { requestCommand } from '../operations/requestCommand.ts';
import type { RequestedCommand } from '../operations/requestCommand.ts';
import { builder, pageCost } from './builder.ts';
import type { ApiContext } from './context.ts';
import { Power } from './energy.ts';
import { Meter } from './meter.ts';
import { integerKey, uuidKey } from './nodeKey.ts';
import { pageByTime } from './page.ts';
import { resultUnion, userErrorOf } from './userError.ts';

export const Command = builder.loadableNodeRef<CommandView>('Command', {
  id: { resolve: (command) => command.id, parse: uuidKey },
  load: (ids, { read }) => read((tx) => findCommands(tx, ids)),
  sort: (command) => command.id,
  loaderOptions: { cache: false },
});

const CommandKind = builder.enumType('CommandKind', {
  values: {
    DISCONNECT: { value: 'disconnect' },
    RECONNECT: { value: 'reconnect' },
    LIMIT: { value: 'limit', description: 'Instead of a cut: no more than limit.' },
    UNLIMIT: { value: 'unlimit' },
  } as const,
});

export const CommandStateEnum = builder.enumType('CommandState', {
  values: {
    REQUESTED: { value: 'requested' },
    QUEUED: { value: 'queued' },
    SENT: { value: 'sent' },
    ACKNOWLEDGED: { value: 'acknowledged' },
    VERIFIED: { value: 'verified' },
    FAILED: { value: 'failed' },
    EXPIRED: { value: 'expired' },
    CANCELLED: { value: 'cancelled' },
  } as const,
});

const CommandStep = builder.objectRef<CommandStepView>('CommandStep').implement({
  fields: (t) => ({
    state: t.field({ type: CommandStateEnum, resolve: ({ state }) => state }),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
  }),
});

Command.implement({
  description: 'Something a device must do. It ends VERIFIED, FAILED, EXPIRED or CANCELLED.',
  fields: (t) => ({
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    kind: t.field({ type: CommandKind, resolve: ({ kind }) => kind }),
    limit: t.field({
      type: Power,
      nullable: true,
      description: 'Of a LIMIT: the most that may flow.',
      resolve: ({ limitW }) => (limitW === null ? null : { w: limitW }),
    }),
    isAutomatic: t.boolean({ resolve: ({ cause }) => cause === 'automatic' }),
    state: t.field({ type: CommandStateEnum, resolve: ({ state }) => state }),
    requestedAt: t.field({ type: 'DateTime', resolve: ({ requestedAt }) => requestedAt }),
    notAfter: t.field({
      type: 'DateTime',
      description: 'It is not sent later.',
      resolve: ({ notAfter }) => notAfter,
    }),
    attempts: t.exposeInt('attempts'),
    failureCode: t.exposeString('failureCode', { nullable: true }),
    steps: t.loadableGroup({
      type: CommandStep,
      resolve: ({ id }) => id,
      load: (ids: string[], { read }) => read((tx) => findCommandSteps(tx, ids)),
      group: (step) => step.commandId,
      loaderOptions: { cache: false },
    }),
  }),
});

builder.queryFields((t) => ({
  command: t.field({
    type: Command,
    nullable: true,
    authScopes: { may: 'Query.command' },
    args: { id: t.arg.globalID({ for: Command, required: true }) },
    resolve: (_root, { id }) => uuidKey(id.id),
  }),
  commands: t.connection({
    type: Command,
    authScopes: { may: 'Query.commands' },
    complexity: pageCost,
    description: 'Newest first.',
    resolve: (_root, args, { read }) =>
      pageByTime(
        args,
        (page) => read((tx) => pageCommands(tx, null, page)),
        (command) => ({ atMs: command.requestedAt.getTime(), key: command.id }),
      ),
  }),
}));

const RequestCommandPayload = builder
  .objectRef<RequestedCommand>('RequestCommandPayload')
  .implement({
    fields: (t) => ({
      command: t.field({
        type: Command,
        description: 'Watch it with the subscription commandProgress.',
        resolve: ({ commandId }) => commandId,
      }),
      isReplay: t.exposeBoolean('isReplay', {
        description: 'The key was used before: nothing new.',
      }),
    }),
  });

const RequestCommandResult = resultUnion('RequestCommandResult', RequestCommandPayload);

const RequestCommandInput = builder.inputType('RequestCommandInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    meterId: t.globalID({ for: Meter, required: true }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

type Request = {
  readonly idempotencyKey: string;
  readonly meterId: { readonly id: string };
  readonly reason: string;
  readonly kind: 'disconnect' | 'reconnect';
};

async function request({ deps, viewer }: ApiContext, { meterId: rawId, ...input }: Request) {
  const meterId = parseMeterId(integerKey(rawId.id));
  if (!meterId.ok) return userErrorOf(meterId);
  const done = await requestCommand(deps, viewer, { ...input, meterId: meterId.value });
  return done.ok ? done.value : userErrorOf(done);
}

builder.mutationFields((t) => ({
  requestDisconnect: t.field({
    type: RequestCommandResult,
    authScopes: { may: 'Mutation.requestDisconnect' },
    args: { input: t.arg({ type: RequestCommandInput, required: true }) },
    resolve: (_root, { input }, context) => request(context, { ...input, kind: 'disconnect' }),
  }),
  requestReconnect: t.field({
    type: RequestCommandResult,
    authScopes: { may: 'Mutation.requestReconnect' },
    args: { input: t.arg({ type: RequestCommandInput, required: true }) },
    resolve: (_root, { input }, context) => request(context, { ...input, kind: 'reconnect' }),
  }),
}));
