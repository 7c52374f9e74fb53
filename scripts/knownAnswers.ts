/**
 * Checks against answers that others have worked out, from a folder of public data that is not
 * part of this project. One line a case; exit code 1 when one fails or the folder is absent.
 *
 *   npm run known-answers -- ../shared/data
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Answers } from './knownAnswers/answer.ts';
import { externalAnswers } from './knownAnswers/externalCases.ts';
import { kepcoAnswers } from './knownAnswers/kepcoCases.ts';
import { replayAnswers } from './knownAnswers/replayCases.ts';
import { sscAnswers } from './knownAnswers/sscCases.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined || !existsSync(path.join(folder, 'tariffs', 'ssc-cases.json'))) {
  process.stderr.write(
    `DATA_ABSENT: ${folder ?? 'no folder'} does not hold tariffs/ssc-cases.json; give the folder ` +
      'with the data: npm run known-answers -- ../shared/data\n',
  );
  process.exit(1);
}
const tariffs = path.join(folder, 'tariffs');
const loads = path.join(folder, 'loads');

type Suite = { readonly name: string; run(): Answers | Promise<Answers> };
const suites: readonly Suite[] = [
  { name: 'ssc', run: () => sscAnswers(tariffs) },
  { name: 'kepco', run: () => kepcoAnswers(tariffs) },
  { name: 'external', run: () => externalAnswers(tariffs) },
  { name: 'replay', run: () => replayAnswers(loads) },
];

async function answersOf({ name, run }: Suite): Promise<Answers> {
  try {
    return await run();
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { answers: [{ name, isRight: false, detail }], leftOut: [] };
  }
}

let passed = 0;
let failed = 0;
for (const suite of suites) {
  const { answers, leftOut } = await answersOf(suite);
  for (const { name, isRight, detail } of answers) {
    if (isRight) passed += 1;
    else failed += 1;
    process.stdout.write(`${isRight ? 'passed' : 'FAILED'}  ${name}: ${detail}\n`);
  }
  for (const reason of leftOut) process.stdout.write(`left out  ${reason}\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
