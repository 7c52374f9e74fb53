import { z } from 'zod';
import { decimalText, localTime, name } from '../tariff/textShape.ts';
import {
  breakerCutsMax,
  breakerMinutesMax,
  daysAfterWeatherMax,
  loadLimitTripMinutesMax,
  loadLimitWMax,
  loadLimitWMin,
  noticeHoursMax,
  policyDataAgeMinutesMax,
  policyHolidaysMax,
  protectedSpansMax,
  warningDaysMax,
  warningThresholdsMax,
} from './limits.ts';

/**
 * The form of a prepaid policy as people write it. What is left out is the default, which stands
 * on the customer's side; whoever wants less protection has to write it.
 */

const weekday = z.int().min(1).max(7);
const everyDay = [1, 2, 3, 4, 5, 6, 7];

/** ISO 8601 weekdays on which the span begins; one whose end is not later ends the day after. */
const protectedSpan = z.strictObject({
  weekdays: z
    .array(weekday)
    .min(1)
    .max(7)
    .default([...everyDay]),
  from: localTime,
  to: localTime,
});

const holiday = z
  .string()
  .regex(
    /^(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2}$/,
    'write a date as YYYY-MM-DD, or as MM-DD for every year',
  );

const daysAfter = z.int().min(0).max(daysAfterWeatherMax);

export const policyShape = z.strictObject({
  /** Accounts are under 'standard' unless they were put under another. */
  name,
  /** For people: what is special about it. */
  note: z.string().max(400).optional(),
  warnings: z
    .strictObject({
      /** Days of remaining power (domain rule 56). */
      days: z
        .array(z.int().min(1).max(warningDaysMax))
        .max(warningThresholdsMax)
        .default([7, 3, 1]),
      balances: z.array(decimalText).max(warningThresholdsMax).default([]),
    })
    .prefault({}),
  emergencyCredit: z
    .strictObject({ amount: decimalText, selectableBelow: decimalText })
    .nullable()
    .default(null),
  /** No automatic cut begins within them, in the service point's zone. */
  protectedHours: z
    .array(protectedSpan)
    .max(protectedSpansMax)
    .default([
      { weekdays: [...everyDay], from: '16:00', to: '10:00' },
      { weekdays: [6, 7], from: '00:00', to: '24:00' },
    ]),
  protectedHolidays: z.array(holiday).max(policyHolidaysMax).default([]),
  /** Local days after the last day of an advisory on which nobody is cut. */
  weather: z
    .strictObject({
      heatDaysAfter: daysAfter.default(2),
      coldDaysAfter: daysAfter.default(1),
      stormDaysAfter: daysAfter.default(0),
    })
    .nullable()
    .prefault({}),
  /** A cut is told so long before, and whether it must have arrived. */
  notice: z
    .strictObject({
      hoursBefore: z.int().min(0).max(noticeHoursMax).default(24),
      delivered: z.boolean().default(true),
    })
    .nullable()
    .prefault({}),
  /** Nobody is cut by a balance whose newest reading is older. */
  dataAgeMinutes: z.int().min(1).max(policyDataAgeMinutesMax).default(30),
  /** What the law allows an agreement to ask for; a lower agreement stands, a higher is lowered. */
  balanceLimits: z
    .strictObject({ connectionMax: decimalText, disconnectionMax: decimalText })
    .nullable()
    .default(null),
  debt: z.strictObject({ suspendInEmergencyCredit: z.boolean().default(true) }).prefault({}),
  /** Where a payment goes, in this order; without a share as much as there is to pay. */
  allocation: z
    .array(z.strictObject({ to: z.enum(['debt', 'energy']), share: decimalText.optional() }))
    .max(4)
    .default([{ to: 'debt' }, { to: 'energy' }]),
  /** Instead of a cut the supply is limited. */
  loadLimit: z
    .strictObject({
      powerW: z.int().min(loadLimitWMin).max(loadLimitWMax),
      tripAfterMinutes: z.int().min(1).max(loadLimitTripMinutesMax).default(5),
    })
    .nullable()
    .default(null),
  /** More automatic cuts of a region within the minutes stop all further ones. */
  breaker: z
    .strictObject({
      cutsMax: z.int().min(1).max(breakerCutsMax).default(20),
      minutes: z.int().min(1).max(breakerMinutesMax).default(10),
    })
    .prefault({}),
  standingChargeWhileDisconnected: z.boolean().default(true),
});

export type PolicyShape = z.output<typeof policyShape>;
export type PolicyText = z.input<typeof policyShape>;
