import { qualityVoid } from '../domain/series/quality.ts';
import { fragmentKey, readFragments } from '../operations/readFragments.ts';
import type { LogRow } from '../operations/logRows.ts';
import { readLoadProfile } from '../operations/loadProfile.ts';
import type { KeptReading, ProfileInterval } from '../operations/loadProfile.ts';
import { traceReading } from '../operations/traceReading.ts';
import type { TracedVersion } from '../operations/traceReading.ts';
import { findMeters } from '../db/meterReads.ts';
import { builder, pageCost } from './builder.ts';
import { coded, codedRefusal } from './coded.ts';
import { Energy } from './energy.ts';
import { EnergyInterval } from './interval.ts';
import { Meter } from './meter.ts';
import { integerKey } from './nodeKey.ts';
import { pageByTime, pageOfSeries } from './page.ts';
import { qualityName } from './quality.ts';

const ReadingQuality = builder.enumType('ReadingQuality', {
  values: {
    ACTUAL: { description: 'Read from the meter.' },
    CALCULATED: { description: 'Worked out, or of a clock that was off.' },
    ESTIMATED: { description: 'Guessed by its sender.' },
    VOID: { description: 'An edit: what it supersedes does not count.' },
  } as const,
});

function readingQuality(code: number): 'ACTUAL' | 'CALCULATED' | 'ESTIMATED' | 'VOID' {
  if (code === qualityVoid) return 'VOID';
  const name = qualityName(code);
  return name === 'MISSING' ? 'ESTIMATED' : name;
}

const KeyState = builder.enumType('SigningKeyState', {
  values: {
    VALID: { value: 'valid' },
    REVOKED: { value: 'revoked', description: 'What it signed before stays signed.' },
    FOREIGN: { value: 'foreign', description: 'Registered for another edge today.' },
    UNKNOWN: { value: 'unknown' },
  } as const,
});

const Fragment = builder.objectRef<LogRow>('ReadingFragment').implement({
  description: 'One row of the log, as its sender wrote it.',
  fields: (t) => ({
    readAt: t.field({ type: 'DateTime', resolve: ({ atMs }) => new Date(atMs) }),
    receivedAt: t.field({
      type: 'DateTime',
      resolve: ({ opened }) => new Date(opened.stored.receivedAtMs),
    }),
    channel: t.int({ resolve: ({ block }) => block.channel }),
    unit: t.int({ description: 'DLMS unit code.', resolve: ({ block }) => block.unit }),
    scaler: t.int({ resolve: ({ block }) => block.scaler }),
    value: t.field({
      type: 'Decimal',
      resolve: ({ block, index }) => block.value[index].toString(),
    }),
    quality: t.field({ type: ReadingQuality, resolve: ({ quality }) => readingQuality(quality) }),
    revision: t.exposeInt('revision'),
    clockOffsetMs: t.int({
      description: "How far the device's clock was ahead; it is taken off `readAt`.",
      resolve: ({ block, index }) => block.clockOffsetMs?.[index] ?? 0,
    }),
    edgeId: t.int({ resolve: ({ opened }) => opened.batch.edgeId }),
    stream: t.string({ resolve: ({ opened }) => opened.batch.stream }),
    epoch: t.int({ resolve: ({ opened }) => opened.batch.epoch }),
    sequence: t.field({
      type: 'Decimal',
      resolve: ({ opened }) => opened.batch.sequence.toString(),
    }),
    row: t.exposeInt('row', { description: 'In its batch, counted over all blocks.' }),
  }),
});

const OfficeWord = builder.objectRef<NonNullable<TracedVersion['office']>>('OfficeWord').implement({
  description: 'Who entered a reading by hand, and why.',
  fields: (t) => ({
    kind: t.exposeString('kind', { description: 'manual, edit or correction.' }),
    author: t.exposeString('author'),
    reason: t.exposeString('reason'),
    enteredAt: t.field({ type: 'DateTime', resolve: ({ enteredAtMs }) => new Date(enteredAtMs) }),
    quarantineHash: t.string({
      nullable: true,
      description: 'Of the batch in quarantine that it corrects.',
      resolve: ({ quarantineHash }) =>
        quarantineHash === null ? null : Buffer.from(quarantineHash).toString('hex'),
    }),
  }),
});

const TraceException = builder
  .objectRef<TracedVersion['exceptions'][number]>('TraceException')
  .implement({
    fields: (t) => ({
      code: t.exposeString('code'),
      message: t.exposeString('message'),
      isTaken: t.exposeBoolean('isTaken', { description: 'It was taken in later.' }),
    }),
  });

const ReadingVersion = builder.objectRef<TracedVersion>('ReadingVersion').implement({
  description: 'One reading of an instant with all that proves where it came from.',
  fields: (t) => ({
    fragment: t.field({ type: Fragment, resolve: ({ row }) => row }),
    edgeName: t.string({ resolve: ({ edge }) => edge.name }),
    edgeKind: t.string({ description: 'gateway or office.', resolve: ({ edge }) => edge.kind }),
    isWinner: t.exposeBoolean('isWinner', { description: 'It outranks the others.' }),
    isInSeries: t.exposeBoolean('isInSeries', {
      description: 'The series keeps it: the first or last reading of its quarter hour.',
    }),
    exceptions: t.field({
      type: [TraceException],
      resolve: ({ exceptions }) => [...exceptions],
    }),
    keyId: t.string({ resolve: ({ signature }) => signature.keyId }),
    keyState: t.field({ type: KeyState, resolve: ({ signature }) => signature.keyState }),
    isSignatureValid: t.boolean({
      description: 'Checked just now, over the bytes as they are stored.',
      resolve: ({ signature }) => signature.isValid,
    }),
    batchHash: t.string({
      resolve: ({ row }) => Buffer.from(row.opened.hash).toString('hex'),
    }),
    carried: t.string({
      description: 'The SignedBatch byte for byte, base64.',
      resolve: ({ row }) => Buffer.from(row.opened.stored.carried).toString('base64'),
    }),
    frame: t.string({
      nullable: true,
      description: "The device's answer, base64, where the gateway sent it along.",
      resolve: ({ frame }) => (frame === null ? null : Buffer.from(frame).toString('base64')),
    }),
    office: t.field({ type: OfficeWord, nullable: true, resolve: ({ office }) => office }),
  }),
});

const KeptReadingRef = builder.objectRef<KeptReading>('KeptReading').implement({
  description: 'A reading that the series keeps, and the batch that brought it.',
  fields: (t) => ({
    readAt: t.field({ type: 'DateTime', resolve: ({ atMs }) => new Date(atMs) }),
    register: t.field({ type: Energy, resolve: ({ registerWh }) => ({ wh: registerWh }) }),
    quality: t.field({ type: ReadingQuality, resolve: ({ quality }) => readingQuality(quality) }),
    revision: t.exposeInt('revision'),
    epoch: t.exposeInt('epoch'),
    sequence: t.field({ type: 'Decimal', resolve: ({ sequence }) => sequence.toString() }),
    row: t.exposeInt('row'),
  }),
});

const ProfileIntervalRef = builder.objectRef<ProfileInterval>('ProfileInterval').implement({
  interfaces: [EnergyInterval],
  fields: (t) => ({
    readings: t.field({
      type: [KeptReadingRef],
      description: 'Its source: the readings inside it; none where it lies between others.',
      resolve: ({ readings }) => [...readings],
    }),
  }),
});

builder.queryFields((t) => ({
  readingTrace: t.field({
    type: [ReadingVersion],
    authScopes: { may: 'Query.readingTrace' },
    complexity: 50,
    description: 'All readings of one register at one instant, the one that counts first.',
    args: {
      meterId: t.arg.globalID({ for: Meter, required: true }),
      channel: t.arg.int({ defaultValue: 1 }),
      readAt: t.arg({ type: 'DateTime', required: true }),
    },
    resolve: async (_root, { meterId, channel, readAt }, { read }) => {
      const name = { meterId: integerKey(meterId.id), channel: channel ?? 1 };
      return [...(await read((tx) => traceReading(tx, { ...name, atMs: readAt.getTime() })))];
    },
  }),
  readingFragments: t.connection({
    type: Fragment,
    authScopes: { may: 'Query.readingFragments' },
    complexity: pageCost,
    description: 'The fragmented load profile: rows of the log as they arrived, the last first.',
    args: {
      meterId: t.arg.globalID({ for: Meter, required: true }),
      channel: t.arg.int({ description: 'Without it all registers.' }),
      from: t.arg({ type: 'DateTime', required: true }),
      to: t.arg({ type: 'DateTime', required: true }),
    },
    resolve: (_root, args, { read }) => {
      const window = { fromMs: args.from.getTime(), toMs: args.to.getTime() };
      const meterId = integerKey(args.meterId.id);
      const wanted = { meterId, channel: args.channel ?? null, window };
      return pageByTime(
        args,
        async (page) => {
          const rows = await read((tx) => readFragments(tx, wanted, page));
          if (!rows.ok) throw codedRefusal(rows);
          return rows.value;
        },
        fragmentKey,
      );
    },
  }),
  loadProfile: t.connection({
    type: ProfileIntervalRef,
    authScopes: { may: 'Query.loadProfile' },
    complexity: pageCost,
    description: 'The assembled load profile: what each quarter hour is worth today, and of what.',
    args: {
      meterId: t.arg.globalID({ for: Meter, required: true }),
      from: t.arg({ type: 'DateTime', required: true }),
      to: t.arg({ type: 'DateTime', required: true }),
    },
    resolve: async (_root, args, { read, deps }) => {
      const meterId = integerKey(args.meterId.id);
      const [meter] = await read((tx) => findMeters(tx, [meterId]));
      if (meter === undefined) throw coded('METER_NOT_FOUND', 'You have no such meter.');
      const window = { fromMs: args.from.getTime(), toMs: args.to.getTime() };
      const nowMs = deps.clock.nowMs();
      const profile = await read((tx) => readLoadProfile(tx, meter, { ...window, nowMs }));
      if (!profile.ok) throw codedRefusal(profile);
      return pageOfSeries(args, profile.value.intervals, (interval) => interval.startMs);
    },
  }),
}));
