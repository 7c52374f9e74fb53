import { listMarks } from '../db/registerMarks.ts';
import type { MarkView } from '../db/registerMarks.ts';
import { parseDecimal } from '../domain/exact.ts';
import { marksToldMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { factorText } from '../domain/series/factor.ts';
import { everyChannel } from '../domain/series/meterMarks.ts';
import { recordMark } from '../operations/recordMark.ts';
import type { RecordedMark } from '../operations/recordMark.ts';
import { builder } from './builder.ts';
import { Meter } from './meter.ts';
import { integerKey } from './nodeKey.ts';
import { resultUnion, userErrorOf } from './userError.ts';

/** A register's value as people send it: whole counts. */
export function parseRegisterValue(
  text: string | null | undefined,
  path: string,
): Outcome<bigint | null, 'MARK_MALFORMED'> {
  if (text === null || text === undefined) return accept(null);
  const value = parseDecimal(text, 0);
  if (value.ok) return value;
  const message = 'A register counts whole Wh, varh or litres: write such as "45231400".';
  return refuse('MARK_MALFORMED', message, [path]);
}

const RegisterMarkKind = builder.enumType('RegisterMarkKind', {
  description: 'What happened to a register, or to what it stands for.',
  values: {
    INSTALLED: { value: 'installed', description: 'Readings before it bill nothing.' },
    REMOVED: { value: 'removed', description: 'Readings after it do not count.' },
    RESET: { value: 'reset', description: 'It began again without a rollover.' },
    FACTOR: { value: 'factor', description: 'Another transformer ratio or calorific value.' },
    WITHDRAWN: { value: 'withdrawn', description: 'What was said of the instant does not hold.' },
  } as const,
});

const RegisterMark = builder.objectRef<MarkView>('RegisterMark').implement({
  description:
    'From an instant on a register counts otherwise. Nothing is changed: later words count.',
  fields: (t) => ({
    at: t.field({ type: 'DateTime', resolve: ({ atMs }) => new Date(atMs) }),
    kind: t.field({ type: RegisterMarkKind, resolve: ({ kind }) => kind }),
    channel: t.int({
      nullable: true,
      description: 'Null: all registers of the meter that have no word of their own.',
      resolve: ({ channel }) => (channel === everyChannel ? null : channel),
    }),
    finalValue: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'What it showed up to the instant, in its own counts.',
      resolve: ({ finalValue }) => finalValue?.toString() ?? null,
    }),
    startValue: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'What it showed from the instant on.',
      resolve: ({ startValue }) => startValue?.toString() ?? null,
    }),
    factor: t.string({
      nullable: true,
      description: 'What a count stands for from then on. Null: it was not said, and is as before.',
      resolve: ({ factor }) => (factor === null ? null : factorText(factor)),
    }),
    isInForce: t.exposeBoolean('isInForce', { description: 'No later word on the same instant.' }),
    recordedBy: t.string({ resolve: ({ author }) => author }),
    recordedAt: t.field({ type: 'DateTime', resolve: ({ recordedAt }) => recordedAt }),
    reason: t.exposeString('reason'),
  }),
});

builder.queryField('registerMarks', (t) =>
  t.field({
    type: [RegisterMark],
    authScopes: { may: 'Query.registerMarks' },
    complexity: { field: 10, multiplier: 10 },
    description: `All that was said of a meter's registers, at most ${marksToldMax} words.`,
    args: { meterId: t.arg.globalID({ for: Meter, required: true }) },
    resolve: (_root, { meterId }, { read }) =>
      read(async (tx) => [
        ...(await listMarks(tx, { meterId: integerKey(meterId.id), limit: marksToldMax })),
      ]),
  }),
);

const RecordRegisterMarkInput = builder.inputType('RecordRegisterMarkInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    meterId: t.globalID({ for: Meter, required: true }),
    channel: t.int({ description: 'Null: all registers of the meter, then without values.' }),
    at: t.field({ type: 'DateTime', required: true }),
    kind: t.field({ type: RegisterMarkKind, required: true }),
    finalValue: t.field({ type: 'Decimal', description: 'Whole Wh, varh or litres.' }),
    startValue: t.field({ type: 'Decimal', description: 'Whole Wh, varh or litres.' }),
    factor: t.string({
      description: 'As on the plate, such as "200/5" or "10.55*0.9764". Null: as before.',
    }),
    reason: t.string({ required: true }),
  }),
});

const RecordRegisterMarkPayload = builder
  .objectRef<RecordedMark>('RecordRegisterMarkPayload')
  .implement({
    fields: (t) => ({
      isNew: t.exposeBoolean('isNew', { description: 'False: it was known, nothing changes.' }),
      affectedPeriods: t.field({
        type: ['DateTime'],
        description: 'Begins of the closed bills that are rated again.',
        resolve: ({ affectedPeriodsMs }) => affectedPeriodsMs.map((ms) => new Date(ms)),
      }),
      isReplay: t.exposeBoolean('isReplay', {
        description: 'The key was used before: nothing new.',
      }),
    }),
  });

const RecordRegisterMarkResult = resultUnion('RecordRegisterMarkResult', RecordRegisterMarkPayload);

builder.mutationField('recordRegisterMark', (t) =>
  t.field({
    type: RecordRegisterMarkResult,
    authScopes: { may: 'Mutation.recordRegisterMark' },
    description: 'Walks the register again from there and posts what its bills differ by.',
    args: { input: t.arg({ type: RecordRegisterMarkInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const finalValue = parseRegisterValue(input.finalValue, 'finalValue');
      if (!finalValue.ok) return userErrorOf(finalValue);
      const startValue = parseRegisterValue(input.startValue, 'startValue');
      if (!startValue.ok) return userErrorOf(startValue);
      const done = await recordMark(deps, viewer, {
        idempotencyKey: input.idempotencyKey,
        meterId: integerKey(input.meterId.id),
        channel: input.channel ?? null,
        atMs: input.at.getTime(),
        kind: input.kind,
        finalValue: finalValue.value,
        startValue: startValue.value,
        factor: input.factor ?? null,
        reason: input.reason,
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
);
