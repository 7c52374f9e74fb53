import { z } from 'zod';
import { versionsPerFileMax } from './limits.ts';
import { accept } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import { parseTariffDocument } from './document.ts';
import type { TariffDocument, TariffRefusal } from './document.ts';
import { wallClockMsOf } from './localTime.ts';
import { readShape } from './readShape.ts';
import { refusalAt, report, startAt, within } from './refusal.ts';
import type { Spot } from './refusal.ts';
import { tariffShape } from './shape.ts';

const versionsShape = z.strictObject({
  versions: z.array(z.unknown()).min(1).max(versionsPerFileMax),
});

const tariffFileShape = z.union([
  tariffShape,
  z.strictObject({ versions: z.array(tariffShape).min(1).max(versionsPerFileMax) }),
]);

/** JSON Schema of what people write, for editors and other programs. What it cannot say, such as
 * calendars without gaps, the parser still refuses. */
export function tariffJsonSchema(): object {
  const schema = z.toJSONSchema(tariffFileShape, { io: 'input', reused: 'ref' });
  return { title: 'A tariff: one document, or its versions in order of time', ...schema };
}

/** The version goes on where the one before it ends: no time has two, and none between has none. */
function reportOrder(spot: Spot, version: TariffDocument, before: TariffDocument): void {
  if (version.currency !== before.currency) {
    const message = `the version before it is in ${before.currency}; use one currency in a file.`;
    report(within(spot, 'currency'), 'TARIFF_MALFORMED', message);
  }
  if (version.zone !== before.zone) {
    const message = 'the version before it has another zone; use one zone in a file.';
    report(within(spot, 'zone'), 'TARIFF_MALFORMED', message);
  }
  const place = within(spot, 'validFrom');
  if (version.validFrom === null) {
    report(place, 'TARIFF_MALFORMED', 'only the first version begins with time; give it.');
    return;
  }
  const fromMs = wallClockMsOf(version.validFrom) ?? 0;
  const beforeFromMs = before.validFrom === null ? null : wallClockMsOf(before.validFrom);
  const beforeToMs = before.validTo === null ? null : wallClockMsOf(before.validTo);
  const isBefore = beforeFromMs !== null && fromMs <= beforeFromMs;
  if (isBefore || (beforeToMs !== null && fromMs < beforeToMs)) {
    const message =
      'the version before it is still valid then; order them by time, without overlap.';
    report(place, 'TARIFF_OVERLAP', message);
  } else if (beforeToMs !== null && fromMs > beforeToMs) {
    const message = 'no version is valid between this and the one before it; close the gap.';
    report(place, 'TARIFF_GAP', message);
  }
}

/** Versions in order of time; each but the last says when it ends, with the next one's begin. */
export function parseTariffFile(raw: unknown): Outcome<readonly TariffDocument[], TariffRefusal> {
  if (typeof raw !== 'object' || raw === null || !Object.hasOwn(raw, 'versions')) {
    const document = parseTariffDocument(raw);
    return document.ok ? accept([document.value]) : document;
  }
  const spot = startAt([]);
  const versions = readShape(spot, versionsShape, raw)?.versions ?? [];
  const documents: TariffDocument[] = [];
  for (const [index, version] of versions.entries()) {
    const parsed = parseTariffDocument(version, ['versions', index]);
    if (!parsed.ok) return parsed;
    const before = documents.at(-1);
    if (before !== undefined) {
      reportOrder(within(spot, 'versions', index), parsed.value, before);
      documents[index - 1] = { ...before, validTo: parsed.value.validFrom };
    }
    documents.push(parsed.value);
  }
  return refusalAt(spot) ?? accept(documents);
}
