import { requestBytesMax } from '../domain/limits.ts';
import { recordPrices } from '../operations/recordPrices.ts';
import type { RecordedPrices } from '../operations/recordPrices.ts';
import { builder } from './builder.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const PriceUnit = builder.enumType('PriceUnit', {
  values: { KWH: { value: 'kWh' }, MWH: { value: 'MWh' } } as const,
});

const PriceStep = builder.enumType('PriceStep', {
  description: 'For how long a price holds, as ISO 8601 writes it.',
  values: { PT15M: { value: 15 }, PT30M: { value: 30 }, PT60M: { value: 60 } } as const,
});

const PriceSeriesInput = builder.inputType('PriceSeriesInput', {
  description: 'It is made by its first prices and keeps currency, unit and step.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'As dynamic components name it.' }),
    currency: t.field({ type: 'CurrencyCode', required: true }),
    unit: t.field({ type: PriceUnit, required: true }),
    step: t.field({ type: PriceStep, required: true }),
  }),
});

const PricePointInput = builder.inputType('PricePointInput', {
  fields: (t) => ({
    start: t.field({ type: 'DateTime', required: true, description: 'On a full step of UTC.' }),
    price: t.field({
      type: 'Decimal',
      description: 'Currency a unit. Null takes a price back: none is known.',
    }),
  }),
});

const RecordPricesInput = builder.inputType('RecordPricesInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    series: t.field({ type: PriceSeriesInput, required: true }),
    points: t.field({
      type: [PricePointInput],
      required: true,
      description: `In any order, as many as a request of ${requestBytesMax} bytes holds.`,
    }),
  }),
});

const RecordPricesPayload = builder.objectRef<RecordedPrices>('RecordPricesPayload').implement({
  fields: (t) => ({
    recorded: t.exposeInt('recorded', {
      description: 'Points that say something new; the others were known.',
    }),
    metersToRate: t.exposeInt('metersToRate', { description: 'Whose past is rated again.' }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const RecordPricesResult = resultUnion('RecordPricesResult', RecordPricesPayload);

builder.mutationField('recordPrices', (t) =>
  t.field({
    type: RecordPricesResult,
    authScopes: { may: 'Mutation.recordPrices' },
    description: 'Prices of a market: the latest word on an instant counts.',
    args: { input: t.arg({ type: RecordPricesInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const { name, currency, unit, step } = input.series;
      const done = await recordPrices(deps, viewer, {
        idempotencyKey: input.idempotencyKey,
        series: { name, currency, unit, stepMinutes: step },
        points: input.points.map(({ start, price }) => ({
          startMs: start.getTime(),
          price: price ?? null,
        })),
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
);
