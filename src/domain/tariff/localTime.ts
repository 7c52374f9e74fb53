import { assert } from '../assert.ts';
import { instantMsMax } from '../limits.ts';
import { dayMs, dayNumberOf, hourMs, isCivilDate, minuteMs } from '../time/civil.ts';
import { instantAtWallMs } from '../time/zone.ts';

const localPattern = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d))?$/;

/**
 * A local date-time as a tariff writes it, `2026-04-01` or `2026-04-01T06:00`, in milliseconds of
 * the wall clock since 1970-01-01T00:00 local; null where no clock shows it.
 */
export function wallClockMsOf(text: string): number | null {
  const match = localPattern.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute] = match.slice(1).map((part) => Number(part ?? 0));
  if (year === undefined || month === undefined || day === undefined) return null;
  if (hour === undefined || minute === undefined || hour > 23 || minute > 59) return null;
  if (!isCivilDate({ year, month, day })) return null;
  const wallMs = dayNumberOf({ year, month, day }) * dayMs + hour * hourMs + minute * minuteMs;
  return wallMs >= 0 && wallMs <= instantMsMax ? wallMs : null;
}

/** The instant of a local date-time that the parser has read. */
export function instantOfLocal(zone: string, text: string): number {
  const wallMs = wallClockMsOf(text);
  assert(wallMs !== null, 'the parser has read the local times of a document');
  return instantAtWallMs(zone, wallMs);
}
