import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { answerOf } from './answer.ts';
import type { Answer, Answers } from './answer.ts';
import type { Check, External } from './externalCheck.ts';
import { reoptLeapYear, reoptLookBack, reoptRatchet, reoptTiered } from './externalReopt.ts';
import {
  foretagKva,
  lagoGraduated,
  lagoPackage,
  lagoVolume,
  openEnergy,
  openMeterGraduated,
  tnbPowerFactor,
} from './externalUnits.ts';
import { judgeDifference, rateRoad } from './road.ts';
import type { RoadInput } from './road.ts';

const externalFile = z.object({
  cases: z.array(
    z.object({ id: z.string(), tariff: z.unknown().optional(), expected: z.unknown() }),
  ),
});

const checks: ReadonlyMap<string, (given: External, folder: string) => Check> = new Map([
  ['reopt-fpl-tiered', reoptTiered],
  ['reopt-ratchet-35pct', reoptRatchet],
  ['reopt-lookback-months', reoptLookBack],
  ['reopt-lookback-range-6', reoptLookBack],
  ['reopt-leap-year', reoptLeapYear],
  ['lago-graduated', lagoGraduated],
  ['lago-volume', lagoVolume],
  ['lago-package', lagoPackage],
  ['openmeter-graduated', openMeterGraduated],
  ['tnb-power-factor', tnbPowerFactor],
  ['foretag-pf-kva', foretagKva],
  ['open-energy-tariffs-tou', openEnergy],
]);

/** Why a case is not compared; every other one has to be in `checks`. */
const reasons: ReadonlyMap<string, string> = new Map([
  [
    'octopus-halfhour-cost',
    'its 1,968 half hours are in a load file that the folder does not hold',
  ],
]);

/** Those that differ; one sentence where none does. */
function judgeAll(name: string, inputs: readonly RoadInput[]): readonly Answer[] {
  const judged = inputs.map((input) => judgeDifference(name, input, rateRoad(input)));
  const wrong = judged.filter(({ isRight }) => !isRight);
  if (wrong.length > 0) return wrong;
  const detail = `${judged.length} loads, the same lines`;
  return [{ name: `${name}, both engines`, isRight: judged.length > 0, detail }];
}

/** Figures out of other projects' tests, a supplier's statement and a utility's page. */
export function externalAnswers(folder: string): Answers {
  const text = readFileSync(path.join(folder, 'external-cases.json'), 'utf8');
  const { cases } = externalFile.parse(JSON.parse(text));
  const answers: Answer[] = [];
  const leftOut: string[] = [];
  for (const { id, tariff, expected } of cases) {
    const check = checks.get(id);
    if (check === undefined) {
      leftOut.push(`external ${id}: ${reasons.get(id) ?? 'nobody has said how to express it'}`);
      continue;
    }
    const { how, values, inputs } = check({ id, tariff, expected }, folder);
    answers.push(answerOf(`external ${id}`, `figures by ${how}`, values));
    answers.push(...judgeAll(`external ${id}`, inputs));
  }
  return { answers, leftOut };
}
