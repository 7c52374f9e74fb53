import { accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { exchangeMeter } from '../operations/exchangeMeter.ts';
import type { ExchangedMeters, RegisterValue } from '../operations/exchangeMeter.ts';
import { builder } from './builder.ts';
import { Meter } from './meter.ts';
import { integerKey } from './nodeKey.ts';
import { parseRegisterValue } from './registerMark.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const RegisterValueInput = builder.inputType('RegisterValueInput', {
  fields: (t) => ({
    channel: t.int({ required: true, description: '1 is the main register.' }),
    value: t.field({ type: 'Decimal', required: true, description: 'Whole Wh, varh or litres.' }),
  }),
});

const NewMeterInput = builder.inputType('NewMeterInput', {
  description: 'What is left out is as the old meter has it.',
  fields: (t) => ({
    serial: t.string({ required: true }),
    model: t.string({ description: 'Its register map.' }),
    powerMaxW: t.int({ description: 'The most that can flow at it.' }),
    registerModulus: t.field({ type: 'Decimal', description: 'Where its register begins again.' }),
    factor: t.string({ description: 'As on the plate, such as "200/5".' }),
  }),
});

const ExchangeMeterInput = builder.inputType('ExchangeMeterInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    meterId: t.globalID({ for: Meter, required: true, description: 'The old meter.' }),
    at: t.field({ type: 'DateTime', required: true }),
    finalValues: t.field({
      type: [RegisterValueInput],
      required: true,
      description: 'Of the old one. What flowed since its last reading is unknown without.',
    }),
    meter: t.field({ type: NewMeterInput, required: true }),
    startValues: t.field({
      type: [RegisterValueInput],
      required: true,
      description: 'Of the new one. It begins with its first reading without.',
    }),
    reason: t.string({ required: true }),
  }),
});

const ExchangeMeterPayload = builder.objectRef<ExchangedMeters>('ExchangeMeterPayload').implement({
  fields: (t) => ({
    oldMeter: t.field({ type: Meter, resolve: ({ oldMeterId }) => oldMeterId }),
    newMeter: t.field({ type: Meter, resolve: ({ newMeterId }) => newMeterId }),
    affectedPeriods: t.field({
      type: ['DateTime'],
      description: 'Begins of the closed bills that are rated again.',
      resolve: ({ affectedPeriodsMs }) => affectedPeriodsMs.map((ms) => new Date(ms)),
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const ExchangeMeterResult = resultUnion('ExchangeMeterResult', ExchangeMeterPayload);

function valuesOf(
  given: readonly { readonly channel: number; readonly value: string }[],
  path: string,
): Outcome<readonly RegisterValue[], 'MARK_MALFORMED'> {
  const values: RegisterValue[] = [];
  for (const { channel, value: text } of given) {
    const value = parseRegisterValue(text, path);
    if (!value.ok) return value;
    values.push({ channel, value: value.value ?? 0n });
  }
  return accept(values);
}

builder.mutationField('exchangeMeter', (t) =>
  t.field({
    type: ExchangeMeterResult,
    authScopes: { may: 'Mutation.exchangeMeter' },
    description: 'Another meter takes the place of one; both are one bill of the service point.',
    args: { input: t.arg({ type: ExchangeMeterInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const finalValues = valuesOf(input.finalValues, 'finalValues');
      if (!finalValues.ok) return userErrorOf(finalValues);
      const startValues = valuesOf(input.startValues, 'startValues');
      if (!startValues.ok) return userErrorOf(startValues);
      const modulus = parseRegisterValue(input.meter.registerModulus, 'registerModulus');
      if (!modulus.ok) return userErrorOf(modulus);
      const { serial, model, powerMaxW, factor } = input.meter;
      const done = await exchangeMeter(deps, viewer, {
        idempotencyKey: input.idempotencyKey,
        meterId: integerKey(input.meterId.id),
        atMs: input.at.getTime(),
        finalValues: finalValues.value,
        meter: {
          serial,
          mapName: model ?? null,
          powerMaxW: powerMaxW ?? null,
          registerModulusWh: modulus.value,
          factor: factor ?? null,
        },
        startValues: startValues.value,
        reason: input.reason,
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
);
