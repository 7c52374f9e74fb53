import { z } from 'zod';
import { zoneNameLengthMax } from '../limits.ts';
import {
  calendarsPerTariffMax,
  componentsPerTariffMax,
  datesPerDayTypeMax,
  dayTypesPerCalendarMax,
  examplesPerTariffMax,
  loadPiecesPerExampleMax,
  pricesPerSeriesMax,
  priceSeriesPerTariffMax,
  rulesPerCalendarMax,
  seasonsPerCalendarMax,
  spansPerSeasonMax,
} from './limits.ts';
import { componentShape } from './componentShape.ts';
import {
  decimalText,
  fullDate,
  instant,
  localDateTime,
  localTime,
  monthDay,
  name,
  roundingPoint,
  weekdayNames,
} from './textShape.ts';

const calendarShape = z.strictObject({
  name,
  seasons: z
    .array(
      z.strictObject({
        name,
        spans: z
          .array(z.strictObject({ from: monthDay, through: monthDay }))
          .min(1)
          .max(spansPerSeasonMax),
      }),
    )
    .max(seasonsPerCalendarMax)
    .default([]),
  dayTypes: z
    .array(
      z.strictObject({
        name,
        weekdays: z.array(z.enum(weekdayNames)).max(7).default([]),
        dates: z.array(fullDate).max(datesPerDayTypeMax).default([]),
        yearly: z.array(monthDay).max(datesPerDayTypeMax).default([]),
      }),
    )
    .max(dayTypesPerCalendarMax)
    .default([]),
  rules: z
    .array(
      z.strictObject({
        seasons: z.array(name).max(seasonsPerCalendarMax).default([]),
        dayTypes: z.array(name).max(dayTypesPerCalendarMax).default([]),
        from: localTime,
        to: localTime,
        period: name,
      }),
    )
    .min(1)
    .max(rulesPerCalendarMax),
});

const priceSeriesShape = z.strictObject({
  name,
  unit: z.enum(['kWh', 'MWh']),
  minutes: z.union([z.literal(15), z.literal(30), z.literal(60)]),
  from: instant,
  /** One after the other; null where there is none. */
  prices: z.array(decimalText.nullable()).min(1).max(pricesPerSeriesMax),
});

/** What an agreement may say that a tariff asks for. */
export const attributesShape = z.strictObject({
  meters: z.int().min(0).optional(),
  contractedKw: decimalText.optional(),
  fuseA: decimalText.optional(),
  phases: z.int().min(1).max(3).optional(),
  customerClass: name.optional(),
});

/** A bill that the tariff must give; a version that does not is not published. */
const exampleShape = z.strictObject({
  name: z.string().min(1).max(200),
  zone: z.string().max(zoneNameLengthMax).optional(),
  attributes: attributesShape.optional(),
  /** Local, within one month. */
  from: localDateTime,
  to: localDateTime,
  intervalMinutes: z.union([
    z.literal(5),
    z.literal(10),
    z.literal(15),
    z.literal(30),
    z.literal(60),
  ]),
  /** Energy spread evenly over the intervals of [from, to), in whole Wh; pieces add up. */
  load: z
    .array(
      z.strictObject({
        from: localDateTime,
        to: localDateTime,
        importKwh: decimalText.optional(),
        exportKwh: decimalText.optional(),
        q1Kvarh: decimalText.optional(),
        q2Kvarh: decimalText.optional(),
        q3Kvarh: decimalText.optional(),
        q4Kvarh: decimalText.optional(),
      }),
    )
    .max(loadPiecesPerExampleMax),
  expect: z.strictObject({
    total: decimalText,
    /** By component, the sum of its lines. */
    components: z.record(name, decimalText).optional(),
  }),
});

/** The outer form of a tariff document; document.ts checks what it means. */
export const tariffShape = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/, 'write the currency as its ISO 4217 code, such as EUR'),
  zone: z.string().max(zoneNameLengthMax).optional(),
  /** Local, inclusive and exclusive. A file with several versions says both or the first. */
  validFrom: localDateTime.optional(),
  validTo: localDateTime.optional(),
  /** Where amounts are rounded; absent: nowhere. `interval` is of one interval's amount. */
  rounding: z
    .strictObject({
      interval: roundingPoint.optional(),
      line: roundingPoint.optional(),
      tax: roundingPoint.optional(),
      bill: roundingPoint.optional(),
    })
    .default({}),
  /** What an interval is for `rounding.interval` and for netting by interval. */
  intervalMinutes: z.union([z.literal(15), z.literal(30), z.literal(60)]).optional(),
  calendars: z.array(calendarShape).max(calendarsPerTariffMax).default([]),
  priceSeries: z.array(priceSeriesShape).max(priceSeriesPerTariffMax).default([]),
  components: z.array(componentShape).min(1).max(componentsPerTariffMax),
  examples: z.array(exampleShape).max(examplesPerTariffMax).default([]),
});

/** The document as people write it and as it is stored. */
export type TariffText = z.input<typeof tariffShape>;
/** With the optional lists filled in. */
export type TariffShape = z.output<typeof tariffShape>;
export type ExampleShape = z.output<typeof exampleShape>;
export type PriceSeriesShape = z.output<typeof priceSeriesShape>;
export type AttributesShape = z.output<typeof attributesShape>;
