import { writeFileSync } from 'node:fs';
import { veeSetJsonSchema } from '../src/domain/vee/set.ts';

/** Writes docs/vee.schema.json; a test compares the two. */
writeFileSync(
  new URL('../docs/vee.schema.json', import.meta.url),
  `${JSON.stringify(veeSetJsonSchema(), null, 2)}\n`,
);
