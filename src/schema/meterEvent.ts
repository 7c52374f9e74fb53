import { listMeterEvents } from '../db/meterEvents.ts';
import type { MeterEventView } from '../db/meterEvents.ts';
import { meterEventsToldMax } from '../domain/limits.ts';
import { meterEventName } from '../domain/series/meterEvent.ts';
import { builder } from './builder.ts';
import { Meter } from './meter.ts';
import { integerKey } from './nodeKey.ts';

const MeterEvent = builder.objectRef<MeterEventView>('MeterEvent').implement({
  description: "A line of a meter's own log.",
  fields: (t) => ({
    name: t.string({
      description: 'POWER_OUTAGE and so on; UNKNOWN for a code that nobody has named.',
      resolve: ({ code }) => meterEventName(code),
    }),
    code: t.exposeInt('code', { description: 'As the batch carried it.' }),
    from: t.field({ type: 'DateTime', resolve: ({ fromAt }) => fromAt }),
    to: t.field({ type: 'DateTime', resolve: ({ toAt }) => toAt }),
  }),
});

builder.queryField('meterEvents', (t) =>
  t.field({
    type: [MeterEvent],
    authScopes: { may: 'Query.meterEvents' },
    complexity: { field: 10, multiplier: 10 },
    description: `Newest first, those that touch [from, to); at most ${meterEventsToldMax}.`,
    args: {
      meterId: t.arg.globalID({ for: Meter, required: true }),
      from: t.arg({ type: 'DateTime', required: true }),
      to: t.arg({ type: 'DateTime', required: true }),
    },
    resolve: (_root, { meterId, from, to }, { read }) =>
      read(async (tx) => [
        ...(await listMeterEvents(tx, {
          meterId: integerKey(meterId.id),
          fromMs: from.getTime(),
          toMs: to.getTime(),
          limit: meterEventsToldMax,
        })),
      ]),
  }),
);
