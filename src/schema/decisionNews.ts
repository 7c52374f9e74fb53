import { z } from 'zod';
import { companySubject } from '../db/events.ts';
import type { Json } from '../db/events.ts';
import { snapshotHolds } from '../db/veeDecisionReads.ts';
import type { StreamItem } from '../stream/follow.ts';
import { builder } from './builder.ts';
import { StreamEvent, StreamGap, StreamProgress, openStream, streamTypeOf } from './stream.ts';
import { VeeDecision } from './veeDecision.ts';

type Snapshot = { readonly openHolds: number };
type Item = StreamItem<Snapshot>;

const changeShape = z.object({ id: z.string(), state: z.enum(['held', 'withdrawn', 'released']) });
const detailShape = z.object({ decisions: z.array(changeShape) });
type Change = z.output<typeof changeShape>;

/** What an event says of decisions; null when it is about something else. */
function newsOf(detail: Json): readonly Change[] | null {
  const parsed = detailShape.safeParse(detail);
  return parsed.success ? parsed.data.decisions : null;
}

const HoldState = builder.enumType('HoldState', {
  values: {
    HELD: { value: 'held', description: 'The bill of its time is not posted.' },
    WITHDRAWN: { value: 'withdrawn', description: 'What came since does not bear it out.' },
    RELEASED: { value: 'released', description: 'A person let the bill go.' },
  } as const,
});

const DecisionChange = builder.objectRef<Change>('DecisionChange').implement({
  fields: (t) => ({
    state: t.field({
      type: HoldState,
      description: 'What has happened. How the decision stands by now, it says itself.',
      resolve: ({ state }) => state,
    }),
    decision: t.field({ type: VeeDecision, nullable: true, resolve: ({ id }) => id }),
  }),
});

const DecisionSnapshot = builder
  .objectRef<Extract<Item, { kind: 'snapshot' }>>('DecisionSnapshot')
  .implement({
    interfaces: [StreamEvent],
    description: 'How it stands; events go on from here. Read them with the query veeDecisions.',
    fields: (t) => ({
      openHolds: t.int({
        description: 'Decisions that hold bills now.',
        resolve: ({ snapshot }) => snapshot.openHolds,
      }),
    }),
  });

const DecisionNews = builder.objectRef<Extract<Item, { kind: 'event' }>>('DecisionNews').implement({
  interfaces: [StreamEvent],
  description: 'What one step of validation, or a person, changed.',
  fields: (t) => ({
    changes: t.field({
      type: [DecisionChange],
      resolve: ({ event }) => [...(newsOf(event.detail) ?? [])],
    }),
  }),
});

const DecisionNewsEvent = builder.unionType('DecisionNewsEvent', {
  types: [DecisionSnapshot, DecisionNews, StreamProgress, StreamGap],
  resolveType: (item) => streamTypeOf(item, { snapshot: DecisionSnapshot, change: DecisionNews }),
});

builder.subscriptionField('decisionNews', (t) =>
  t.field({
    type: DecisionNewsEvent,
    authScopes: { may: 'Subscription.decisionNews' },
    description: 'Decisions of validation that begin to hold bills, and those that do no longer.',
    args: { after: t.arg({ type: 'Cursor' }) },
    subscribe: (_root, { after }, context) =>
      openStream<Snapshot>(context, {
        after,
        mode: 'ALL',
        subject: { meterId: companySubject.meterId },
        wants: (event) => event.kind === 'decision',
        notFound: { code: 'NOT_PERMITTED', message: 'Your role sees no decisions.' },
        load: async (tx, shard) => {
          const found = await snapshotHolds(tx, shard);
          if (found === null) return null;
          const { sequence, openHolds } = found;
          return { sequence, snapshot: { openHolds } };
        },
      }),
    resolve: (item) => item,
  }),
);
