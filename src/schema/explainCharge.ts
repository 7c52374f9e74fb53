import { findCharges } from '../db/chargeReads.ts';
import type { ChargeView } from '../db/chargeReads.ts';
import { exactText } from '../domain/exactText.ts';
import type { ExplainedInterval, ExplainedLine, LineName } from '../domain/rating/explain.ts';
import { explainCharge } from '../operations/explainCharge.ts';
import { builder, pageCost } from './builder.ts';
import { Charge } from './charge.ts';
import { coded, codedRefusal } from './coded.ts';
import type { ApiContext } from './context.ts';
import { ChargeLine } from './line.ts';
import { chargeKey } from './nodeKey.ts';
import { pageOfSeries } from './page.ts';

const ChargeInterval = builder.objectRef<ExplainedInterval>('ChargeInterval').implement({
  description: 'What a quarter hour, or a window of demand, is to a line.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', resolve: ({ fromMs }) => new Date(fromMs) }),
    to: t.field({ type: 'DateTime', resolve: ({ toMs }) => new Date(toMs) }),
    quantity: t.field({
      type: 'Decimal',
      description: "In the line's unit.",
      resolve: ({ quantity }) => exactText(quantity),
    }),
    price: t.field({ type: 'Decimal', resolve: ({ price }) => exactText(price) }),
    exact: t.field({
      type: 'Decimal',
      description: 'Quantity times price, before rounding.',
      resolve: ({ exact }) => exactText(exact),
    }),
  }),
});

const ChargeRest = builder.objectRef<ExplainedLine['rest']>('ChargeRest').implement({
  description: 'What no interval made: fixed amounts, taxes, a ratchet, credits, roundings.',
  fields: (t) => ({
    quantity: t.field({ type: 'Decimal', resolve: ({ quantity }) => exactText(quantity) }),
    exact: t.field({ type: 'Decimal', resolve: ({ exact }) => exactText(exact) }),
  }),
});

type LineView = ExplainedLine & { readonly currency: string };

const ExplainedChargeLine = builder.objectRef<LineView>('ExplainedChargeLine').implement({
  description: 'A line down to its intervals: they and the rest are exactly the line.',
  fields: (t) => ({
    line: t.field({
      type: ChargeLine,
      resolve: ({ line, currency }) => ({ ...line, currency }),
    }),
    rest: t.field({ type: ChargeRest, resolve: ({ rest }) => rest }),
    intervals: t.connection({
      type: ChargeInterval,
      complexity: pageCost,
      description: 'Oldest first, those with a part of the line.',
      resolve: ({ intervals }, args) => pageOfSeries(args, intervals, ({ fromMs }) => fromMs),
    }),
  }),
});

async function explain(
  { read }: ApiContext,
  charge: ChargeView,
  name: LineName,
): Promise<LineView[]> {
  const explained = await read((tx) => explainCharge(tx, { charge, name }));
  if (!explained.ok) throw codedRefusal(explained);
  const { currency } = charge;
  return explained.value.map((line) => ({ ...line, currency }));
}

type NameArgs = {
  readonly component: string;
  readonly period?: string | null | undefined;
  readonly tier?: number | null | undefined;
};

function nameOf({ component, period, tier }: NameArgs): LineName {
  return { component, period: period ?? null, tier: tier ?? null };
}

builder.objectField(Charge, 'explain', (t) =>
  t.field({
    type: [ExplainedChargeLine],
    description: 'The lines of this component, period and tier: a tier may have two.',
    complexity: { field: 20, multiplier: 2 },
    args: {
      component: t.arg.string({ required: true }),
      period: t.arg.string(),
      tier: t.arg.int(),
    },
    resolve: (charge, args, context) => explain(context, charge, nameOf(args)),
  }),
);

builder.queryField('explainCharge', (t) =>
  t.field({
    type: [ExplainedChargeLine],
    authScopes: { may: 'Query.explainCharge' },
    description: 'The lines of a charge that have this component, period and tier.',
    complexity: { field: 20, multiplier: 2 },
    args: {
      chargeId: t.arg.globalID({ for: Charge, required: true }),
      component: t.arg.string({ required: true }),
      period: t.arg.string(),
      tier: t.arg.int(),
    },
    resolve: async (_root, { chargeId, ...args }, context) => {
      const [charge] = await context.read((tx) => findCharges(tx, [chargeKey(chargeId.id)]));
      if (charge === undefined) {
        throw coded('CHARGE_NOT_FOUND', 'There is no such charge. Check its id.');
      }
      return explain(context, charge, nameOf(args));
    },
  }),
);
