import { z } from 'zod';
import { commandStates } from '../db/tables/command.ts';
import { findCommands, snapshotCommand } from '../db/commandReads.ts';
import type { CommandState } from '../db/commandReads.ts';
import type { Json } from '../db/events.ts';
import type { StreamItem } from '../stream/follow.ts';
import { builder } from './builder.ts';
import { coded } from './coded.ts';
import { Command, CommandStateEnum } from './command.ts';
import { uuidKey } from './nodeKey.ts';
import { StreamEvent, StreamGap, StreamProgress, openStream, streamTypeOf } from './stream.ts';

type Snapshot = { readonly commandId: string; readonly state: CommandState };
type Item = StreamItem<Snapshot>;

const detailShape = z.object({ commandId: z.string(), state: z.enum(commandStates) });

/** What an event says of a command; null when it is about something else. */
function newsOf(detail: Json): Snapshot | null {
  const parsed = detailShape.safeParse(detail);
  return parsed.success ? parsed.data : null;
}

const CommandProgress = builder
  .objectRef<Extract<Item, { kind: 'event' | 'snapshot' }>>('CommandProgress')
  .implement({
    interfaces: [StreamEvent],
    description: 'The state of the command at its begin, and each that it goes through.',
    fields: (t) => ({
      state: t.field({
        type: CommandStateEnum,
        resolve: (item) =>
          item.kind === 'snapshot'
            ? item.snapshot.state
            : (newsOf(item.event.detail)?.state ?? 'requested'),
      }),
      command: t.field({
        type: Command,
        nullable: true,
        resolve: (item) =>
          item.kind === 'snapshot' ? item.snapshot.commandId : newsOf(item.event.detail)?.commandId,
      }),
    }),
  });

const CommandProgressEvent = builder.unionType('CommandProgressEvent', {
  types: [CommandProgress, StreamProgress, StreamGap],
  resolveType: (item) => streamTypeOf(item, { snapshot: CommandProgress, change: CommandProgress }),
});

builder.subscriptionField('commandProgress', (t) =>
  t.field({
    type: CommandProgressEvent,
    authScopes: { may: 'Subscription.commandProgress' },
    args: {
      commandId: t.arg.globalID({ for: Command, required: true }),
      after: t.arg({ type: 'Cursor' }),
    },
    subscribe: async (_root, { commandId: { id }, after }, context) => {
      const commandId = uuidKey(id);
      const notFound = {
        code: 'COMMAND_NOT_FOUND',
        message: 'You have no such command. Take its id from the mutation that requested it.',
      };
      const [command] = await context.read((tx) => findCommands(tx, [commandId]));
      if (command === undefined) throw coded(notFound.code, notFound.message);
      return openStream<Snapshot>(context, {
        after,
        mode: 'ALL',
        subject: { meterId: command.meterId },
        wants: (event) => newsOf(event.detail)?.commandId === commandId,
        notFound,
        load: async (tx, shard) => {
          const found = await snapshotCommand(tx, { shard, commandId });
          if (found === null) return null;
          return { sequence: found.sequence, snapshot: { commandId, state: found.command.state } };
        },
      });
    },
    resolve: (item) => item,
  }),
);
