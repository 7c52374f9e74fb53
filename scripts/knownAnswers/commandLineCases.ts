import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Decimal } from 'decimal.js';
import { z } from 'zod';
import type { Load } from '../../src/domain/rating/load.ts';
import { answerOf } from './answer.ts';
import type { Answer, Answers } from './answer.ts';
import { kepcoMaker, readKepcoFile } from './kepcoCases.ts';
import type { RoadInput } from './road.ts';
import { readSscCases, sscRoad, urdbRoad } from './sscCases.ts';

const launcher = fileURLToPath(new URL('../../src/cli/launch.js', import.meta.url));
const Exact = Decimal.clone({ precision: 80 });

const told = z.object({
  bills: z.array(z.object({ from: z.string(), total: z.string() })),
});
const refusal = z.object({ code: z.string(), message: z.string() });

type Asked = {
  readonly name: string;
  readonly input: RoadInput;
  /** A rate of the URDB as the file it is in, instead of the document made of it. */
  readonly urdbFile?: string;
  /** Bills from this month on, rounded half away from zero. */
  readonly expected: readonly string[];
  readonly places: number;
};

/** The columns that the command line reads, of the registers that the load has. */
export function csvOf(load: Load): string {
  const registers: [string, Float64Array][] = [['import_wh', load.import]];
  if (load.export !== null) registers.push(['export_wh', load.export]);
  if (load.reactive !== null) {
    for (const name of ['q1', 'q2', 'q3', 'q4'] as const) {
      registers.push([`${name}_varh`, load.reactive[name]]);
    }
  }
  const rows = [['start', ...registers.map(([name]) => name)].join()];
  for (const at of load.import.keys()) {
    const start = new Date(load.fromMs + at * load.intervalMs).toISOString();
    const cells = registers.map(([, values]) => {
      const value = values[at] ?? Number.NaN;
      return Number.isNaN(value) ? '' : String(value);
    });
    rows.push([start, ...cells].join());
  }
  return `${rows.join('\n')}\n`;
}

function run(args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string }> {
  const options = { maxBuffer: 64 * 1_024 * 1_024 };
  return new Promise((resolve) => {
    execFile(process.execPath, [launcher, ...args], options, (error, stdout) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout });
    });
  });
}

async function ask(folder: string, asked: Asked): Promise<Answer> {
  const { name, input, urdbFile, expected, places } = asked;
  const fileOf = (ending: string, text: string) => {
    const file = path.join(folder, `${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}.${ending}`);
    writeFileSync(file, text);
    return file;
  };
  const source =
    urdbFile === undefined
      ? ['--tariff', fileOf('json', JSON.stringify(input.tariff))]
      : ['--urdb', urdbFile];
  const attributes =
    input.attributes === undefined
      ? []
      : ['--attributes', fileOf('attributes.json', JSON.stringify(input.attributes))];
  const load = ['--load', fileOf('csv', csvOf(input.load)), '--zone', input.zone];
  const ended = await run(['tariff', 'rate', ...source, ...load, ...attributes, '--json']);
  const answer: unknown = JSON.parse(ended.stdout);
  if (ended.code !== 0) {
    const { code, message } = refusal.parse(answer);
    return { name, isRight: false, detail: `${code}: ${message}` };
  }
  const bills = told.parse(answer).bills.slice(-expected.length);
  const values = expected.map((amount, index) => ({
    at: bills[index]?.from ?? `bill ${index + 1}`,
    ours: new Exact(bills[index]?.total ?? Number.NaN)
      .toDecimalPlaces(places, Decimal.ROUND_HALF_UP)
      .toFixed(),
    expected: new Exact(amount).toFixed(),
  }));
  return answerOf(name, 'bills of the process ems-cli tariff rate', values);
}

async function sscAsked(tariffs: string): Promise<readonly Asked[]> {
  const { cases, urdbCases, seriesOf } = await readSscCases(tariffs);
  const designed = cases.map((given): Asked => {
    const { withoutGen, withGen } = given.expected;
    return {
      name: `cli ssc ${given.id}`,
      input: sscRoad(given, seriesOf, withGen !== undefined),
      expected: (withGen ?? withoutGen).bill,
      places: 9,
    };
  });
  // Those with a fixed charge a day leave it out in the source, so their totals are other ones.
  const imported = urdbCases
    .filter(({ ignoredUrdbFields }) => !ignoredUrdbFields.some((field) => field.includes('$/day')))
    .map(({ id, urdbFile, load, expected }): Asked => {
      const file = path.join(tariffs, urdbFile);
      return {
        name: `cli ${id}`,
        input: urdbRoad(readFileSync(file, 'utf8'), seriesOf(load)),
        urdbFile: file,
        expected: expected.withoutGen.bill,
        places: 9,
      };
    });
  return [...designed, ...imported];
}

/** One bill in so many of KEPCO's goes through a process of its own. */
const kepcoOneIn = 400;

function kepcoAsked(tariffs: string): readonly Asked[] {
  const { residential, tou } = kepcoMaker(readKepcoFile(tariffs));
  const named = [
    ...residential.map((row) => ({ ...row, name: `cli kepco residential ${row.at}` })),
    ...tou.map((row) => ({ ...row, name: `cli kepco time of use ${row.at}` })),
  ];
  return named
    .filter((_, index) => index % kepcoOneIn === 0)
    .map(({ name, input, expected }) => ({ name, input, expected: [expected], places: 6 }));
}

/** The same cases through the command line: files in, JSON out. */
export async function commandLineAnswers(tariffs: string): Promise<Answers> {
  const folder = mkdtempSync(path.join(tmpdir(), 'joulebook-known-'));
  try {
    const answers: Answer[] = [];
    for (const asked of [...(await sscAsked(tariffs)), ...kepcoAsked(tariffs)]) {
      answers.push(await ask(folder, asked));
    }
    return { answers, leftOut: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
