/**
 * Checks against answers that others have worked out, from a folder of public data that is not
 * part of this project. One line a case; exit code 1 when one fails or the folder is absent.
 *
 *   npm run known-answers -- DIR
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { argumentRefusal } from './commandLine.ts';
import type { Answers } from './knownAnswers/answer.ts';
import { externalAnswers } from './knownAnswers/externalCases.ts';
import { kepcoAnswers } from './knownAnswers/kepcoCases.ts';
import { replayAnswers } from './knownAnswers/replayCases.ts';
import { sscAnswers } from './knownAnswers/sscCases.ts';

const usage = 'npm run known-answers -- DIR';

function fail(code: number, sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(code);
}

function readOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { help: { type: 'boolean', short: 'h', default: false } },
    });
  } catch (error) {
    return fail(2, argumentRefusal(error, usage));
  }
}

const { values, positionals } = readOptions();
if (values.help) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}
const folder =
  positionals.at(0) ?? fail(1, `DATA_ABSENT: name the folder of known answers: ${usage}`);
if (!existsSync(path.join(folder, 'tariffs', 'ssc-cases.json'))) {
  fail(
    1,
    `DATA_ABSENT: ${folder} does not hold tariffs/ssc-cases.json; name the folder of known ` +
      `answers: ${usage}`,
  );
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
