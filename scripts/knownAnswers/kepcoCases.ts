import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Load } from '../../src/domain/rating/load.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { answerOf } from './answer.ts';
import type { Answer, Answers, Compared } from './answer.ts';
import { kepcoFile, kepcoResidential, kepcoTou, loadHourOf } from './kepcoTariff.ts';
import type { KepcoFile } from './kepcoTariff.ts';
import { judgeDifference, loadOf, rateRoad, roundedText } from './road.ts';
import type { RoadInput } from './road.ts';

const zone = 'Asia/Seoul';
/** Seoul is nine hours ahead and knows no daylight saving. */
const offsetMs = 9 * 3_600_000;
/** One row in so many is also given to the second engine, which is slow. */
const judgedOneIn = 50;

/** A month of 2020 with all its energy in hours of its first day. */
function monthLoad(month: number, usedKwh: ReadonlyMap<number, number>): Load {
  const fromMs = Date.UTC(2020, month - 1, 1) - offsetMs;
  const hours = (Date.UTC(2020, month, 1) - offsetMs - fromMs) / 3_600_000;
  const hourWh = Array.from({ length: hours }, (_, hour) => (usedKwh.get(hour) ?? 0) * 1_000);
  return loadOf({ fromMs, minutes: 60 }, { import: hourWh });
}

type Row = { readonly at: string; readonly input: RoadInput; readonly expected: string };

function totalOf(input: RoadInput): string {
  const bills = rateRoad(input);
  const [bill] = bills;
  if (bill === undefined || bills.length > 1) return `${bills.length} bills`;
  return roundedText(bill.total, 6);
}

function compare(name: string, rows: readonly Row[]): readonly Answer[] {
  const values: Compared[] = rows.map(({ at, input, expected }) => ({
    at,
    ours: totalOf(input),
    expected,
  }));
  const judged = rows
    .filter((_, index) => index % judgedOneIn === 0)
    .map(({ at, input }) => judgeDifference(`${name} ${at}`, input, rateRoad(input)));
  const wrong = judged.find(({ isRight }) => !isRight);
  const agreed = {
    name: `${name}, both engines`,
    isRight: judged.length > 0 && wrong === undefined,
    detail: wrong?.detail ?? `${judged.length} bills agree line by line`,
  };
  return [answerOf(name, 'published bills to the won', values), agreed];
}

export function readKepcoFile(folder: string): KepcoFile {
  return kepcoFile.parse(JSON.parse(readFileSync(path.join(folder, 'kepco-cases.json'), 'utf8')));
}

type KepcoRows = {
  readonly residential: readonly Row[];
  readonly tou: readonly Row[];
  /** The rules' own amounts: the calculator's deviate from its rules here, as the file says. */
  readonly byTheRules: readonly Row[];
};

/** Every row as what the road takes; a tariff is made once, for all its rows. */
export function kepcoMaker(file: KepcoFile): KepcoRows {
  const homes = [kepcoResidential(file, 0), kepcoResidential(file, 1)];
  const tariffs = new Map<string, TariffText>();
  const tariffOf = (key: string) => {
    const known = tariffs.get(key) ?? kepcoTou(file, key);
    tariffs.set(key, known);
    return known;
  };
  const touRow = (row: KepcoFile['touCases']['rows'][number], index: number): Row => {
    const [selector, class2, contract, contractedKw, month, kwh, expectedWon] = row;
    const used = new Map(loadHourOf.map((hour, at) => [hour, kwh[at] ?? 0]));
    return {
      at: `row ${index + 1}`,
      input: {
        tariff: tariffOf(`${selector}|${class2}|${contract}`),
        load: monthLoad(month, used),
        zone,
        attributes: { contractedKw: String(contractedKw) },
      },
      expected: expectedWon.toString(),
    };
  };
  return {
    residential: file.residentialCases.rows.map(([type, month, kwh, expectedWon], index) => ({
      at: `row ${index + 1}`,
      input: { tariff: homes[type], load: monthLoad(month, new Map([[9, kwh]])), zone },
      expected: expectedWon.toString(),
    })),
    tou: file.touCases.rows.map(touRow),
    byTheRules: file.exceptions.rows.map((row, index) => {
      const [selector, class2, contract, contractedKw, month, kwh, , exactWon] = row;
      return touRow([selector, class2, contract, contractedKw, month, kwh, exactWon], index);
    }),
  };
}

/** Monthly amounts of KEPCO's own bill calculator, in tariffs of December 2020. */
export function kepcoAnswers(folder: string): Answers {
  const file = readKepcoFile(folder);
  const { residential, tou, byTheRules } = kepcoMaker(file);
  return {
    answers: [
      ...compare('kepco residential', residential),
      ...compare('kepco time of use', tou),
      ...compare('kepco exceptions, the amount by the rules', byTheRules),
    ],
    leftOut: file.exceptions.rows.map(
      (row, index) =>
        `kepco exception ${index + 1}: the calculator's ${row[6]} won is not what its rules ` +
        `give (${row[7]}); a deviation of the source`,
    ),
  };
}
