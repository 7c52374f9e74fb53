import { instantMsMax } from '../limits.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { dayMs, dayNumberOf, hourMs, isCivilDate, minuteMs } from './civil.ts';

export type InstantCode = 'INSTANT_MALFORMED' | 'INSTANT_WITHOUT_OFFSET' | 'INSTANT_OUT_OF_RANGE';

const instantPattern =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?$/;

/** ISO 8601 allows 24:00, but an instant has one name here. */
function ofDayMs(hour: number, minute: number, second: number): number | null {
  if (hour > 23 || minute > 59 || second > 59) return null;
  return hour * hourMs + minute * minuteMs + second * 1_000;
}

function offsetMsOf(text: string): number | null {
  if (text === 'Z') return 0;
  const hour = Number(text.slice(1, 3));
  const minute = Number(text.slice(3).replace(':', ''));
  // UTC-12 to UTC+14 are in use; Manila had +16 in the nineteenth century.
  if (hour > 16 || minute > 59) return null;
  return (hour * hourMs + minute * minuteMs) * (text.startsWith('-') ? -1 : 1);
}

/**
 * An instant of ISO 8601 with `Z` or an offset, as epoch milliseconds. A local time without its
 * offset names two instants on the day the clocks go back, so it is refused.
 */
export function parseInstant(text: string): Outcome<number, InstantCode> {
  const match = instantPattern.exec(text);
  const [, year, month, day, hour, minute, second = '0', part = '', offset] = match ?? [];
  const date = { year: Number(year), month: Number(month), day: Number(day) };
  const timeMs = ofDayMs(Number(hour), Number(minute), Number(second));
  const advice = 'write it as 2026-03-01T00:00:00+01:00 or 2026-02-28T23:00:00Z';
  if (match === null || !isCivilDate(date) || timeMs === null) {
    return refuse(
      'INSTANT_MALFORMED',
      `${JSON.stringify(text.slice(0, 40))} is no instant; ${advice}.`,
    );
  }
  if (offset === undefined) {
    const message = `"${text}" has no offset, so it may be two instants; ${advice}.`;
    return refuse('INSTANT_WITHOUT_OFFSET', message);
  }
  const offsetMs = offsetMsOf(offset);
  if (offsetMs === null || !/^0*$/.test(part.slice(3))) {
    return refuse('INSTANT_MALFORMED', `"${text}" is no instant; ${advice}.`);
  }
  const instantMs =
    dayNumberOf(date) * dayMs + timeMs + Number(part.padEnd(3, '0').slice(0, 3)) - offsetMs;
  if (instantMs < 0 || instantMs >= instantMsMax) {
    const message = `"${text}" lies outside the years 1970 to 2199; correct the clock.`;
    return refuse('INSTANT_OUT_OF_RANGE', message);
  }
  return accept(instantMs);
}

/** In UTC; a full second without its fraction: `2026-02-28T23:00:00Z`. */
export function instantText(instantMs: number): string {
  return new Date(instantMs).toISOString().replace('.000Z', 'Z');
}
