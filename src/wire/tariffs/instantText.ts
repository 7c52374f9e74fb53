import { instantMsMax } from '../../domain/limits.ts';
import { dayMs, dayNumberOf, hourMs, isCivilDate, minuteMs } from '../../domain/time/civil.ts';

const pattern =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.0{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;

/**
 * An ISO 8601 instant with its offset, in whole seconds. Null for anything else: a time without an
 * offset comes twice in the hour when clocks are set back.
 */
export function instantMsOf(text: string): number | null {
  const match = text.length <= 40 ? pattern.exec(text) : null;
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const zone = match[7] ?? 'Z';
  const offsetHours = zone === 'Z' ? 0 : Number(zone.slice(1, 3));
  const offsetMinutes = zone === 'Z' ? 0 : Number(zone.slice(-2));
  const isClock = hour < 24 && minute < 60 && second < 60 && offsetHours < 15;
  if (!isClock || offsetMinutes > 59 || !isCivilDate({ year, month, day })) return null;
  const offsetMs = offsetHours * hourMs + offsetMinutes * minuteMs;
  const localMs =
    dayNumberOf({ year, month, day }) * dayMs + hour * hourMs + minute * minuteMs + second * 1_000;
  const instantMs = zone.startsWith('-') ? localMs + offsetMs : localMs - offsetMs;
  return instantMs >= 0 && instantMs < instantMsMax ? instantMs : null;
}

export function instantText(instantMs: number): string {
  return new Date(instantMs).toISOString().replace('.000Z', 'Z');
}
