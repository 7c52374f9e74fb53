import type { Transaction } from '../db/connect.ts';
import { eventShardOf } from '../db/events.ts';
import type { Subject, SubjectEvent } from '../db/events.ts';
import { assert, assertNever } from '../domain/assert.ts';
import { follow } from '../stream/follow.ts';
import type { StreamItem, StreamMode } from '../stream/follow.ts';
import { parseCursor } from '../stream/cursor.ts';
import type { StreamPosition } from '../stream/cursor.ts';
import { builder } from './builder.ts';
import { coded, codedRefusal } from './coded.ts';
import type { ApiContext } from './context.ts';

export const StreamModeEnum = builder.enumType('StreamMode', {
  values: {
    ALL: { description: 'Every event, in order, none lost.' },
    LATEST: { description: 'What has piled up comes as one event: for phones.' },
  } as const,
});

type Emitted = { readonly cursor: string; readonly emittedAtMs: number };

export const StreamEvent = builder.interfaceRef<Emitted>('StreamEvent').implement({
  description: 'Keep the cursor and send it as `after` when you come back.',
  fields: (t) => ({
    cursor: t.field({ type: 'Cursor', resolve: ({ cursor }) => cursor }),
    emittedAt: t.field({ type: 'DateTime', resolve: ({ emittedAtMs }) => new Date(emittedAtMs) }),
  }),
});

export const StreamProgress = builder.objectRef<Emitted>('StreamProgress').implement({
  interfaces: [StreamEvent],
  description: 'The stream is alive and nothing new concerns it; at least every 15 s.',
});

export const StreamGap = builder.objectRef<Emitted>('StreamGap').implement({
  interfaces: [StreamEvent],
  description: 'The events after the cursor are not kept any more. A snapshot follows.',
});

/** The type of an item: a state read at the begin or what an event changed of it, else our own. */
export function streamTypeOf<Snapshot, Change>(
  item: unknown,
  { snapshot, change }: { readonly snapshot: Snapshot; readonly change: Change },
): Snapshot | Change | typeof StreamProgress {
  // A union's own type forgets the tag, which every item of a stream has.
  const { kind } = item as StreamItem<unknown>;
  switch (kind) {
    case 'snapshot':
      return snapshot;
    case 'event':
      return change;
    case 'progress':
      return StreamProgress;
    case 'gap':
      return StreamGap;
    default:
      return assertNever(kind);
  }
}

function positionOf(after: string | null | undefined, shard: number): StreamPosition | null {
  if (after === null || after === undefined) return null;
  const position = parseCursor(after);
  if (!position.ok) throw codedRefusal(position);
  if (position.value.shard !== shard) {
    throw coded('CURSOR_MALFORMED', 'The cursor is of another stream. Begin without one.');
  }
  return position.value;
}

/**
 * Opens a stream over a subject that the viewer can see. `load` reads its state with the number it
 * is of in one statement, and null where the viewer has no such subject.
 */
export async function openStream<Snapshot>(
  { viewer, deps, read, expiresAtMs }: ApiContext,
  args: {
    readonly after?: string | null | undefined;
    readonly mode: StreamMode;
    readonly subject: Subject;
    readonly notFound: { readonly code: string; readonly message: string };
    wants(event: SubjectEvent): boolean;
    load(
      tx: Transaction,
      shard: number,
    ): Promise<{ readonly sequence: bigint; readonly snapshot: Snapshot } | null>;
  },
): Promise<AsyncIterable<StreamItem<Snapshot>>> {
  const shard = eventShardOf(viewer.companyId);
  const after = positionOf(args.after, shard);
  // Also when it is resumed: what the viewer may see can have changed meanwhile.
  const seen = await read((tx) => args.load(tx, shard));
  if (seen === null) throw coded(args.notFound.code, args.notFound.message);
  return follow({
    tail: deps.tail,
    sql: deps.sql,
    viewer,
    subject: args.subject,
    wants: args.wants,
    after,
    mode: args.mode,
    clock: deps.clock,
    progressMs: deps.streamProgressMs,
    endsAtMs: expiresAtMs,
    onError: deps.onError,
    snapshot: async () => {
      const found = await read((tx) => args.load(tx, shard));
      assert(found !== null, 'what was there is not deleted');
      return found;
    },
  });
}
