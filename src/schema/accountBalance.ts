import { snapshotBalance } from '../db/accountReads.ts';
import type { EventKind } from '../db/events.ts';
import type { StreamItem } from '../stream/follow.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { Energy } from './energy.ts';
import { moneyOf } from './meterConsumption.ts';
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

type Snapshot = { readonly accountId: number; readonly balance: MoneyValue };
type Item = StreamItem<Snapshot>;

const AccountSnapshot = builder
  .objectRef<Extract<Item, { kind: 'snapshot' }>>('AccountSnapshot')
  .implement({
    interfaces: [StreamEvent],
    description: 'How it stands; events go on from here.',
    fields: (t) => ({
      account: t.field({ type: Account, resolve: ({ snapshot }) => snapshot.accountId }),
      // Nullable as in the change, so that one selection fits both members of the union.
      balance: t.field({
        type: Money,
        nullable: true,
        resolve: ({ snapshot }) => snapshot.balance,
      }),
    }),
  });

const causes = ['rated', 'top_up', 'payment', 'adjustment'] as const;

function causeOf(kind: EventKind): (typeof causes)[number] {
  return causes.find((cause) => cause === kind) ?? 'rated';
}

const BalanceCause = builder.enumType('BalanceCause', {
  values: {
    RATED: { value: 'rated' },
    TOP_UP: { value: 'top_up' },
    PAYMENT: { value: 'payment', description: 'A payment, its refund or its dispute.' },
    ADJUSTMENT: { value: 'adjustment', description: 'By a person: a correction or goodwill.' },
  } as const,
});

const AccountBalanceChange = builder
  .objectRef<Extract<Item, { kind: 'event' }>>('AccountBalanceChange')
  .implement({
    interfaces: [StreamEvent],
    description: 'A commit that concerns the account: rated readings or money.',
    fields: (t) => ({
      cause: t.field({
        type: BalanceCause,
        resolve: ({ event }) => causeOf(event.kind),
      }),
      balance: t.field({
        type: Money,
        nullable: true,
        description: 'After it. Null only when the account is out of sight by now.',
        resolve: ({ event }, _args, context) => moneyOf(context, event, event.balanceMicros),
      }),
      charged: t.field({
        type: Money,
        nullable: true,
        resolve: ({ event }, _args, context) => moneyOf(context, event, event.chargedMicros),
      }),
      energy: t.field({ type: Energy, resolve: ({ event }) => ({ wh: event.energyWh }) }),
    }),
  });

const AccountBalanceEvent = builder.unionType('AccountBalanceEvent', {
  types: [AccountSnapshot, AccountBalanceChange, StreamProgress, StreamGap],
  resolveType: (item) =>
    streamTypeOf(item, { snapshot: AccountSnapshot, change: AccountBalanceChange }),
});

builder.subscriptionField('accountBalance', (t) =>
  t.field({
    type: AccountBalanceEvent,
    authScopes: { may: 'Subscription.accountBalance' },
    args: {
      accountId: t.arg.globalID({ for: Account, required: true }),
      after: t.arg({ type: 'Cursor' }),
      mode: t.arg({ type: StreamModeEnum, defaultValue: 'ALL', required: true }),
    },
    subscribe: (_root, { accountId: { id }, after, mode }, context) => {
      const accountId = integerKey(id);
      return openStream<Snapshot>(context, {
        after,
        mode,
        subject: { accountId },
        wants: (event) => causes.some((cause) => cause === event.kind),
        notFound: {
          code: 'ACCOUNT_NOT_FOUND',
          message: 'You have no such account. Take its id from the query "accounts".',
        },
        load: async (tx, shard) => {
          const found = await snapshotBalance(tx, { shard, accountId });
          if (found === null) return null;
          const { sequence, balanceMicros: micros, currency } = found;
          return { sequence, snapshot: { accountId, balance: { micros, currency } } };
        },
      });
    },
    resolve: (item) => item,
  }),
);
