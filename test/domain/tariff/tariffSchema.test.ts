import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { tariffJsonSchema } from '../../../src/domain/tariff/file.ts';

test('the published JSON Schema is the parser’s (scripts/printTariffSchema.ts writes it)', () => {
  const path = new URL('../../../docs/tariff.schema.json', import.meta.url);
  const published: unknown = JSON.parse(readFileSync(path, 'utf8'));
  expect(tariffJsonSchema()).toEqual(published);
});
