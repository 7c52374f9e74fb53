import { officeReadingsMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { EnteredReading } from '../operations/office/checkEntries.ts';
import { editReading } from '../operations/office/editReading.ts';
import type { EnteredReadings } from '../operations/office/enterReadings.ts';
import type { Outranked } from '../operations/office/outranked.ts';
import { recordReadings } from '../operations/office/recordReadings.ts';
import { retryReadings } from '../operations/office/retryReadings.ts';
import type { RetriedReadings } from '../operations/office/retryReadings.ts';
import { builder } from './builder.ts';
import { Meter } from './meter.ts';
import { integerKey } from './nodeKey.ts';
import { officeDepsOf } from './office.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const EnteredQuality = builder.enumType('EnteredQuality', {
  values: {
    ACTUAL: { description: 'Read from the meter.' },
    CALCULATED: { description: 'Worked out from other readings.' },
    ESTIMATED: { description: 'Guessed; any reading of the meter counts before it.' },
  } as const,
});

export const EnteredReadingInput = builder.inputType('EnteredReadingInput', {
  fields: (t) => ({
    meterId: t.globalID({ for: Meter, required: true }),
    channel: t.int({ defaultValue: 1, description: 'C group of the OBIS name; 1 is import.' }),
    readAt: t.field({ type: 'DateTime', required: true }),
    value: t.field({
      type: 'Decimal',
      required: true,
      description: 'As the register shows it, whole Wh or varh; litres of gas and water.',
    }),
    quality: t.field({ type: EnteredQuality, defaultValue: 'ACTUAL' }),
  }),
});

/** As GraphQL brings it. */
export type EnteredReadingArgs = {
  readonly meterId: { readonly id: string };
  readonly channel?: number | null | undefined;
  readonly readAt: Date;
  readonly value: string;
  readonly quality?: EnteredReading['quality'] | null | undefined;
};

function valueOf(text: string, path: readonly string[]): Outcome<bigint, 'VALUE_MALFORMED'> {
  if (/^\d{1,19}(?:\.0+)?$/.test(text)) return accept(BigInt(text.replace(/\.0+$/, '')));
  const message = 'A register is entered in whole units, such as "44900123".';
  return refuse('VALUE_MALFORMED', message, path);
}

export function enteredReadings(
  readings: readonly EnteredReadingArgs[],
): Outcome<readonly EnteredReading[], 'VALUE_MALFORMED'> {
  const entered: EnteredReading[] = [];
  for (const [index, reading] of readings.entries()) {
    const value = valueOf(reading.value, ['readings', String(index), 'value']);
    if (!value.ok) return value;
    entered.push({
      meterId: integerKey(reading.meterId.id),
      channel: reading.channel ?? 1,
      atMs: reading.readAt.getTime(),
      value: value.value,
      quality: reading.quality ?? 'ACTUAL',
    });
  }
  return accept(entered);
}

type Place = EnteredReadings['batches'][number];

const OfficeBatch = builder.objectRef<Place>('OfficeBatch').implement({
  description: "A batch of the company's office, signed by the server like a gateway's.",
  fields: (t) => ({
    edgeId: t.exposeInt('edgeId'),
    epoch: t.exposeInt('epoch'),
    sequence: t.field({ type: 'Decimal', resolve: ({ sequence }) => sequence.toString() }),
  }),
});

const OutrankedReading = builder.objectRef<Outranked>('OutrankedReading').implement({
  description: 'In the log, and of no effect: somebody edited the reading of this instant before.',
  fields: (t) => ({
    meter: t.field({ type: Meter, resolve: ({ meterId }) => meterId }),
    channel: t.exposeInt('channel'),
    readAt: t.field({ type: 'DateTime', resolve: ({ atMs }) => new Date(atMs) }),
    revision: t.exposeInt('revision', { description: 'That counts; an edit supersedes it.' }),
  }),
});

export const EnteredReadingsPayload = builder
  .objectRef<EnteredReadings>('EnteredReadingsPayload')
  .implement({
    fields: (t) => ({
      readings: t.exposeInt('readings', { description: 'In the log now; rated in a moment.' }),
      batches: t.field({ type: [OfficeBatch], resolve: ({ batches }) => [...batches] }),
      outrankedCount: t.exposeInt('outrankedCount', {
        description: 'So many of them do not count: an edit of their instant ranks above them.',
      }),
      firstOutranked: t.field({
        type: OutrankedReading,
        nullable: true,
        resolve: ({ firstOutranked }) => firstOutranked,
      }),
      isReplay: t.exposeBoolean('isReplay', {
        description: 'The key was used before: nothing new.',
      }),
    }),
  });

export const EnteredReadingsResult = resultUnion('EnteredReadingsResult', EnteredReadingsPayload);

const RecordReadingsInput = builder.inputType('RecordReadingsInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    reason: t.string({ required: true, description: 'Stands with the readings for ever.' }),
    readings: t.field({
      type: [EnteredReadingInput],
      required: true,
      description: `At most ${officeReadingsMax}.`,
    }),
  }),
});

const EditReadingInput = builder.inputType('EditReadingInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    meterId: t.globalID({ for: Meter, required: true }),
    channel: t.int({ defaultValue: 1 }),
    readAt: t.field({ type: 'DateTime', required: true, description: 'Of the reading, exactly.' }),
    value: t.field({
      type: 'Decimal',
      description: 'Null: the reading does not count, and nothing stands in its place.',
    }),
    supersedes: t.int({
      required: true,
      description: 'The revision that it takes the place of; 0 for a reading as it was read.',
    }),
    reason: t.string({ required: true }),
  }),
});

const RetryReadingsInput = builder.inputType('RetryReadingsInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    meterId: t.globalID({ for: Meter, description: 'Without it all meters of the company.' }),
  }),
});

const RetryReadingsPayload = builder.objectRef<RetriedReadings>('RetryReadingsPayload').implement({
  fields: (t) => ({
    meters: t.exposeInt('meters'),
    rows: t.exposeInt('rows', {
      description: 'Held back; those whose cause is gone are taken in.',
    }),
    duties: t.exposeInt('duties', {
      description: 'Meters that could not be rated again by a fault of ours, and are tried anew.',
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

const RetryReadingsResult = resultUnion('RetryReadingsResult', RetryReadingsPayload);

builder.mutationFields((t) => ({
  recordReadings: t.field({
    type: EnteredReadingsResult,
    authScopes: { may: 'Mutation.recordReadings' },
    description: 'Readings that a person took. They overwrite nothing.',
    args: { input: t.arg({ type: RecordReadingsInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const office = officeDepsOf(deps);
      if ('errorType' in office) return office;
      const readings = enteredReadings(input.readings);
      if (!readings.ok) return userErrorOf(readings);
      const done = await recordReadings(office, viewer, { ...input, readings: readings.value });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  editReading: t.field({
    type: EnteredReadingsResult,
    authScopes: { may: 'Mutation.editReading' },
    description:
      'Another value in the place of a reading, or none. It names the revision that it ' +
      'supersedes; if somebody was faster it is refused with READING_REVISION_STALE.',
    args: { input: t.arg({ type: EditReadingInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const office = officeDepsOf(deps);
      if ('errorType' in office) return office;
      const text = input.value ?? null;
      const value = text === null ? accept(null) : valueOf(text, ['value']);
      if (!value.ok) return userErrorOf(value);
      const done = await editReading(office, viewer, {
        idempotencyKey: input.idempotencyKey,
        meterId: integerKey(input.meterId.id),
        channel: input.channel ?? 1,
        atMs: input.readAt.getTime(),
        value: value.value,
        supersedes: input.supersedes,
        reason: input.reason,
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  retryReadings: t.field({
    type: RetryReadingsResult,
    authScopes: { may: 'Mutation.retryReadings' },
    description: 'Looks again at rows of the log that are held back; takes none in twice.',
    args: { input: t.arg({ type: RetryReadingsInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const { idempotencyKey, meterId } = input;
      const key = meterId === null || meterId === undefined ? null : integerKey(meterId.id);
      const done = await retryReadings(deps, viewer, { idempotencyKey, meterId: key });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
