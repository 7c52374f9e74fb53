import { parseInstant } from '../time/instantText.ts';
import { report } from './refusal.ts';
import type { Spot } from './refusal.ts';

/** Epoch milliseconds; 0 stands in for what is refused. */
export function readInstant(spot: Spot, text: string): number {
  const instant = parseInstant(text);
  if (instant.ok) return instant.value;
  const message = `${text} is no instant of the years 1970 to 2199; correct it.`;
  report(spot, 'TARIFF_MALFORMED', message);
  return 0;
}
