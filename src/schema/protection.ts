import { pageAdvisories, pageProtections, readTrips } from '../db/protectionRecords.ts';
import type { AdvisoryView, ProtectionView, TripView } from '../db/protectionRecords.ts';
import { breakerPeople } from '../domain/command/limits.ts';
import { pageSizeMax } from '../domain/limits.ts';
import { parseAccountId } from '../domain/ids.ts';
import { approveBreaker } from '../operations/supply/approve.ts';
import type { Approved } from '../operations/supply/approve.ts';
import {
  addProtection,
  endAdvisory,
  endProtection,
  recordAdvisory,
} from '../operations/supply/protections.ts';
import type { Recorded } from '../operations/supply/protections.ts';
import { Account } from './account.ts';
import { builder, pageCost } from './builder.ts';
import { integerKey, uuidKey } from './nodeKey.ts';
import { pageByTime } from './page.ts';
import { resultUnion, userErrorOf } from './userError.ts';

const ProtectionKind = builder.enumType('ProtectionKind', {
  values: {
    LIFE_SUPPORT: { value: 'life_support' },
    MEDICAL: { value: 'medical' },
    VULNERABLE: { value: 'vulnerable' },
    DISPUTE: { value: 'dispute' },
  } as const,
});

const AdvisoryKind = builder.enumType('WeatherAdvisoryKind', {
  values: {
    HEAT: { value: 'heat' },
    COLD: { value: 'cold' },
    STORM: { value: 'storm' },
  } as const,
});

const Protection = builder.objectRef<ProtectionView>('Protection').implement({
  description: 'While it holds the account is not cut by itself, and by people only by two.',
  fields: (t) => ({
    protectionId: t.field({ type: 'UUID', resolve: ({ id }) => id }),
    account: t.field({ type: Account, nullable: true, resolve: ({ accountId }) => accountId }),
    kind: t.field({ type: ProtectionKind, resolve: ({ kind }) => kind }),
    from: t.field({ type: 'DateTime', resolve: ({ from }) => from }),
    to: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Null: until a person ends it.',
      resolve: ({ to }) => to,
    }),
    reason: t.exposeString('reason'),
    endedAt: t.field({ type: 'DateTime', nullable: true, resolve: ({ endedAt }) => endedAt }),
    contactProof: t.exposeString('contactProof', {
      nullable: true,
      description: 'How the customer was reached before it fell.',
    }),
  }),
});

const Advisory = builder.objectRef<AdvisoryView>('WeatherAdvisory').implement({
  description: 'Weather in which nobody of the region is cut.',
  fields: (t) => ({
    advisoryId: t.field({ type: 'UUID', resolve: ({ id }) => id }),
    region: t.exposeString('region', { description: 'Empty: every region.' }),
    kind: t.field({ type: AdvisoryKind, resolve: ({ kind }) => kind }),
    from: t.field({ type: 'DateTime', resolve: ({ from }) => from }),
    to: t.field({ type: 'DateTime', resolve: ({ to }) => to }),
    source: t.exposeString('source'),
    recordedAt: t.field({ type: 'DateTime', resolve: ({ recordedAt }) => recordedAt }),
  }),
});

const BreakerTrip = builder.objectRef<TripView>('BreakerTrip').implement({
  description: 'Too many cuts of a region at once: none until two people have looked.',
  fields: (t) => ({
    tripId: t.field({ type: 'UUID', resolve: ({ id }) => id }),
    region: t.exposeString('region'),
    cuts: t.exposeInt('cuts', { description: 'In the window, with the one that was stopped.' }),
    trippedAt: t.field({ type: 'DateTime', resolve: ({ trippedAt }) => trippedAt }),
    isOpen: t.exposeBoolean('isOpen'),
    approvals: t.int({ resolve: ({ approvals }) => approvals.length }),
    approvalsNeeded: t.int({ resolve: () => breakerPeople }),
  }),
});

builder.queryFields((t) => ({
  protections: t.connection({
    type: Protection,
    authScopes: { may: 'Query.protections' },
    complexity: pageCost,
    description: 'Newest first; of one account when it is given.',
    args: { accountId: t.arg.globalID({ for: Account }) },
    resolve: (_root, args, { read, viewer: { companyId } }) => {
      const raw = args.accountId;
      const accountId = raw === null || raw === undefined ? null : integerKey(raw.id);
      return pageByTime(
        args,
        (page) => read((tx) => pageProtections(tx, { companyId, accountId }, page)),
        (row) => ({ atMs: row.recordedAt.getTime(), key: row.id }),
      );
    },
  }),
  weatherAdvisories: t.connection({
    type: Advisory,
    authScopes: { may: 'Query.weatherAdvisories' },
    complexity: pageCost,
    description:
      'Newest first. Of several of a region and kind that begin together the last counts.',
    resolve: (_root, args, { read, viewer: { companyId } }) =>
      pageByTime(
        args,
        (page) => read((tx) => pageAdvisories(tx, companyId, page)),
        (row) => ({ atMs: row.recordedAt.getTime(), key: row.id }),
      ),
  }),
  breakerTrips: t.field({
    type: [BreakerTrip],
    authScopes: { may: 'Query.breakerTrips' },
    complexity: 100,
    description: 'Open ones first, then the newest.',
    resolve: async (_root, _args, { read, viewer: { companyId } }) => [
      ...(await read((tx) => readTrips(tx, { companyId, limit: pageSizeMax }))),
    ],
  }),
}));

export const RecordedPayload = builder.objectRef<Recorded>('RecordedPayload').implement({
  fields: (t) => ({
    recordId: t.field({ type: 'UUID', resolve: ({ id }) => id }),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

export const RecordedResult = resultUnion('RecordedResult', RecordedPayload);

const ApprovedPayload = builder.objectRef<Approved>('ApprovedPayload').implement({
  fields: (t) => ({
    people: t.exposeInt('people', { description: 'Different ones who have said yes.' }),
    peopleNeeded: t.exposeInt('peopleNeeded'),
    isReplay: t.exposeBoolean('isReplay', { description: 'The key was used before: nothing new.' }),
  }),
});

export const ApprovedResult = resultUnion('ApprovedResult', ApprovedPayload);

const AddProtectionInput = builder.inputType('AddProtectionInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    accountId: t.globalID({ for: Account, required: true }),
    kind: t.field({ type: ProtectionKind, required: true }),
    from: t.field({ type: 'DateTime', required: true }),
    to: t.field({ type: 'DateTime' }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

const EndProtectionInput = builder.inputType('EndProtectionInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    protectionId: t.field({ type: 'UUID', required: true }),
    contactProof: t.string({ required: true, description: 'How and when she was reached.' }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

const AdvisoryInput = builder.inputType('RecordWeatherAdvisoryInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    region: t.string({ required: true, description: 'Empty: every region.' }),
    kind: t.field({ type: AdvisoryKind, required: true }),
    from: t.field({ type: 'DateTime', required: true }),
    to: t.field({ type: 'DateTime', required: true }),
    source: t.string({ required: true, description: 'Who says so.' }),
  }),
});

const EndAdvisoryInput = builder.inputType('EndWeatherAdvisoryInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    advisoryId: t.field({ type: 'UUID', required: true }),
    reason: t.string({ required: true, description: 'For the audit.' }),
  }),
});

const ApproveBreakerInput = builder.inputType('ApproveBreakerInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    tripId: t.field({ type: 'UUID', required: true }),
    reason: t.string({ required: true, description: 'What you looked at.' }),
  }),
});

builder.mutationFields((t) => ({
  addProtection: t.field({
    type: RecordedResult,
    authScopes: { may: 'Mutation.addProtection' },
    args: { input: t.arg({ type: AddProtectionInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const { accountId: raw, from, to, ...rest } = input;
      const accountId = parseAccountId(integerKey(raw.id));
      if (!accountId.ok) return userErrorOf(accountId);
      const span = { fromMs: from.getTime(), toMs: to?.getTime() ?? null };
      const said = { ...rest, ...span, accountId: accountId.value };
      const done = await addProtection(deps, viewer, said);
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  endProtection: t.field({
    type: RecordedResult,
    authScopes: { may: 'Mutation.endProtection' },
    args: { input: t.arg({ type: EndProtectionInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const protectionId = uuidKey(input.protectionId);
      const done = await endProtection(deps, viewer, { ...input, protectionId });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  recordWeatherAdvisory: t.field({
    type: RecordedResult,
    authScopes: { may: 'Mutation.recordWeatherAdvisory' },
    args: { input: t.arg({ type: AdvisoryInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const { from, to, ...rest } = input;
      const span = { fromMs: from.getTime(), toMs: to.getTime() };
      const done = await recordAdvisory(deps, viewer, { ...rest, ...span });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  endWeatherAdvisory: t.field({
    type: RecordedResult,
    authScopes: { may: 'Mutation.endWeatherAdvisory' },
    args: { input: t.arg({ type: EndAdvisoryInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const advisoryId = uuidKey(input.advisoryId);
      const done = await endAdvisory(deps, viewer, { ...input, advisoryId });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  approveBreaker: t.field({
    type: ApprovedResult,
    authScopes: { may: 'Mutation.approveBreaker' },
    description: 'One of the two people who let the region be cut again.',
    args: { input: t.arg({ type: ApproveBreakerInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const done = await approveBreaker(deps, viewer, { ...input, tripId: uuidKey(input.tripId) });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
}));
