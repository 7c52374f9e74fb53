import { appendFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { backFill, backFillSize } from './backFill.ts';
import { batchToLog, batchToLogSize } from './batchToLog.ts';
import { ingestFill, ingestFillSize } from './ingestFill.ts';
import { ingestMemory, ingestMemorySize } from './ingestMemory.ts';
import { ingestSteady, ingestSteadySizes } from './ingestSteady.ts';
import { kernel, kernelSize, monthSize } from './kernel.ts';
import { ledger, ledgerSize } from './ledger.ts';
import { live, liveSize } from './live.ts';
import { pool, poolSize } from './pool.ts';
import { reconnect, reconnectSize } from './reconnect.ts';
import { commitOf, thisMachine } from './machine.ts';
import { openPlace } from './place.ts';
import type { OwnPlace, Place } from './place.ts';
import { shown } from './sideBySide.ts';
import type { Result } from './sideBySide.ts';
import { subscriber, subscriberSizes } from './subscriber.ts';

const benches: Readonly<Record<string, (place: Place) => Promise<Result[]>>> = {
  'batch-to-log': (place) => batchToLog(place, batchToLogSize),
  'back-fill': (place) => backFill(place, backFillSize),
  ledger: (place) => ledger(place, ledgerSize),
  live: (place) => live(place, liveSize),
  reconnect: (place) => reconnect(place, reconnectSize),
  'ingest-fill': (place) => ingestFill(place, ingestFillSize),
  'ingest-memory': (place) => ingestMemory(place, ingestMemorySize),
  'ingest-steady': (place) => ingestSteady(place, ingestSteadySizes),
  kernel: (place) => kernel(place, kernelSize),
  month: (place) => kernel(place, monthSize),
  pool: (place) => pool(place, poolSize),
  subscriber: (place) => subscriber(place, subscriberSizes),
};

const usage = `npm run bench -- [options]
  --only NAME    only this bench; may be repeated: ${Object.keys(benches).join(', ')}
  --json FILE    write [{name, value, unit, against, ratio, ...}] there
  --statements   count where the server's time goes (slows it down by some percent)
Results are appended to bench/results.jsonl, except with --statements.
`;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function cells({ name, value, unit, against, againstName, ...rest }: Result): string[] {
  const { ratio, ratioMin, ratioMax, target } = rest;
  return [
    name,
    `${shown(value)} ${unit}`,
    againstName === null ? '' : `${shown(against)} ${againstName}`,
    ratio === null ? '' : `${shown(ratio)} (${shown(ratioMin)}..${shown(ratioMax)})`,
    shown(target),
  ];
}

function tableOf(results: readonly Result[]): string {
  const head = ['bench', 'ours', 'against', 'ratio (min..max)', 'target'];
  const rows = [head, ...results.map(cells)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

async function runOne(name: string, place: OwnPlace, isCounting: boolean): Promise<Result[]> {
  const bench = benches[name];
  if (bench === undefined) {
    throw new Error(`BENCH_UNKNOWN: there is no bench '${name}'.\n${usage}`);
  }
  say(`\n${name}`);
  await place.statements();
  const results = await bench(place);
  if (isCounting) {
    for (const { query, calls, totalMs, rows } of await place.statements()) {
      const perCall = (totalMs / calls).toFixed(2);
      say(`${totalMs.toFixed(0)} ms  ${calls} calls  ${perCall} ms each  ${rows} rows  ${query}`);
    }
  }
  return results;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      json: { type: 'string' },
      statements: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const wanted = values.only ?? Object.keys(benches);
  const place = await openPlace({ onProgress: say, countStatements: values.statements });
  const results: Result[] = [];
  try {
    const machine = thisMachine(place.postgresVersion);
    say(
      `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, node ${machine.node}, ` +
        `Postgres ${machine.postgres}, load ${machine.loadBefore}; fsync and synchronous_commit on`,
    );
    for (const name of wanted) results.push(...(await runOne(name, place, values.statements)));
    process.stdout.write(`\n${tableOf(results)}\n\n`);
    for (const { name, verified } of results) process.stdout.write(`${name}: ${verified}\n`);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results)}\n`);
    if (values.statements) return;
    const line = {
      date: new Date().toISOString(),
      commit: commitOf(import.meta.dirname),
      machine,
      results,
    };
    appendFileSync(new URL('results.jsonl', import.meta.url), `${JSON.stringify(line)}\n`);
  } finally {
    await place.close();
  }
}

await main();
