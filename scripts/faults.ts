/**
 * Kills the processes of a real deployment under load, again and again, and judges its books by the
 * senders' own journals.
 *
 *   npm run faults -- --kills 200 --minutes 10 --seed 7
 */
import { parseArgs } from 'node:util';
import { wholeWithin } from '../src/domain/wholeText.ts';
import { argumentRefusal } from './commandLine.ts';
import { faultKinds } from './faults/kinds.ts';
import type { FaultKind } from './faults/kinds.ts';
import { plantedFaults } from './faults/planted.ts';
import type { Planted } from './faults/planted.ts';
import { reportJson, reportText } from './faults/report.ts';
import { FaultRun } from './faults/run.ts';

const usage = [
  'npm run faults -- [--minutes 10] [--kills 200] [--seed 1] [--only KIND]... [--outage SECONDS]',
  '                  [--lanes 1] [--meters 10] [--plant FAULT]... [--json]',
  '',
  '  --only KIND      only this kind of fault; may be given several times. Kinds:',
  `                   ${faultKinds.join(', ')}`,
  '  --outage S       at the end Postgres is away for so many seconds while senders go on',
  '  --lanes N        so many faults at once; recovery times then hold each other up',
  '  --meters N       meters of each of the four gateways',
  '  --plant FAULT    a fault that must be found; the exit code is 1 when it is not. Faults:',
  `                   ${plantedFaults.join(', ')}`,
  '',
  'FAULTS_KEEP=1 keeps the folder with logs, journals and the database.',
].join('\n');

function readOptions() {
  try {
    return parseArgs({
      options: {
        minutes: { type: 'string', default: '10' },
        kills: { type: 'string', default: '200' },
        seed: { type: 'string', default: '1' },
        only: { type: 'string', multiple: true, default: [] },
        outage: { type: 'string', default: '0' },
        plant: { type: 'string', multiple: true, default: [] },
        meters: { type: 'string', default: '10' },
        lanes: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    process.stderr.write(`${argumentRefusal(error, usage)}\n`);
    return process.exit(2);
  }
}

function refuseArgument(message: string): never {
  process.stderr.write(`ARGUMENT_MALFORMED: ${message}\n`);
  process.exit(2);
}

const { values } = readOptions();
if (values.help) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}

function number(name: 'minutes' | 'kills' | 'seed' | 'outage' | 'meters' | 'lanes'): number {
  const value = wholeWithin(values[name]);
  return value ?? refuseArgument(`--${name} is a whole number, not "${values[name]}".`);
}

const kinds = values.only.map((name): FaultKind => {
  const kind = faultKinds.find((each) => each === name);
  return kind ?? refuseArgument(`"${name}" is no kind; kinds are ${faultKinds.join(', ')}.`);
});
const planted = values.plant.map((name): Planted => {
  const fault = plantedFaults.find((each) => each === name);
  return fault ?? refuseArgument(`"${name}" cannot be planted; ${plantedFaults.join(', ')} can.`);
});

const beganMs = performance.now();
const run = new FaultRun({
  seed: number('seed'),
  killsMax: number('kills'),
  msMax: number('minutes') * 60_000,
  kinds: kinds.length === 0 ? faultKinds : kinds,
  outageS: number('outage'),
  lanes: number('lanes'),
  faultsPerJudgement: 40,
  gatewaysPerCompany: 2,
  metersPerGateway: number('meters'),
  batchEveryMs: 200,
  planted,
  replays: true,
  onProgress(line) {
    const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
    process.stderr.write(`${seconds.padStart(5)} s  ${line}\n`);
  },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    process.stderr.write('stopping; nothing is left running\n');
    run.close().then(
      () => process.exit(130),
      () => process.exit(1),
    );
  });
}
const report = await run.run();
process.stdout.write(values.json ? `${reportJson(report)}\n` : reportText(report));
const isBad = [report.lost, report.duplicated, report.wrong, report.notRecovered].some(
  (list) => list.length > 0,
);
const isMissed = [...report.planted.values()].includes(null);
process.exit((planted.length > 0 ? isMissed : isBad) ? 1 : 0);
