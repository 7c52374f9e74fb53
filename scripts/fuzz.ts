/**
 * Feeds every parser on the way in with noise and with damaged valid inputs: none may throw, accept
 * what it should not, grow, or work longer than the input's size warrants.
 *
 *   npm run fuzz -- --runs 10000000 --only payload --seed 7
 */
import { parseArgs } from 'node:util';
import { wholeWithin } from '../src/domain/wholeText.ts';
import { argumentRefusal } from './commandLine.ts';
import { fuzzTarget } from './fuzz/run.ts';
import type { FuzzReport } from './fuzz/run.ts';
import { targets } from './fuzz/targets.ts';

const names = targets.map(({ name }) => name).join('|');
const usage = `npm run fuzz -- [--runs 1000000] [--only ${names}]... [--seed 1] [--json]`;

function readOptions() {
  try {
    return parseArgs({
      options: {
        runs: { type: 'string', default: '1000000' },
        seed: { type: 'string', default: '1' },
        only: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    process.stderr.write(`${argumentRefusal(error, usage)}\n`);
    return process.exit(2);
  }
}

const { values } = readOptions();
if (values.help) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}

function refuseArgument(message: string): never {
  process.stderr.write(`ARGUMENT_MALFORMED: ${message}; usage: ${usage}\n`);
  process.exit(2);
}

function wholeNumber(name: 'runs' | 'seed'): number {
  const number = wholeWithin(values[name], { min: 1 });
  if (number !== null) return number;
  return refuseArgument(`--${name} is a whole number above 0`);
}

const runs = wholeNumber('runs');
const seed = wholeNumber('seed');
const unknown = values.only.find((name) => !targets.some((target) => target.name === name));
if (unknown !== undefined) refuseArgument(`there is no parser "${unknown}"`);
const chosen = targets.filter(({ name }) => values.only.length === 0 || values.only.includes(name));
const progressMs = 2_000;

function showProgress(name: string): (done: number) => void {
  const beganMs = performance.now();
  let saidMs = beganMs;
  return (done) => {
    const nowMs = performance.now();
    if (nowMs - saidMs < progressMs) return;
    saidMs = nowMs;
    const rate = Math.round((done / (nowMs - beganMs)) * 1_000);
    process.stderr.write(`  ${name}: ${done.toLocaleString('en')} inputs, ${rate} a second\n`);
  };
}

/** Equal shares; the first ones take the rest. */
function shareOf(index: number): number {
  return Math.floor(runs / chosen.length) + (index < runs % chosen.length ? 1 : 0);
}

function line(report: FuzzReport): string {
  const { finding } = report;
  return [
    report.target.padEnd(14),
    report.inputs.toLocaleString('en').padStart(11),
    `${Math.round(report.inputs / report.seconds).toLocaleString('en')}/s`.padStart(11),
    `${(report.longestMicros / 1_000).toFixed(2)} ms`.padStart(10),
    `${report.longestBytes} B`.padStart(11),
    report.microsPerByteMax.toFixed(2).padStart(9),
    `${(report.heapGrowthBytes / 1e6).toFixed(1)} MB`.padStart(9),
    finding === null ? '  -' : `  ${finding.kind}`,
  ].join('');
}

const reports: FuzzReport[] = [];
for (const [index, target] of chosen.entries()) {
  const options = { runs: shareOf(index), seed, onProgress: showProgress(target.name) };
  reports.push(await fuzzTarget(target, options));
}

if (values.json) {
  process.stdout.write(`${JSON.stringify({ seed, runs, reports }, null, 2)}\n`);
} else {
  const head = 'parser             inputs       rate   longest   its bytes    us/byte     heap';
  process.stdout.write(`${head}  finding\n${reports.map(line).join('\n')}\n`);
  for (const { target, finding } of reports) {
    if (finding === null) continue;
    process.stdout.write(`\n${target}: ${finding.kind}: ${finding.message}\n`);
    if (finding.inputHex !== null) {
      process.stdout.write(`${finding.inputBytes} bytes: ${finding.inputHex.slice(0, 4_000)}\n`);
    }
  }
}
process.exitCode = reports.every(({ finding }) => finding === null) ? 0 : 1;
