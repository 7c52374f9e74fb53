import { instantMsMax } from '../../domain/limits.ts';
import { instantMsOf } from '../../domain/tariff/localTime.ts';

/** Offsets in use lie between -12:00 and +14:00. */
const offsetPattern = /(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])$/;

/**
 * An ISO 8601 instant with its offset, or null. A time without an offset is none: it comes twice
 * in the hour when clocks are set back.
 */
export function parseInstantMs(text: string): number | null {
  if (!offsetPattern.test(text)) return null;
  const instantMs = instantMsOf(text);
  return instantMs !== null && instantMs < instantMsMax ? instantMs : null;
}

export function instantText(instantMs: number): string {
  return new Date(instantMs).toISOString().replace('.000Z', 'Z');
}
