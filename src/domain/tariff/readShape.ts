import type { z } from 'zod';
import { report, within } from './refusal.ts';
import type { Spot } from './refusal.ts';

type Issue = z.core.$ZodIssue;
type Found = { readonly path: readonly PropertyKey[]; readonly message: string };

/** Which alternative was meant is not known: the one that went deepest was read the furthest. */
function deepest(issue: Issue): Found {
  const found: Found = { path: issue.path, message: issue.message };
  if (issue.code !== 'invalid_union') return found;
  if (issue.errors.length === 0) {
    const message = 'this is none of the values that are known; see tariff.schema.json';
    return { path: issue.path, message };
  }
  const branches = issue.errors.flatMap(([first]) => (first === undefined ? [] : [deepest(first)]));
  const depth = Math.max(...branches.map(({ path }) => path.length));
  const best = branches.filter(({ path }) => path.length === depth);
  const messages = new Set(best.map(({ message }) => message));
  return {
    path: [...issue.path, ...(best[0]?.path ?? [])],
    message: [...messages].join(', or: '),
  };
}

/** The value in the form that the schema gives it, or null with a report. */
export function readShape<Schema extends z.ZodType>(
  spot: Spot,
  schema: Schema,
  raw: unknown,
): z.output<Schema> | null {
  const shaped = schema.safeParse(raw);
  if (shaped.success) return shaped.data;
  const [issue] = shaped.error.issues;
  const found = issue === undefined ? { path: [], message: 'unreadable' } : deepest(issue);
  const place = within(spot, ...found.path.map(String));
  report(place, 'TARIFF_MALFORMED', `${found.message}. Correct it.`);
  return null;
}
