import {
  countRefused,
  findSimulations,
  mostChangedBills,
  pageSimulated,
  pageSimulations,
  sumSimulation,
  sumSimulationClasses,
} from '../db/simulationReads.ts';
import type {
  RefusedCount,
  SimulatedAgreementView,
  SimulatedBill,
  SimulationClass,
  SimulationSums,
  SimulationView,
} from '../db/simulationReads.ts';
import { changedBillsToldMax, customerClassesToldMax } from '../domain/labLimits.ts';
import { cancelSimulation } from '../operations/cancelSimulation.ts';
import { simulateTariff } from '../operations/simulateTariff.ts';
import { Agreement } from './agreement.ts';
import { builder, pageCost } from './builder.ts';
import { Energy } from './energy.ts';
import { Money } from './money.ts';
import { integerKey, uuidKey } from './nodeKey.ts';
import { pageById, pageByTime } from './page.ts';
import { Tariff, TariffVersion } from './tariff.ts';
import { resultUnion, userErrorOf } from './userError.ts';

export const Simulation = builder.loadableNodeRef<SimulationView>('Simulation', {
  id: { resolve: (simulation) => simulation.id, parse: uuidKey },
  load: (ids, { read }) => read((tx) => findSimulations(tx, ids)),
  sort: (simulation) => simulation.id,
  loaderOptions: { cache: false },
});

export const SimulationStateEnum = builder.enumType('SimulationState', {
  values: {
    WAITING: { value: 'waiting' },
    RUNNING: { value: 'running' },
    DONE: { value: 'done' },
    CANCELLED: { value: 'cancelled' },
  } as const,
});

type Amounts = { readonly currency: string };

const SimulationGroup = builder
  .objectRef<{ readonly count: number; readonly micros: bigint } & Amounts>('SimulationGroup')
  .implement({
    description: 'Some agreements and what the draft changes for them together.',
    fields: (t) => ({
      count: t.exposeInt('count'),
      change: t.field({ type: Money, resolve: ({ micros, currency }) => ({ micros, currency }) }),
    }),
  });

const SimulationTotals = builder.objectRef<SimulationSums & Amounts>('SimulationTotals').implement({
  description: 'Sums of bills, each as the ledger would post it, to the micro-unit.',
  fields: (t) => ({
    rated: t.exposeInt('rated', { description: 'Agreements; refused ones are in no sum.' }),
    energy: t.field({ type: Energy, resolve: ({ energyWh }) => ({ wh: energyWh }) }),
    before: t.field({
      type: Money,
      description: 'Under the present tariffs.',
      resolve: ({ beforeMicros, currency }) => ({ micros: beforeMicros, currency }),
    }),
    after: t.field({
      type: Money,
      description: 'Under the draft.',
      resolve: ({ afterMicros, currency }) => ({ micros: afterMicros, currency }),
    }),
    change: t.field({
      type: Money,
      resolve: ({ beforeMicros, afterMicros, currency }) => ({
        micros: afterMicros - beforeMicros,
        currency,
      }),
    }),
    winners: t.field({
      type: SimulationGroup,
      description: 'Who would pay less.',
      resolve: ({ winners: count, winnersMicros: micros, currency }) => ({
        count,
        micros,
        currency,
      }),
    }),
    losers: t.field({
      type: SimulationGroup,
      description: 'Who would pay more.',
      resolve: ({ losers: count, losersMicros: micros, currency }) => ({
        count,
        micros,
        currency,
      }),
    }),
  }),
});

const SimulationClassTotals = builder
  .objectRef<SimulationClass & Amounts>('SimulationClassTotals')
  .implement({
    fields: (t) => ({
      customerClass: t.exposeString('customerClass', {
        nullable: true,
        description: 'Null: agreements that say none.',
      }),
      totals: t.field({ type: SimulationTotals, resolve: (group) => group }),
    }),
  });

const SimulatedBillRef = builder.objectRef<SimulatedBill & Amounts>('SimulatedBill').implement({
  fields: (t) => ({
    agreement: t.field({ type: Agreement, resolve: ({ agreementId }) => agreementId }),
    month: t.exposeString('month', { description: 'Local, such as 2026-03.' }),
    before: t.field({
      type: Money,
      resolve: ({ beforeMicros, currency }) => ({ micros: beforeMicros, currency }),
    }),
    after: t.field({
      type: Money,
      resolve: ({ afterMicros, currency }) => ({ micros: afterMicros, currency }),
    }),
    change: t.field({
      type: Money,
      resolve: ({ beforeMicros, afterMicros, currency }) => ({
        micros: afterMicros - beforeMicros,
        currency,
      }),
    }),
  }),
});

const SimulationRefusals = builder.objectRef<RefusedCount>('SimulationRefusals').implement({
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable; match on it.' }),
    count: t.exposeInt('count'),
  }),
});

const SimulatedAgreement = builder
  .objectRef<SimulatedAgreementView & Amounts>('SimulatedAgreement')
  .implement({
    description: 'Rated with two totals, or refused with a code: never counted as zero.',
    fields: (t) => ({
      agreement: t.field({ type: Agreement, resolve: ({ id }) => id }),
      customerClass: t.exposeString('customerClass', { nullable: true }),
      energy: t.field({
        type: Energy,
        nullable: true,
        resolve: ({ energyWh }) => (energyWh === null ? null : { wh: energyWh }),
      }),
      before: t.field({
        type: Money,
        nullable: true,
        resolve: ({ beforeMicros: micros, currency }) =>
          micros === null ? null : { micros, currency },
      }),
      after: t.field({
        type: Money,
        nullable: true,
        resolve: ({ afterMicros: micros, currency }) =>
          micros === null ? null : { micros, currency },
      }),
      warnings: t.exposeStringList('warnings', {
        description: 'Codes, such as SLOTS_MISSING; PREPAID_UNSUPPORTED: not to be published.',
      }),
      code: t.exposeString('code', { nullable: true, description: 'Why it was refused.' }),
      message: t.exposeString('message', { nullable: true }),
    }),
  });

Simulation.implement({
  description: 'A draft tariff, rated over the history of some agreements. It posts nothing.',
  fields: (t) => ({
    state: t.field({ type: SimulationStateEnum, resolve: ({ state }) => state }),
    requestedAt: t.field({ type: 'DateTime', resolve: ({ requestedAt }) => requestedAt }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ finishedAt }) => finishedAt,
    }),
    from: t.exposeString('fromMonth', { description: 'First local month, such as 2026-01.' }),
    through: t.exposeString('throughMonth', { description: 'Last local month.' }),
    document: t.field({ type: 'JSON', resolve: ({ document }) => document }),
    tariffVersion: t.field({
      type: TariffVersion,
      nullable: true,
      description: 'Of the draft, when it was a published version.',
      resolve: ({ tariffVersionId }) => tariffVersionId,
    }),
    total: t.exposeInt('agreementCount', { description: 'Agreements.' }),
    done: t.exposeInt('doneCount', { description: 'Agreements worked off, refused ones too.' }),
    totals: t.field({
      type: SimulationTotals,
      description: 'Of what is done so far; of all when the state is DONE.',
      resolve: async ({ id, currency }, _args, { read }) => ({
        ...(await read((tx) => sumSimulation(tx, id))),
        currency,
      }),
    }),
    byCustomerClass: t.field({
      type: [SimulationClassTotals],
      description: `At most ${customerClassesToldMax}.`,
      resolve: async ({ id: simulationId, currency }, _args, { read }) => {
        const limit = customerClassesToldMax;
        const classes = await read((tx) => sumSimulationClasses(tx, { simulationId, limit }));
        return classes.map((each) => ({ ...each, currency }));
      },
    }),
    mostChanged: t.field({
      type: [SimulatedBillRef],
      description: `The ${changedBillsToldMax} monthly bills that change most, up or down.`,
      resolve: async ({ id: simulationId, currency }, _args, { read }) => {
        const limit = changedBillsToldMax;
        const bills = await read((tx) => mostChangedBills(tx, { simulationId, limit }));
        return bills.map((each) => ({ ...each, currency }));
      },
    }),
    refusals: t.field({
      type: [SimulationRefusals],
      description: 'How many agreements were refused, by code.',
      resolve: ({ id: simulationId }, _args, { read }) =>
        read((tx) => countRefused(tx, { simulationId, limit: customerClassesToldMax })),
    }),
    agreements: t.connection({
      type: SimulatedAgreement,
      complexity: pageCost,
      description: 'Those that are worked off.',
      args: { refusedOnly: t.arg.boolean({ defaultValue: false }) },
      resolve: ({ id: simulationId, currency }, args, { read }) =>
        pageById(args, async (page) => {
          const of = { simulationId, refusedOnly: args.refusedOnly ?? false };
          const rows = await read((tx) => pageSimulated(tx, of, page));
          return rows.map((row) => ({ ...row, currency }));
        }),
    }),
  }),
});

builder.queryFields((t) => ({
  simulation: t.field({
    type: Simulation,
    nullable: true,
    authScopes: { may: 'Query.simulation' },
    args: { id: t.arg.globalID({ for: Simulation, required: true }) },
    resolve: (_root, { id }) => uuidKey(id.id),
  }),
  simulations: t.connection({
    type: Simulation,
    authScopes: { may: 'Query.simulations' },
    complexity: pageCost,
    description: 'Newest first.',
    resolve: (_root, args, { read }) =>
      pageByTime(
        args,
        (page) => read((tx) => pageSimulations(tx, page)),
        (simulation) => ({ atMs: simulation.requestedAt.getTime(), key: simulation.id }),
      ),
  }),
}));

type Requested = { readonly simulationId: string; readonly isReplay: boolean };

const SimulationPayload = builder.objectRef<Requested>('SimulationPayload').implement({
  fields: (t) => ({
    simulation: t.field({
      type: Simulation,
      description: 'Watch it with the subscription simulationProgress, or ask again.',
      resolve: ({ simulationId }) => simulationId,
    }),
    isReplay: t.exposeBoolean('isReplay', { description: 'It was done before: nothing new.' }),
  }),
});

const SimulationResult = resultUnion('SimulationResult', SimulationPayload);

const SimulateTariffInput = builder.inputType('SimulateTariffInput', {
  fields: (t) => ({
    idempotencyKey: t.field({ type: 'UUID', required: true }),
    document: t.field({ type: 'JSON', description: 'The draft; or else tariffVersionId.' }),
    tariffVersionId: t.globalID({ for: TariffVersion }),
    agreementIds: t.globalIDList({
      for: Agreement,
      description: 'Or else tariffId, customerClass or both, and all of their agreements.',
    }),
    tariffId: t.globalID({ for: Tariff }),
    customerClass: t.string(),
    from: t.string({ required: true, description: 'First local month, such as 2026-01.' }),
    through: t.string({ required: true, description: 'Last local month.' }),
  }),
});

const CancelSimulationInput = builder.inputType('CancelSimulationInput', {
  fields: (t) => ({ simulationId: t.globalID({ for: Simulation, required: true }) }),
});

function keyOrNull(id: { readonly id: string } | null | undefined): number | null {
  return id === null || id === undefined ? null : integerKey(id.id);
}

builder.mutationFields((t) => ({
  simulateTariff: t.field({
    type: SimulationResult,
    authScopes: { may: 'Mutation.simulateTariff' },
    args: { input: t.arg({ type: SimulateTariffInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const done = await simulateTariff(deps, viewer, {
        idempotencyKey: input.idempotencyKey,
        document: input.document ?? null,
        tariffVersionId: keyOrNull(input.tariffVersionId),
        agreementIds: input.agreementIds?.map(({ id }) => integerKey(id)) ?? null,
        tariffId: keyOrNull(input.tariffId),
        customerClass: input.customerClass ?? null,
        fromMonth: input.from,
        throughMonth: input.through,
      });
      return done.ok ? done.value : userErrorOf(done);
    },
  }),
  cancelSimulation: t.field({
    type: SimulationResult,
    description: 'What is rated already stays to be looked at. Needs no key: it is done once.',
    authScopes: { may: 'Mutation.cancelSimulation' },
    args: { input: t.arg({ type: CancelSimulationInput, required: true }) },
    resolve: async (_root, { input }, { deps, viewer }) => {
      const simulationId = uuidKey(input.simulationId.id);
      const done = await cancelSimulation(deps, viewer, { simulationId });
      return done.ok ? { simulationId, isReplay: done.value.isReplay } : userErrorOf(done);
    },
  }),
}));
