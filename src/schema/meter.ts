import { importChannel } from '../domain/channel.ts';
import {
  countMeters,
  findLiveRegisters,
  findMeters,
  findSupplies,
  findUnrated,
  pageMeters,
} from '../db/meterReads.ts';
import type { LiveRegister, MeterView, SupplyView, UnratedView } from '../db/meterReads.ts';
import { pageCommands } from '../db/commandReads.ts';
import { pageAgreements } from '../db/tariffReads.ts';
import { readIntervals, readReadings } from '../operations/readSeries.ts';
import { Agreement } from './agreement.ts';
import { builder, pageCost } from './builder.ts';
import { codedRefusal } from './coded.ts';
import { Command } from './command.ts';
import { asBilled, Energy, Power } from './energy.ts';
import { Interval } from './interval.ts';
import { integerKey } from './nodeKey.ts';
import { pageById, pageByTime, pageOfSeries } from './page.ts';
import { Completeness, Reading } from './reading.ts';

const LiveReading = builder.objectRef<LiveRegister>('LiveReading').implement({
  description: 'The newest accepted reading of a meter.',
  fields: (t) => ({
    readAt: t.field({ type: 'DateTime', resolve: ({ readAt }) => readAt }),
    register: t.field({
      type: Energy,
      description: asBilled,
      resolve: ({ registerWh }) => ({ wh: registerWh }),
    }),
    power: t.field({
      type: Power,
      nullable: true,
      description: 'The newest that is known; it may be of another instant than the register.',
      resolve: ({ powerW }) => (powerW === null ? null : { w: powerW }),
    }),
  }),
});

const SupplyState = builder.enumType('SupplyState', {
  values: {
    CONNECTED: { value: 'connected' },
    DISCONNECTED: { value: 'disconnected' },
    LIMITED: { value: 'limited', description: 'No more flows than its limit allows.' },
  } as const,
});

const Supply = builder.objectRef<SupplyView>('Supply').implement({
  description: 'What the last verified command left behind.',
  fields: (t) => ({
    state: t.field({ type: SupplyState, resolve: ({ state }) => state }),
    since: t.field({ type: 'DateTime', resolve: ({ since }) => since }),
    isManual: t.boolean({
      description: 'A manual cut is not undone by a payment.',
      resolve: ({ cause }) => cause === 'manual',
    }),
  }),
});

const UnratedEnergy = builder.objectRef<UnratedView>('UnratedEnergy').implement({
  description: 'Metered energy that has no price yet. It is rated when the cause is gone.',
  fields: (t) => ({
    periodStart: t.field({ type: 'DateTime', resolve: ({ periodStart }) => periodStart }),
    code: t.exposeString('code'),
    energy: t.field({ type: Energy, resolve: ({ energyWh }) => ({ wh: energyWh }) }),
    intervalCount: t.exposeInt('slotCount'),
  }),
});

export const Meter = builder.loadableNodeRef<MeterView, number>('Meter', {
  id: { resolve: (meter) => meter.id, parse: integerKey },
  load: (ids, { read }) => read((tx) => findMeters(tx, ids)),
  sort: (meter) => meter.id,
  loaderOptions: { cache: false },
});

Meter.implement({
  fields: (t) => ({
    serial: t.exposeString('serial'),
    model: t.exposeString('mapName', { description: 'Its register map.' }),
    powerMax: t.field({ type: Power, resolve: ({ powerMaxW }) => ({ w: powerMaxW }) }),
    servicePointName: t.exposeString('servicePointName'),
    timeZone: t.exposeString('timeZone', { description: 'IANA name.' }),
    canSwitch: t.exposeBoolean('canSwitch', { description: 'It has a contactor.' }),
    live: t.loadable({
      type: LiveReading,
      nullable: true,
      description: 'Null until the meter was read.',
      resolve: (meter) => meter.id,
      load: (meterIds: number[], { read }) =>
        read((tx) => findLiveRegisters(tx, { meterIds, channel: importChannel })),
      sort: (live) => live.meterId,
      loaderOptions: { cache: false },
    }),
    supply: t.loadable({
      type: Supply,
      nullable: true,
      description: 'Null: it was never switched and is connected.',
      resolve: (meter) => meter.id,
      load: (meterIds: number[], { read }) => read((tx) => findSupplies(tx, meterIds)),
      sort: (supply) => supply.meterId,
      loaderOptions: { cache: false },
    }),
    unrated: t.loadableGroup({
      type: UnratedEnergy,
      resolve: (meter) => meter.id,
      load: (meterIds: number[], { read }) => read((tx) => findUnrated(tx, meterIds)),
      group: (unrated) => unrated.meterId,
      loaderOptions: { cache: false },
    }),
    agreements: t.connection({
      type: Agreement,
      complexity: pageCost,
      resolve: ({ servicePointId }, args, { read }) =>
        pageById(args, (page) => read((tx) => pageAgreements(tx, { servicePointId }, page))),
    }),
    commands: t.connection({
      type: Command,
      complexity: pageCost,
      resolve: ({ id }, args, { read }) =>
        pageByTime(
          args,
          (page) => read((tx) => pageCommands(tx, id, page)),
          (command) => ({ atMs: command.requestedAt.getTime(), key: command.id }),
        ),
    }),
    readings: t.connection({
      type: Reading,
      complexity: pageCost,
      description: 'Within [from, to), oldest first: the first and last of each quarter hour.',
      args: {
        from: t.arg({ type: 'DateTime', required: true }),
        to: t.arg({ type: 'DateTime', required: true }),
      },
      resolve: async (meter, args, { read }) => {
        const window = { fromMs: args.from.getTime(), toMs: args.to.getTime() };
        const readings = await read((tx) => readReadings(tx, meter, window));
        if (!readings.ok) throw codedRefusal(readings);
        return pageOfSeries(args, readings.value, (reading) => reading.atMs);
      },
    }),
    intervals: t.connection(
      {
        type: Interval,
        complexity: pageCost,
        description: 'Within [from, to), oldest first, as far as they are over.',
        args: {
          from: t.arg({ type: 'DateTime', required: true }),
          to: t.arg({ type: 'DateTime', required: true }),
        },
        resolve: async (meter, args, { read, deps }) => {
          const nowMs = deps.clock.nowMs();
          const window = { fromMs: args.from.getTime(), toMs: args.to.getTime(), nowMs };
          const found = await read((tx) => readIntervals(tx, meter, window));
          if (!found.ok) throw codedRefusal(found);
          const { intervals, expected, received } = found.value;
          const page = await pageOfSeries(args, intervals, (interval) => interval.startMs);
          return { ...page, completeness: { expected, received }, asOf: new Date(nowMs) };
        },
      },
      {
        fields: (c) => ({
          completeness: c.field({
            type: Completeness,
            description: 'Of the whole window, not of the page.',
            resolve: (connection) => connection.completeness,
          }),
          asOf: c.field({ type: 'DateTime', resolve: (connection) => connection.asOf }),
        }),
      },
    ),
  }),
});

builder.queryFields((t) => ({
  meter: t.field({
    type: Meter,
    nullable: true,
    authScopes: { may: 'Query.meter' },
    args: { id: t.arg.globalID({ for: Meter, required: true }) },
    resolve: (_root, { id }) => integerKey(id.id),
  }),
  meters: t.connection(
    {
      type: Meter,
      authScopes: { may: 'Query.meters' },
      complexity: pageCost,
      resolve: async (_root, args, { read }) => ({
        ...(await pageById(args, (page) => read((tx) => pageMeters(tx, page)))),
        count: () => read(countMeters),
      }),
    },
    { fields: (c) => ({ totalCount: c.int({ resolve: ({ count }) => count() }) }) },
  ),
}));
