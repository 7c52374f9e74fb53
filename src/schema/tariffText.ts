import { assert } from '../domain/assert.ts';
import { formatPriceE8 } from '../domain/exact.ts';
import { calendarDaysMax } from '../domain/limits.ts';
import type { Calendar } from '../domain/tariff/calendar.ts';
import type { Component, Tier } from '../domain/tariff/component.ts';
import { describeComponent, describeTariff } from '../domain/tariff/describe.ts';
import { parseTariffDocument } from '../domain/tariff/document.ts';
import type { TariffDocument } from '../domain/tariff/document.ts';
import { gridOf } from '../domain/tariff/grid.ts';
import type { GridDay, GridStretch } from '../domain/tariff/grid.ts';
import { calendarIndexOf, priceListOf } from '../domain/tariff/priceList.ts';
import type { PriceList } from '../domain/tariff/priceList.ts';
import { builder } from './builder.ts';
import { codedRefusal } from './coded.ts';
import { TariffVersion } from './tariff.ts';

/** Documents of the versions at hand, parsed once a version and request. */
const parsedDocuments = new WeakMap<object, TariffDocument>();

function documentOf(version: { readonly document: unknown }): TariffDocument {
  const known = parsedDocuments.get(version);
  if (known !== undefined) return known;
  const parsed = parseTariffDocument(version.document);
  assert(parsed.ok, 'a published tariff can be read again');
  parsedDocuments.set(version, parsed.value);
  return parsed.value;
}

type ComponentView = {
  readonly component: Component;
  readonly document: TariffDocument;
};

function calendarOf({ component, document }: ComponentView): Calendar | null {
  return document.calendars[calendarIndexOf(component) ?? -1] ?? null;
}

function listOf(view: ComponentView): PriceList {
  return priceListOf(view.component, calendarOf(view)?.periods ?? []);
}

export const TariffComponentKind = builder.enumType('TariffComponentKind', {
  values: {
    ENERGY: { value: 'energy' },
    DYNAMIC: { value: 'dynamic' },
    DEMAND: { value: 'demand' },
    REACTIVE: { value: 'reactive' },
    FIXED: { value: 'fixed' },
    MINIMUM: { value: 'minimum' },
    ADJUST: { value: 'adjust' },
    DISCOUNT: { value: 'discount' },
    TAX: { value: 'tax' },
    NETTING: { value: 'netting' },
  } as const satisfies {
    readonly [Kind in Component['kind'] as Uppercase<Kind>]: { value: Kind };
  },
});

const TariffTier = builder.objectRef<Tier & { readonly tier: number }>('TariffTier').implement({
  fields: (t) => ({
    tier: t.exposeInt('tier', { description: 'From 1.' }),
    upTo: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'Where the next one begins, in the tierUnit; null: it is the last.',
      resolve: ({ upToE8 }) => (upToE8 === null ? null : formatPriceE8(upToE8)),
    }),
    price: t.field({ type: 'Decimal', resolve: ({ priceE8 }) => formatPriceE8(priceE8) }),
    flat: t.field({
      type: 'Decimal',
      description: 'Due once, as soon as the tier is reached.',
      resolve: ({ flatE8 }) => formatPriceE8(flatE8),
    }),
  }),
});

const TariffPrice = builder.objectRef<PriceList['prices'][number]>('TariffPrice').implement({
  fields: (t) => ({
    period: t.exposeString('period', {
      nullable: true,
      description: "Of the component's calendar; null where it has none.",
    }),
    tiers: t.field({
      type: [TariffTier],
      resolve: ({ tiers }) => tiers.map((each, index) => ({ ...each, tier: index + 1 })),
    }),
  }),
});

const TariffComponent = builder.objectRef<ComponentView>('TariffComponent').implement({
  fields: (t) => ({
    name: t.string({ resolve: ({ component }) => component.name }),
    kind: t.field({ type: TariffComponentKind, resolve: ({ component }) => component.kind }),
    description: t.string({
      description: 'In plain words.',
      resolve: ({ component, document }) => describeComponent(component, document),
    }),
    calendar: t.string({
      nullable: true,
      description: 'By which its prices change with the time.',
      resolve: (view) => calendarOf(view)?.name ?? null,
    }),
    unit: t.string({
      nullable: true,
      description: 'What a price is for, such as kWh, kW, day.',
      resolve: (view) => listOf(view).unit,
    }),
    tierUnit: t.string({ nullable: true, resolve: (view) => listOf(view).tierUnit }),
    prices: t.field({
      type: [TariffPrice],
      description: 'Its own ones; none where it takes a percentage or a price series.',
      resolve: (view) => [...listOf(view).prices],
    }),
  }),
});

const GridStretchRef = builder.objectRef<GridStretch>('TariffStretch').implement({
  fields: (t) => ({
    from: t.exposeString('from', { description: 'By the wall clock, such as 06:00.' }),
    to: t.exposeString('to', { description: 'Exclusive; the day ends with 24:00.' }),
    period: t.exposeString('period'),
  }),
});

const GridDayRef = builder.objectRef<GridDay>('TariffDay').implement({
  fields: (t) => ({
    date: t.exposeString('date', { description: 'Local, such as 2026-03-29.' }),
    season: t.exposeString('season', { nullable: true }),
    dayType: t.exposeString('dayType', { nullable: true }),
    stretches: t.field({
      type: [GridStretchRef],
      description: 'Without a gap from 00:00 to 24:00.',
      resolve: ({ stretches }) => [...stretches],
    }),
  }),
});

type CalendarView = { readonly calendar: Calendar; readonly document: TariffDocument };

const TariffCalendar = builder.objectRef<CalendarView>('TariffCalendar').implement({
  description: 'Gives every local quarter hour a period.',
  fields: (t) => ({
    name: t.string({ resolve: ({ calendar }) => calendar.name }),
    periods: t.stringList({ resolve: ({ calendar }) => [...calendar.periods] }),
    components: t.field({
      type: [TariffComponent],
      description: 'Those whose prices it decides.',
      resolve: ({ calendar, document }) =>
        document.components.flatMap((component) => {
          const view = { component, document };
          return calendarOf(view) === calendar ? [view] : [];
        }),
    }),
    days: t.field({
      type: [GridDayRef],
      description: 'A grid to draw.',
      complexity: ({ days }) => ({
        field: 1,
        multiplier: Math.min(Math.max(days, 1), calendarDaysMax),
      }),
      args: {
        from: t.arg.string({ required: true, description: 'A local date, such as 2026-01-01.' }),
        days: t.arg.int({ defaultValue: 7, required: true, description: `To ${calendarDaysMax}.` }),
      },
      resolve: ({ calendar }, args) => {
        const grid = gridOf(calendar, args);
        if (!grid.ok) throw codedRefusal(grid);
        return [...grid.value];
      },
    }),
  }),
});

builder.objectFields(TariffVersion, (t) => ({
  description: t.stringList({
    description: 'The whole tariff in plain words, a line a fact.',
    resolve: (version) => [...describeTariff(documentOf(version))],
  }),
  components: t.field({
    type: [TariffComponent],
    description: 'In the order of evaluation.',
    resolve: (version) => {
      const document = documentOf(version);
      return document.components.map((component) => ({ component, document }));
    },
  }),
  calendars: t.field({
    type: [TariffCalendar],
    resolve: (version) => {
      const document = documentOf(version);
      return document.calendars.map((calendar) => ({ calendar, document }));
    },
  }),
  calendar: t.field({
    type: TariffCalendar,
    nullable: true,
    args: { name: t.arg.string({ required: true }) },
    resolve: (version, { name }) => {
      const document = documentOf(version);
      const calendar = document.calendars.find((each) => each.name === name);
      return calendar === undefined ? null : { calendar, document };
    },
  }),
}));
