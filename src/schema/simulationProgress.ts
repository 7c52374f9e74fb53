import { z } from 'zod';
import { companySubject } from '../db/events.ts';
import type { Json } from '../db/events.ts';
import { snapshotSimulation } from '../db/simulationReads.ts';
import type { SimulationProgress as Progress } from '../db/simulations.ts';
import { simulationStates } from '../db/tables/lab.ts';
import type { StreamItem } from '../stream/follow.ts';
import { builder } from './builder.ts';
import { uuidKey } from './nodeKey.ts';
import { Simulation, SimulationStateEnum } from './simulation.ts';
import { StreamEvent, StreamGap, StreamProgress, openStream, streamTypeOf } from './stream.ts';

type Snapshot = Progress & { readonly simulationId: string };
type Item = StreamItem<Snapshot>;

const detailShape = z.object({
  simulationId: z.string(),
  state: z.enum(simulationStates),
  doneCount: z.number(),
  agreementCount: z.number(),
});

/** What an event says of a simulation; null when it is about something else. */
function newsOf(detail: Json): Snapshot | null {
  const parsed = detailShape.safeParse(detail);
  return parsed.success ? parsed.data : null;
}

function stateOf(item: Extract<Item, { kind: 'event' | 'snapshot' }>): Snapshot | null {
  return item.kind === 'snapshot' ? item.snapshot : newsOf(item.event.detail);
}

const SimulationProgress = builder
  .objectRef<Extract<Item, { kind: 'event' | 'snapshot' }>>('SimulationProgress')
  .implement({
    interfaces: [StreamEvent],
    description: 'How far the simulation is at its begin, and after each step.',
    fields: (t) => ({
      state: t.field({
        type: SimulationStateEnum,
        resolve: (item) => stateOf(item)?.state ?? 'waiting',
      }),
      done: t.int({ resolve: (item) => stateOf(item)?.doneCount ?? 0 }),
      total: t.int({ resolve: (item) => stateOf(item)?.agreementCount ?? 0 }),
      simulation: t.field({
        type: Simulation,
        nullable: true,
        resolve: (item) => stateOf(item)?.simulationId,
      }),
    }),
  });

const SimulationProgressEvent = builder.unionType('SimulationProgressEvent', {
  types: [SimulationProgress, StreamProgress, StreamGap],
  resolveType: (item) =>
    streamTypeOf(item, { snapshot: SimulationProgress, change: SimulationProgress }),
});

builder.subscriptionField('simulationProgress', (t) =>
  t.field({
    type: SimulationProgressEvent,
    authScopes: { may: 'Subscription.simulationProgress' },
    args: {
      simulationId: t.arg.globalID({ for: Simulation, required: true }),
      after: t.arg({ type: 'Cursor' }),
    },
    subscribe: (_root, { simulationId: { id }, after }, context) => {
      const simulationId = uuidKey(id);
      return openStream<Snapshot>(context, {
        after,
        mode: 'ALL',
        subject: { meterId: companySubject.meterId },
        wants: (event) => newsOf(event.detail)?.simulationId === simulationId,
        notFound: {
          code: 'SIMULATION_NOT_FOUND',
          message: 'You have no such simulation. Take its id from the mutation that asked for it.',
        },
        load: async (tx, shard) => {
          const found = await snapshotSimulation(tx, { shard, simulationId });
          if (found === null) return null;
          const { state, doneCount, agreementCount } = found.simulation;
          const snapshot = { simulationId, state, doneCount, agreementCount };
          return { sequence: found.sequence, snapshot };
        },
      });
    },
    resolve: (item) => item,
  }),
);
