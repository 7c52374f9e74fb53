import { writeFileSync } from 'node:fs';
import { policyJsonSchema } from '../src/domain/prepaid/policy.ts';

/** Writes docs/prepaid.schema.json; a test compares the two. */
writeFileSync(
  new URL('../docs/prepaid.schema.json', import.meta.url),
  `${JSON.stringify(policyJsonSchema(), null, 2)}\n`,
);
