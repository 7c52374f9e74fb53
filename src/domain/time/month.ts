import { assert } from '../assert.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { dayNumberOf } from './civil.ts';
import { startOfLocalDayMs } from './zone.ts';

/** Local calendar months as numbers that count up: year times 12 plus the month from 0. */
export type MonthNumber = number;

/** Years whose zone rules are known, see `instantMsMax`. */
const yearMin = 1970;
const yearMax = 2199;
export const firstMonthNumber: MonthNumber = yearMin * 12;

export function parseMonth(text: string): Outcome<MonthNumber, 'MONTH_MALFORMED'> {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text);
  const year = Number(match?.[1]);
  if (match === null || year < yearMin || year > yearMax) {
    const message = `Write a month of ${yearMin} to ${yearMax} as YYYY-MM, such as "2026-03".`;
    return refuse('MONTH_MALFORMED', message);
  }
  return accept(year * 12 + Number(match[2]) - 1);
}

/** Of a label that the zone's own rules made. */
export function monthOfLabel(label: string): MonthNumber {
  const month = parseMonth(label);
  assert(month.ok, 'the label of a month is one');
  return month.value;
}

/** `2026-03`. */
export function monthText(month: MonthNumber): string {
  const year = Math.floor(month / 12);
  return `${year}-${String(month - year * 12 + 1).padStart(2, '0')}`;
}

/** The instant at which a local month begins. */
export function startOfMonthMs(zone: string, month: MonthNumber): number {
  const year = Math.floor(month / 12);
  return startOfLocalDayMs(zone, dayNumberOf({ year, month: month - year * 12 + 1, day: 1 }));
}
