import { z } from 'zod';
import { roundingModes } from '../exact.ts';
import {
  calendarsPerTariffMax,
  componentsPerTariffMax,
  datesPerDayTypeMax,
  dayTypesPerCalendarMax,
  rulesPerCalendarMax,
  seasonsPerCalendarMax,
  spansPerSeasonMax,
  tariffNameLengthMax,
  zoneNameLengthMax,
} from '../limits.ts';

const name = z
  .string()
  .max(tariffNameLengthMax)
  .regex(
    /^[A-Za-z][A-Za-z0-9 _-]*$/,
    'A name begins with a letter: letters, digits, space, _ or -',
  );
const localTime = z
  .string()
  .regex(/^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/, 'Write a local time as HH:MM');
const monthDay = z.string().regex(/^[0-9]{2}-[0-9]{2}$/, 'Write a date of every year as MM-DD');
const fullDate = z.string().regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, 'Write a date as YYYY-MM-DD');
const decimalText = z.string('Write the number as a string, so that no float touches it');
export const weekdayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const roundingPoint = z.strictObject({ step: decimalText, mode: z.enum(roundingModes) });

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

const energyShape = z.strictObject({
  kind: z.literal('energy'),
  name,
  flow: z.literal('import'),
  calendar: name,
  /** By period of the calendar: currency a kWh, up to 8 decimals; negative is a credit. */
  prices: z.record(name, decimalText),
});

/** The outer form of a tariff document; document.ts checks what it means. */
export const tariffShape = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/, 'Write the currency as its ISO 4217 code, such as EUR'),
  zone: z.string().max(zoneNameLengthMax).optional(),
  rounding: z
    .strictObject({ line: roundingPoint.optional(), bill: roundingPoint.optional() })
    .default({}),
  calendars: z.array(calendarShape).min(1).max(calendarsPerTariffMax),
  components: z
    .array(z.discriminatedUnion('kind', [energyShape]))
    .min(1)
    .max(componentsPerTariffMax),
});

/** The document as people write it and as it is stored. */
export type TariffText = z.input<typeof tariffShape>;
/** With the optional lists filled in. */
export type TariffShape = z.output<typeof tariffShape>;
