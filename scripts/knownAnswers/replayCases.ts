import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatDecimal } from '../../src/domain/exact.ts';
import { startThrowawayDatabase } from '../replay/database.ts';
import { prepareReplay, runReplay } from '../replay/run.ts';
import type { Answer, Answers } from './answer.ts';

/** Each holds a change of the clocks: 13 March and 6 November 2016, 12 March 2017. */
const months = ['2016-03', '2016-11', '2017-03'];
const zone = 'America/Los_Angeles';
const tariffFile = fileURLToPath(new URL('../../examples/tariff-replay.json', import.meta.url));

/** Thirteen real meters over Modbus and the whole road; the answer is worked out from the file. */
export async function replayAnswers(folder: string): Promise<Answers> {
  const prepared = prepareReplay({
    csv: readFileSync(path.join(folder, 'lbnl-meters-hourly.csv'), 'utf8'),
    stamps: 'start',
    zone,
    months,
    registers: 'int64',
    tariff: JSON.parse(readFileSync(tariffFile, 'utf8')),
  });
  if (!prepared.ok) throw new Error(`${prepared.code}: ${prepared.message}`);
  const database = await startThrowawayDatabase();
  if (!database.ok) throw new Error(`${database.code}: ${database.message}`);
  const { url, stop } = database.value;
  try {
    const run = await runReplay(prepared.value, { databaseUrl: url, onProgress: () => {} });
    if (!run.ok) throw new Error(`${run.code}: ${run.message}`);
    const { accounts, differences } = run.value.comparison;
    const answers = accounts.map(({ meter, oursMicros }): Answer => {
      const owed = formatDecimal(oursMicros, { decimals: 6, decimalsMin: 6 });
      const wrong = differences.find((difference) => difference.startsWith(meter));
      const detail = wrong ?? `${owed} ${prepared.value.currency} to the micro`;
      return { name: `replay ${meter}`, isRight: wrong === undefined, detail };
    });
    const whole: Answer = {
      name: `replay ${months.join(' ')}`,
      isRight: differences.length === 0,
      detail: differences[0] ?? `${accounts.length} accounts, ${prepared.value.hours} hours`,
    };
    return { answers: [...answers, whole], leftOut: [] };
  } finally {
    await stop();
  }
}
