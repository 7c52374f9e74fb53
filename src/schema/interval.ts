import type { IntervalView } from '../operations/readSeries.ts';
import { builder } from './builder.ts';
import { Energy } from './energy.ts';
import { Quality, ValueState, qualityName } from './quality.ts';

/** What every interval says, whatever is told beside it. */
export const EnergyInterval = builder.interfaceRef<IntervalView>('EnergyInterval').implement({
  description: 'Energy over [start, end), a quarter hour of UTC.',
  fields: (t) => ({
    start: t.field({ type: 'DateTime', resolve: ({ startMs }) => new Date(startMs) }),
    end: t.field({ type: 'DateTime', resolve: ({ endMs }) => new Date(endMs) }),
    energy: t.field({
      type: Energy,
      nullable: true,
      description: 'Null where nothing is known, which is not zero.',
      resolve: ({ energyWh }) => (energyWh === null ? null : { wh: energyWh }),
    }),
    quality: t.field({ type: Quality, resolve: ({ quality }) => qualityName(quality) }),
    state: t.field({
      type: ValueState,
      resolve: ({ isProvisional }) => (isProvisional ? 'PROVISIONAL' : 'VALIDATED'),
    }),
    revision: t.exposeInt('revision', { description: "Of the meter's day that it is part of." }),
  }),
});

export const Interval = builder.objectRef<IntervalView>('Interval').implement({
  description: 'Energy over [start, end), a quarter hour of UTC.',
  interfaces: [EnergyInterval],
});
