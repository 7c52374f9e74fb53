import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { runExamples } from '../../src/domain/rating/examples.ts';
import { parseTariffFile } from '../../src/domain/tariff/file.ts';
import { refusePrepaid } from '../../src/domain/tariff/prepaid.ts';

/** The tariffs that readers are given: each is read, and bills what its own examples say. */
const examplesDirectory = join(import.meta.dirname, '..', '..', 'examples');
const files = readdirSync(examplesDirectory).filter(
  (file) => file.startsWith('tariff') && file.endsWith('.json'),
);
const fileShape = z.union([
  z.strictObject({ versions: z.array(z.unknown()) }),
  z.looseObject({ currency: z.string() }),
]);

function read(file: string): z.output<typeof fileShape> {
  return fileShape.parse(JSON.parse(readFileSync(join(examplesDirectory, file), 'utf8')));
}

/** What each example of a file comes to: null, or a code. */
function outcomesOf(raw: z.output<typeof fileShape>): readonly (string | null)[] {
  const texts = Array.isArray(raw.versions) ? raw.versions : [raw];
  const parsed = parseTariffFile(raw);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value.flatMap((document, index) =>
    runExamples(document, texts[index]).map(({ name, outcome }) =>
      outcome.ok ? null : `${name}: ${outcome.code}: ${outcome.message}`,
    ),
  );
}

describe('the tariffs in examples', () => {
  test('five teach the document, two are of the first steps', () => {
    expect(files.toSorted()).toEqual([
      'tariff-china-residential.json',
      'tariff-korea-residential.json',
      'tariff-mini-grid-prepaid.json',
      'tariff-replay.json',
      'tariff-uk-half-hourly.json',
      'tariff-us-commercial.json',
      'tariff.json',
    ]);
  });

  test.each(files)('%s is read, and both engines bill its own examples', (file) => {
    expect(outcomesOf(read(file)).filter((outcome) => outcome !== null)).toEqual([]);
  });

  test.each([
    ['tariff-us-commercial.json', 2],
    ['tariff-uk-half-hourly.json', 1],
    ['tariff-korea-residential.json', 7],
    ['tariff-china-residential.json', 1],
    ['tariff-mini-grid-prepaid.json', 1],
  ])('%s has %i golden examples of its own', (file, count) => {
    expect(outcomesOf(read(file))).toHaveLength(count);
  });

  test('the mini-grid tariff may run prepaid, the Korean one may not', () => {
    const refusals = (file: string): readonly (string | undefined)[] => {
      const parsed = parseTariffFile(read(file));
      if (!parsed.ok) throw new Error(parsed.message);
      return parsed.value.map((document) => refusePrepaid(document)?.code);
    };
    expect(refusals('tariff-mini-grid-prepaid.json')).toEqual([undefined]);
    expect(new Set(refusals('tariff-korea-residential.json'))).toEqual(
      new Set(['PREPAID_UNSUPPORTED']),
    );
  });

  test('planted: a price that is off makes the example of its tariff fail', () => {
    const text = readFileSync(join(examplesDirectory, 'tariff-mini-grid-prepaid.json'), 'utf8');
    const wrong = fileShape.parse(JSON.parse(text.replace('"2200"', '"2200.001"')));
    expect(outcomesOf(wrong)).toEqual([expect.stringContaining('TARIFF_EXAMPLE_FAILED')]);
  });
});
