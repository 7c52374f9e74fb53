import type { z } from 'zod';
import { report, within } from './refusal.ts';
import type { Spot } from './refusal.ts';
import { foundIn, wordsOf } from './shapeWords.ts';

/** The value in the form that the schema gives it, or null with a report. */
export function readShape<Schema extends z.ZodType>(
  spot: Spot,
  schema: Schema,
  raw: unknown,
): z.output<Schema> | null {
  const shaped = schema.safeParse(raw, { error: wordsOf });
  if (shaped.success) return shaped.data;
  const [issue] = shaped.error.issues;
  const found = issue === undefined ? { path: [], message: 'it is unreadable' } : foundIn(issue);
  const place = within(spot, ...found.path.map(String));
  report(place, 'TARIFF_MALFORMED', `${found.message}.`);
  return null;
}
