import { instantMsMax } from '../limits.ts';
import { dayMs, dayNumberOf, hourMs, isCivilDate, minuteMs } from '../time/civil.ts';

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

const instantPattern =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|([+-])(\d\d):(\d\d))$/;

/** An ISO 8601 instant with an offset, UTC; null where it is none or outside 1970 to 2199. */
export function instantMsOf(text: string): number | null {
  const match = instantPattern.exec(text);
  if (match === null) return null;
  const numbers = match.slice(1).map((part) => Number(part ?? 0));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  if (!isCivilDate({ year, month, day }) || hour > 23 || minute > 59 || second > 59) return null;
  const milliseconds = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const offsetMs = Number(match[9] ?? 0) * hourMs + Number(match[10] ?? 0) * minuteMs;
  const instantMs =
    dayNumberOf({ year, month, day }) * dayMs +
    hour * hourMs +
    minute * minuteMs +
    second * 1_000 +
    milliseconds -
    (match[8] === '-' ? -offsetMs : offsetMs);
  return instantMs >= 0 && instantMs <= instantMsMax ? instantMs : null;
}
