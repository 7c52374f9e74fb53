import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { parseTariffFile } from '../../../src/domain/tariff/file.ts';
import { fullDocument } from './fullDocument.ts';
import type { Json } from './fullDocument.ts';

type Path = readonly string[];

/** Every place of a document, the whole first. */
function placesOf(value: Json, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, child]) => placesOf(child, [...path, key]));
  return [path, ...below];
}

/** The document with one place changed; what `undefined` replaces is gone. */
function changed(value: Json, path: Path, replace: (old: Json) => Json | undefined): Json {
  const [key, ...rest] = path;
  if (key === undefined) return replace(value) ?? null;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, child]): [string, Json][] => {
    if (name !== key) return [[name, child]];
    if (rest.length > 0) return [[name, changed(child, rest, replace)]];
    const replaced = replace(child);
    return replaced === undefined ? [] : [[name, replaced]];
  });
  return Array.isArray(value) ? entries.map(([, child]) => child) : Object.fromEntries(entries);
}

/** True when the path leads to a value, or its last step names what a value there does not have. */
function leadsSomewhere(value: Json, path: Path): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  const child = new Map(Object.entries(value)).get(key);
  return child === undefined ? rest.length === 0 : leadsSomewhere(child, rest);
}

const places = placesOf(fullDocument);
const odd: fc.Arbitrary<Json | undefined> = fc.oneof(
  fc.constantFrom(undefined, null, true, '', '0', '-1', '9'.repeat(40), '1e9', '__proto__'),
  fc.constantFrom(0, -1, 1e308, 13, [], {}, 'subtotal', 'hours', 'day', '2026-02-30', '24:00'),
  fc.constantFrom(...places).map((path) => valueAt(fullDocument, path)),
  fc.string(),
);

function valueAt(value: Json, path: Path): Json {
  const [key, ...rest] = path;
  if (key === undefined || typeof value !== 'object' || value === null) return value;
  return valueAt(new Map(Object.entries(value)).get(key) ?? null, rest);
}

const changes = fc.array(fc.tuple(fc.constantFrom(...places), odd), { minLength: 1, maxLength: 3 });

test('a changed document is read or refused by a place in it, and nothing throws', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(changes, (list) => {
      let document: Json = fullDocument;
      for (const [path, value] of list) document = changed(document, path, () => value);
      const parsed = parseTariffDocument(document);
      seen.add(parsed.ok ? 'accepted' : parsed.code);
      if (parsed.ok) return true;
      return parsed.message.length > 20 && leadsSomewhere(document, parsed.path ?? ['?']);
    }),
    { numRuns: 3_000, seed: 7 },
  );
  // The changes reach past the outer form.
  const wanted = ['accepted', 'TARIFF_MALFORMED', 'DECIMAL_MALFORMED', 'TARIFF_REFERENCE_UNKNOWN'];
  expect([...seen]).toEqual(expect.arrayContaining(wanted));
});

test('no input makes the parser throw', () => {
  fc.assert(
    fc.property(fc.anything(), (raw) => {
      expect(typeof parseTariffDocument(raw).ok).toBe('boolean');
      expect(typeof parseTariffFile(raw).ok).toBe('boolean');
      expect(parseTariffFile({ versions: [raw] }).ok).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

test('a path that leads nowhere is seen', () => {
  expect(leadsSomewhere(fullDocument, ['components', '0', 'absent'])).toBe(true);
  expect(leadsSomewhere(fullDocument, ['components', '0', 'absent', 'deeper'])).toBe(false);
  expect(leadsSomewhere(fullDocument, ['currency', 'x'])).toBe(false);
});
