import type { ReadingView } from '../operations/readSeries.ts';
import { builder } from './builder.ts';
import { Energy } from './energy.ts';
import { Quality, qualityName } from './quality.ts';

export const Reading = builder.objectRef<ReadingView>('Reading').implement({
  description: "The import register's value at an instant.",
  fields: (t) => ({
    readAt: t.field({ type: 'DateTime', resolve: ({ atMs }) => new Date(atMs) }),
    register: t.field({
      type: Energy,
      description: 'As the face showed it, before its factor.',
      resolve: ({ registerWh }) => ({ wh: registerWh }),
    }),
    quality: t.field({ type: Quality, resolve: ({ quality }) => qualityName(quality) }),
    revision: t.exposeInt('revision', { description: "Of the meter's day that it is part of." }),
  }),
});

type CompletenessView = { readonly expected: number; readonly received: number };

export const Completeness = builder.objectRef<CompletenessView>('Completeness').implement({
  fields: (t) => ({
    expected: t.exposeInt('expected', {
      description: 'Quarter hours of the window that are over.',
    }),
    received: t.exposeInt('received', { description: 'Those whose energy is known.' }),
  }),
});
