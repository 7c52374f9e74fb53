import { formatDecimal } from '../domain/exact.ts';
import { builder } from './builder.ts';

export const Energy = builder.objectRef<{ readonly wh: bigint }>('Energy').implement({
  description: 'Active energy, counted in whole watt-hours.',
  fields: (t) => ({
    wattHours: t.field({ type: 'Decimal', resolve: ({ wh }) => wh.toString() }),
    kilowattHours: t.field({
      type: 'Decimal',
      resolve: ({ wh }) => formatDecimal(wh, { decimals: 3, decimalsMin: 3 }),
    }),
  }),
});

export const Power = builder.objectRef<{ readonly w: number }>('Power').implement({
  description: 'Active power.',
  fields: (t) => ({
    watts: t.field({ type: 'Decimal', resolve: ({ w }) => w.toString() }),
  }),
});

/** Of a live register; a reading is what the face showed. */
export const asBilled =
  'As billed: by its factor, counted on through rollovers and resets. The face may show otherwise.';
