import { exactText } from '../domain/exactText.ts';
import type { Fraction } from '../domain/exact.ts';
import type { MarginalPart } from '../domain/lab/marginal.ts';
import type { PriceStretch } from '../domain/lab/pricesAhead.ts';
import { pricesAheadHoursMax } from '../domain/limits.ts';
import { nextPrices, priceAt } from '../operations/priceAt.ts';
import { Agreement } from './agreement.ts';
import { builder } from './builder.ts';
import { codedRefusal } from './coded.ts';
import { integerKey } from './nodeKey.ts';
import { Tariff } from './tariff.ts';
import { TariffComponentKind } from './tariffText.ts';

function priceText(price: Fraction | null): string | null {
  return price === null ? null : exactText(price);
}

const PricePart = builder.objectRef<MarginalPart>('PricePart').implement({
  description: 'What one component takes for the next kWh.',
  fields: (t) => ({
    component: t.exposeString('component'),
    kind: t.field({ type: TariffComponentKind, resolve: ({ kind }) => kind }),
    period: t.exposeString('period', { nullable: true }),
    tier: t.exposeInt('tier', {
      nullable: true,
      description: 'Where the price depends on use: the tier that the next kWh is in, from 1.',
    }),
    price: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'Currency a kWh; null where it is not known.',
      resolve: ({ price }) => priceText(price),
    }),
    isProvisional: t.exposeBoolean('isProvisional', {
      description: 'It stands in for a price that is not known yet.',
    }),
  }),
});

type StretchView = PriceStretch & { readonly currency: string; readonly untilMs: number | null };

const PriceStretchRef = builder.objectRef<StretchView>('PriceStretch').implement({
  description:
    'What one more kWh of import costs, before rounding, taxes and levies included. Standing ' +
    'charges, demand, minima and credits do not follow from a kWh and are not in it.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', resolve: ({ fromMs }) => new Date(fromMs) }),
    until: t.field({
      type: 'DateTime',
      nullable: true,
      description: `Null: it holds longer than prices are told, ${pricesAheadHoursMax} hours.`,
      resolve: ({ untilMs }) => (untilMs === null ? null : new Date(untilMs)),
    }),
    currency: t.field({ type: 'CurrencyCode', resolve: ({ currency }) => currency }),
    price: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'A kWh, the sum of the parts. Null where one is not known, which is not zero.',
      resolve: ({ price }) => priceText(price),
    }),
    code: t.string({
      nullable: true,
      description: 'PRICE_MISSING where there is no price.',
      resolve: ({ price }) => (price === null ? 'PRICE_MISSING' : null),
    }),
    parts: t.field({ type: [PricePart], resolve: ({ parts }) => [...parts] }),
  }),
});

function keyOrNull(id: { readonly id: string } | null | undefined): number | null {
  return id === null || id === undefined ? null : integerKey(id.id);
}

builder.queryFields((t) => ({
  priceAt: t.field({
    type: PriceStretchRef,
    authScopes: { may: 'Query.priceAt' },
    description: 'Of an agreement, with what it has used; or of a tariff, before any use.',
    complexity: 50,
    args: {
      agreementId: t.arg.globalID({ for: Agreement }),
      tariffId: t.arg.globalID({ for: Tariff }),
      timeZone: t.arg.string({ description: 'Of a tariff that names none: an IANA name.' }),
      at: t.arg({ type: 'DateTime', required: true }),
    },
    resolve: async (_root, args, { read, viewer }) => {
      const wanted = {
        agreementId: keyOrNull(args.agreementId),
        tariffId: keyOrNull(args.tariffId),
        zone: args.timeZone ?? null,
        atMs: args.at.getTime(),
      };
      const found = await read((tx) => priceAt(tx, viewer, wanted));
      if (!found.ok) throw codedRefusal(found);
      const { stretch, untilMs, currency } = found.value;
      return { ...stretch, untilMs, currency };
    },
  }),
  nextPrices: t.field({
    type: [PriceStretchRef],
    authScopes: { may: 'Query.nextPrices' },
    description: 'Without a gap. Tiers are those reached before the first instant.',
    complexity: ({ hours }) => ({ field: 50, multiplier: Math.min(Math.max(hours ?? 24, 1), 72) }),
    args: {
      agreementId: t.arg.globalID({ for: Agreement }),
      tariffId: t.arg.globalID({ for: Tariff }),
      timeZone: t.arg.string({ description: 'Of a tariff that names none: an IANA name.' }),
      from: t.arg({ type: 'DateTime', required: true }),
      hours: t.arg.int({ defaultValue: 24, description: `At most ${pricesAheadHoursMax}.` }),
    },
    resolve: async (_root, args, { read, viewer }) => {
      const wanted = {
        agreementId: keyOrNull(args.agreementId),
        tariffId: keyOrNull(args.tariffId),
        zone: args.timeZone ?? null,
        fromMs: args.from.getTime(),
        hours: args.hours ?? 24,
      };
      const found = await read((tx) => nextPrices(tx, viewer, wanted));
      if (!found.ok) throw codedRefusal(found);
      const { stretches, currency } = found.value;
      return stretches.map((each) => ({ ...each, untilMs: each.toMs, currency }));
    },
  }),
}));
