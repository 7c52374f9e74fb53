import { z } from 'zod';
import { roundingModes } from '../exact.ts';
import { tariffNameLengthMax } from './limits.ts';

/** The texts of which a tariff document is made. */
export const name = z
  .string()
  .max(tariffNameLengthMax)
  .regex(
    /^[A-Za-z][A-Za-z0-9 _-]*$/,
    'a name begins with a letter: letters, digits, space, _ or -',
  );
export const localTime = z
  .string()
  .regex(/^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/, 'write a local time as HH:MM');
export const monthDay = z
  .string()
  .regex(/^[0-9]{2}-[0-9]{2}$/, 'write a date of every year as MM-DD');
export const fullDate = z
  .string()
  .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, 'write a date as YYYY-MM-DD');
export const localDateTime = z
  .string()
  .regex(
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2})?$/,
    'write a local date as YYYY-MM-DD, or with a time as YYYY-MM-DDTHH:MM',
  );
export const instant = z.iso.datetime({
  offset: true,
  error: 'write an instant as ISO 8601 with an offset, such as 2026-01-01T00:00:00Z',
});
export const numberAsText =
  'write the number as a text in quotes, such as "0.25", so that no float touches it';
export const decimalText = z.string({
  error: ({ input }) => (typeof input === 'number' ? numberAsText : undefined),
});
export const monthNumber = z.int().min(1).max(12);
export const weekdayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export const roundingPoint = z.strictObject({ step: decimalText, mode: z.enum(roundingModes) });
