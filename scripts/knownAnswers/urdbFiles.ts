import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { importUrdb } from '../../src/wire/tariffs/urdb.ts';
import type { Answer, Answers } from './answer.ts';

/** Files without a whole rate, and the refusal that names what is missing. */
const refusals = new Map([
  ['539fb6c7ec4f024bc1dc0445.json', 'URDB_PERIOD_UNKNOWN at energyweekdayschedule.0.0'],
  ['539fc25dec4f024c27d8b0a5.json', 'URDB_RATE_MISSING at energyratestructure.0.0'],
]);
/** The folder holds so many rates; fewer would be a check of less than it seems. */
const filesMin = 31;

function checkFile(folder: string, file: string): Answer {
  const name = `urdb file ${file}`;
  const imported = importUrdb(readFileSync(path.join(folder, file), 'utf8'));
  const refusal = refusals.get(file);
  if (!imported.ok) {
    const seen = `${imported.code} at ${(imported.path ?? []).join('.')}`;
    const isRight = seen === refusal;
    return { name, isRight, detail: isRight ? `refused: ${imported.message}` : imported.message };
  }
  if (refusal !== undefined) return { name, isRight: false, detail: `read, expected ${refusal}` };
  const { document, warnings } = imported.value;
  const unknown = warnings.find(({ code }) => code === 'URDB_FIELD_UNKNOWN');
  if (unknown !== undefined) {
    return { name, isRight: false, detail: `${unknown.path.join('.')}: ${unknown.message}` };
  }
  const components = document.components.map((component) => component.name).join(', ');
  return { name, isRight: true, detail: `${components}; ${warnings.length} warnings` };
}

/** Every rate of the folder becomes a document, or is refused for what it lacks. */
export function urdbFileAnswers(tariffs: string): Answers {
  const folder = path.join(tariffs, 'urdb');
  const files = readdirSync(folder).filter((file) => file !== 'INDEX.json');
  const answers = files.map((file) => checkFile(folder, file));
  if (files.length < filesMin) {
    const detail = `${files.length} files, expected at least ${filesMin}`;
    answers.push({ name: 'urdb files', isRight: false, detail });
  }
  return { answers, leftOut: [] };
}
