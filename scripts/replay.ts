/**
 * Replays a file of hourly loads over the whole road: registers in simulated Modbus TCP meters,
 * signed batches, the log, rating, balances. Every account is compared with an independent
 * calculation from the file; any difference ends with exit code 1.
 *
 *   npm run replay -- FILE --tariff examples/tariff-replay.json --months 2016-03,2016-11
 *
 * FILE is a wide CSV: instants with their offset, then for each meter the mean W of the hour.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { isKnownZone } from '../src/domain/time/zone.ts';
import { argumentRefusal } from './commandLine.ts';
import { startThrowawayDatabase } from './replay/database.ts';
import { registerKinds } from './replay/registerKind.ts';
import { comparisonAsJson, describeComparison } from './replay/report.ts';
import type { ReplayRequest } from './replay/road.ts';
import { prepareReplay, runReplay } from './replay/run.ts';
import type { PreparedReplay, ReplayInput, ReplayResult } from './replay/run.ts';

const usage =
  'npm run replay -- FILE --tariff FILE [--zone America/Los_Angeles] [--stamps start|end] ' +
  '[--months 2016-03,2016-11] [--registers int64|float32|tenth] [--json]';

/** Exit codes: 0 the same to the micro, 1 a difference, 2 the input cannot be replayed. */
function fail(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return fail(`FILE_UNREADABLE: ${path} cannot be read; check the path. ${usage}`);
  }
}

function readJson(path: string): unknown {
  const text = readText(path);
  try {
    return JSON.parse(text);
  } catch {
    return fail(`TARIFF_MALFORMED: ${path} is not JSON; examples/tariff-replay.json shows one.`);
  }
}

function readOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        tariff: { type: 'string' },
        zone: { type: 'string', default: 'America/Los_Angeles' },
        stamps: { type: 'string', default: 'start' },
        months: { type: 'string' },
        registers: { type: 'string', default: 'int64' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    return fail(argumentRefusal(error, usage));
  }
}

type Input = ReplayInput & { readonly file: string; readonly asJson: boolean };

function readInput(): Input {
  const { values, positionals } = readOptions();
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  const [file] = positionals;
  if (file === undefined || positionals.length > 1 || values.tariff === undefined) {
    return fail(`ARGUMENT_MISSING: give one load file and one tariff. ${usage}`);
  }
  const registers = registerKinds.find((kind) => kind === values.registers);
  if (registers === undefined) {
    return fail(`ARGUMENT_MALFORMED: --registers is one of ${registerKinds.join(', ')}.`);
  }
  const { stamps, zone } = values;
  if (stamps !== 'start' && stamps !== 'end') {
    return fail('ARGUMENT_MALFORMED: --stamps is start or end, of the hour that a row speaks of.');
  }
  if (!isKnownZone(zone)) fail(`ZONE_UNKNOWN: "${zone}" is no IANA name such as Europe/Berlin.`);
  const months = values.months?.split(',').map((month) => month.trim()) ?? null;
  if (months?.some((month) => !/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) === true) {
    fail('ARGUMENT_MALFORMED: --months is a list of months such as 2016-03,2016-11.');
  }
  const tariff = readJson(values.tariff);
  const csv = readText(file);
  return { csv, file, stamps, zone, months, registers, tariff, asJson: values.json };
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** On a terminal one line that is written over; in a log ten lines. */
function progressTeller(): ReplayRequest['onProgress'] {
  let tenthsTold = -1;
  return ({ polls, pollsTotal }) => {
    const percent = Math.floor((100 * polls) / pollsTotal);
    if (process.stderr.isTTY) {
      process.stderr.write(
        `\r${percent} % of ${pollsTotal} polls${polls === pollsTotal ? '\n' : ''}`,
      );
    } else if (Math.floor(percent / 10) > tenthsTold) {
      tenthsTold = Math.floor(percent / 10);
      tell(`${percent} % of ${pollsTotal} polls`);
    }
  };
}

function tellHow(input: Input): void {
  tell(
    `stamps: the ${input.stamps} of the hour; months: ${input.months?.join(', ') ?? 'all'} ` +
      `(${input.zone}); registers: ${input.registers}`,
  );
  tell(
    'gaps: a meter is read only where hours with data begin and end; over a gap, and over months ' +
      'left out, its register stands still, so nothing is billed there',
  );
}

type Shown = ReplayResult & PreparedReplay & { readonly seconds: number };

function showJson(input: Input, result: Shown): void {
  const { file, zone, stamps, registers } = input;
  const { hours, gapHours, replayed, seconds, comparison } = result;
  const { readings, batches } = replayed;
  const exceptions = Object.fromEntries(replayed.exceptions);
  const run = { file, zone, stamps, registers, hours, gapHours, readings, batches };
  const whole = { ...run, exceptions, seconds, ...comparisonAsJson(comparison) };
  process.stdout.write(`${JSON.stringify(whole)}\n`);
}

function showTables({ replayed, comparison, hours, gapHours, currency, seconds }: Shown): void {
  const { readings, batches } = replayed;
  const exceptions = Object.fromEntries(replayed.exceptions);
  const lines = [
    describeComparison(comparison, currency),
    '',
    `${hours} hours, ${gapHours} of them missing at a meter, ${readings} Modbus readings, ` +
      `${batches} signed batches, ${seconds.toFixed(1)} s; not accepted: ` +
      (replayed.exceptions.size === 0 ? 'none' : JSON.stringify(exceptions)),
    ...comparison.differences.map((difference) => `DIFFERENCE ${difference}`),
    comparison.differences.length === 0
      ? 'no difference, to the micro and to the Wh'
      : `${comparison.differences.length} differences`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

const input = readInput();
const startedMs = performance.now();
const prepared = prepareReplay(input);
if (!prepared.ok) fail(`${prepared.code}: ${prepared.message}`);
tellHow(input);
tell('starting Postgres');
const database = await startThrowawayDatabase();
if (!database.ok) fail(`${database.code}: ${database.message}`);
const { url, stop } = database.value;
try {
  const result = await runReplay(prepared.value, {
    databaseUrl: url,
    onProgress: progressTeller(),
  });
  if (result.ok) {
    const seconds = (performance.now() - startedMs) / 1_000;
    const shown = { ...prepared.value, ...result.value, seconds };
    if (input.asJson) showJson(input, shown);
    else showTables(shown);
    process.exitCode = result.value.comparison.differences.length === 0 ? 0 : 1;
  } else {
    tell(`${result.code}: ${result.message}`);
    process.exitCode = 2;
  }
} finally {
  await stop();
}
