import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { importUrdb } from '../../src/wire/tariffs/urdb.ts';
import type { Answer, Answers } from './answer.ts';
import { judgeDifference, rateRoad } from './road.ts';
import { readSscCases, urdbRoad } from './sscCases.ts';
import { urdbFileAnswers } from './urdbFiles.ts';

/** Every rate is read or refused; what is read bills a year of hours, by both engines alike. */
export async function urdbRatingAnswers(tariffs: string): Promise<Answers> {
  const { answers: read, leftOut } = urdbFileAnswers(tariffs);
  const { seriesOf } = await readSscCases(tariffs);
  const folder = path.join(tariffs, 'urdb');
  const answers: Answer[] = [...read];
  const refused: { name: string; reason: string }[] = [];
  for (const file of readdirSync(folder).filter((name) => name !== 'INDEX.json')) {
    const name = `urdb ${file}`;
    const text = readFileSync(path.join(folder, file), 'utf8');
    const imported = importUrdb(text);
    if (!imported.ok) {
      refused.push({ name, reason: `${imported.code}: ${imported.message}` });
      continue;
    }
    const input = urdbRoad(text, seriesOf('load_com'));
    answers.push(judgeDifference(name, input, rateRoad(input)));
  }
  return { answers, refused, leftOut };
}
