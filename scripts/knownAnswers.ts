/**
 * Checks against answers that others have worked out, from a folder of public data that is not
 * part of this project. One line a case; exit code 1 when one fails or the folder is absent.
 *
 *   npm run known-answers -- DIR [--only SUITE,...] [--json]
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { argumentRefusal } from './commandLine.ts';
import type { Answers } from './knownAnswers/answer.ts';
import { commandLineAnswers } from './knownAnswers/commandLineCases.ts';
import { externalAnswers } from './knownAnswers/externalCases.ts';
import { kepcoAnswers } from './knownAnswers/kepcoCases.ts';
import { sscAnswers } from './knownAnswers/sscCases.ts';
import { urdbRatingAnswers } from './knownAnswers/urdbRatings.ts';

const usage = 'npm run known-answers -- DIR [--only SUITE,...] [--json]';

function fail(code: number, sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(code);
}

function readOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        only: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
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
  { name: 'urdb', run: () => urdbRatingAnswers(tariffs) },
  { name: 'cli', run: () => commandLineAnswers(tariffs) },
  {
    name: 'replay',
    // The whole road with its database is loaded only where it runs.
    run: async () => (await import('./knownAnswers/replayCases.ts')).replayAnswers(loads),
  },
];

function chosenSuites(only: string | undefined): readonly Suite[] {
  if (only === undefined) return suites;
  const names = only.split(',');
  const stranger = names.find((name) => suites.every((suite) => suite.name !== name));
  if (stranger !== undefined) {
    const known = suites.map(({ name }) => name).join(', ');
    fail(2, `SUITE_UNKNOWN: "${stranger}" is none of ${known}; usage: ${usage}`);
  }
  return suites.filter(({ name }) => names.includes(name));
}

async function answersOf({ name, run }: Suite): Promise<Answers> {
  try {
    return await run();
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { answers: [{ name, isRight: false, detail }], leftOut: [] };
  }
}

type Outcome = 'passed' | 'failed' | 'refused' | 'left out';
type Case = { readonly outcome: Outcome; readonly name: string; readonly detail: string };

function casesOf({ answers, refused = [], leftOut }: Answers): readonly Case[] {
  return [
    ...answers.map(({ name, isRight, detail }): Case => ({
      outcome: isRight ? 'passed' : 'failed',
      name,
      detail,
    })),
    ...refused.map(({ name, reason }): Case => ({ outcome: 'refused', name, detail: reason })),
    ...leftOut.map((reason): Case => {
      const [name = '', ...detail] = reason.split(': ');
      return { outcome: 'left out', name, detail: detail.join(': ') };
    }),
  ];
}

const cases: Case[] = [];
for (const suite of chosenSuites(values.only)) {
  for (const found of casesOf(await answersOf(suite))) {
    cases.push(found);
    const { outcome, name, detail } = found;
    const shown = outcome === 'failed' ? 'FAILED' : outcome;
    if (!values.json) process.stdout.write(`${shown.padEnd(8)}  ${name}: ${detail}\n`);
  }
}
const count = (wanted: Outcome) => cases.filter(({ outcome }) => outcome === wanted).length;
const [passed, failed] = [count('passed'), count('failed')];
const [refused, leftOut] = [count('refused'), count('left out')];
if (values.json) {
  const told = { passed, failed, refused, leftOut, cases };
  process.stdout.write(`${JSON.stringify(told)}\n`);
} else {
  const others = `${refused} refused with their reason, ${leftOut} left out with theirs`;
  process.stdout.write(`${passed} passed, ${failed} failed; ${others}\n`);
}
process.exitCode = failed === 0 ? 0 : 1;
