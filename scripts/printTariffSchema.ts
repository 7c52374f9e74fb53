import { writeFileSync } from 'node:fs';
import { tariffJsonSchema } from '../src/domain/tariff/file.ts';

/** Writes docs/tariff.schema.json; a test compares the two. */
writeFileSync(
  new URL('../docs/tariff.schema.json', import.meta.url),
  `${JSON.stringify(tariffJsonSchema(), null, 2)}\n`,
);
