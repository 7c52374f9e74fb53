import { z } from 'zod';
import { roundingModes } from '../exact.ts';
import { tariffNameLengthMax } from '../limits.ts';

/** The texts of which a tariff document is made. */
export const name = z
  .string()
  .max(tariffNameLengthMax)
  .regex(
    /^[A-Za-z][A-Za-z0-9 _-]*$/,
    'A name begins with a letter: letters, digits, space, _ or -',
  );
export const localTime = z
  .string()
  .regex(/^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/, 'Write a local time as HH:MM');
export const monthDay = z
  .string()
  .regex(/^[0-9]{2}-[0-9]{2}$/, 'Write a date of every year as MM-DD');
export const fullDate = z
  .string()
  .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, 'Write a date as YYYY-MM-DD');
export const localDateTime = z
  .string()
  .regex(
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2})?$/,
    'Write a local date as YYYY-MM-DD, or with a time as YYYY-MM-DDTHH:MM',
  );
export const instant = z.iso.datetime({
  offset: true,
  error: 'Write an instant as ISO 8601 with an offset, such as 2026-01-01T00:00:00Z',
});
export const decimalText = z.string('Write the number as a string, so that no float touches it');
export const monthNumber = z.int().min(1).max(12);
export const weekdayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export const roundingPoint = z.strictObject({ step: decimalText, mode: z.enum(roundingModes) });
