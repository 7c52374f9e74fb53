import type { SubjectEvent } from '../db/events.ts';
import { snapshotMeter } from '../db/meterReads.ts';
import type { LiveRegister } from '../db/meterReads.ts';
import { importChannel } from '../domain/channel.ts';
import type { StreamItem } from '../stream/follow.ts';
import { builder } from './builder.ts';
import type { ApiContext } from './context.ts';
import { asBilled, Energy, Power } from './energy.ts';
import { Meter } from './meter.ts';
import { Money } from './money.ts';
import type { MoneyValue } from './money.ts';
import { integerKey } from './nodeKey.ts';
import {
  StreamEvent,
  StreamGap,
  StreamModeEnum,
  StreamProgress,
  openStream,
  streamTypeOf,
} from './stream.ts';

type Snapshot = { readonly meterId: number; readonly live: LiveRegister | null };
type Item = StreamItem<Snapshot>;

/** In the currency of the account that the event is about; null while it has none. */
export async function moneyOf(
  { currencyOf }: ApiContext,
  { accountId }: SubjectEvent,
  micros: bigint,
): Promise<MoneyValue | null> {
  const currency = accountId === 0 ? null : await currencyOf(accountId);
  return currency === null ? null : { micros, currency };
}

const MeterSnapshot = builder
  .objectRef<Extract<Item, { kind: 'snapshot' }>>('MeterSnapshot')
  .implement({
    interfaces: [StreamEvent],
    description: 'How it stands; events go on from here.',
    fields: (t) => ({
      meter: t.field({ type: Meter, resolve: ({ snapshot }) => snapshot.meterId }),
      readAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'Null until the meter was read, as are the values.',
        resolve: ({ snapshot }) => snapshot.live?.readAt ?? null,
      }),
      register: t.field({
        type: Energy,
        nullable: true,
        description: asBilled,
        resolve: ({ snapshot: { live } }) => (live === null ? null : { wh: live.registerWh }),
      }),
      power: t.field({
        type: Power,
        nullable: true,
        resolve: ({ snapshot: { live } }) => {
          const powerW = live?.powerW ?? null;
          return powerW === null ? null : { w: powerW };
        },
      }),
    }),
  });

const MeterConsumption = builder
  .objectRef<Extract<Item, { kind: 'event' }>>('MeterConsumption')
  .implement({
    interfaces: [StreamEvent],
    description: 'A commit that rated readings of the meter.',
    fields: (t) => ({
      readAt: t.field({ type: 'DateTime', resolve: ({ event }) => new Date(event.readAtMs) }),
      register: t.field({
        type: Energy,
        description: asBilled,
        resolve: ({ event }) => ({ wh: event.registerWh }),
      }),
      power: t.field({ type: Power, resolve: ({ event }) => ({ w: event.powerW }) }),
      energy: t.field({
        type: Energy,
        description: 'Rated by this event; negative where a correction takes some back.',
        resolve: ({ event }) => ({ wh: event.energyWh }),
      }),
      charged: t.field({
        type: Money,
        nullable: true,
        description: 'Null while no agreement prices the meter.',
        resolve: ({ event }, _args, context) => moneyOf(context, event, event.chargedMicros),
      }),
      balance: t.field({
        type: Money,
        nullable: true,
        description: "The account's, after it.",
        resolve: ({ event }, _args, context) => moneyOf(context, event, event.balanceMicros),
      }),
    }),
  });

const MeterConsumptionEvent = builder.unionType('MeterConsumptionEvent', {
  types: [MeterSnapshot, MeterConsumption, StreamProgress, StreamGap],
  resolveType: (item) => streamTypeOf(item, { snapshot: MeterSnapshot, change: MeterConsumption }),
});

builder.subscriptionField('meterConsumption', (t) =>
  t.field({
    type: MeterConsumptionEvent,
    authScopes: { may: 'Subscription.meterConsumption' },
    args: {
      meterId: t.arg.globalID({ for: Meter, required: true }),
      after: t.arg({ type: 'Cursor' }),
      mode: t.arg({ type: StreamModeEnum, defaultValue: 'ALL', required: true }),
    },
    subscribe: (_root, { meterId: { id }, after, mode }, context) => {
      const meterId = integerKey(id);
      return openStream<Snapshot>(context, {
        after,
        mode,
        subject: { meterId },
        wants: (event) => event.kind === 'rated',
        notFound: {
          code: 'METER_NOT_FOUND',
          message: 'You have no such meter. Take its id from the query "meters".',
        },
        load: async (tx, shard) => {
          const found = await snapshotMeter(tx, { shard, meterId, channel: importChannel });
          if (found === null) return null;
          return { sequence: found.sequence, snapshot: { meterId, live: found.live } };
        },
      });
    },
    resolve: (item) => item,
  }),
);
