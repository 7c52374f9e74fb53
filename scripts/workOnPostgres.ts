import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { migrate } from '../src/db/migrate.ts';
import { wholeWithin } from '../src/domain/wholeText.ts';
import { startPostgres } from '../src/embedded/postgres.ts';
import { argumentRefusal } from './commandLine.ts';

const tellEveryMs = 5_000;

export type Progress = {
  /** Says now and then how far it is. */
  onProgress(done: number): void;
  /** Since it began, whole. */
  seconds(): string;
};

export type Work = {
  /** Of a migrated database. */
  readonly url: string;
  readonly numbers: Readonly<Record<string, number>>;
  begin(total: number, options: { readonly isPaceTold: boolean }): Progress;
};

/** Whole numbers above 0, each `--name`; ends the process where they are malformed. */
function readNumbers(usage: string, defaults: Readonly<Record<string, number>>): Work['numbers'] {
  const names = Object.keys(defaults);
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' } as const]));
  const help = { type: 'boolean', short: 'h' } as const;
  try {
    const { values } = parseArgs({ options: { ...options, help } });
    if (values.help === true) {
      process.stdout.write(`${usage}\n`);
      return process.exit(0);
    }
    const given = new Map(Object.entries(values));
    return Object.fromEntries(
      names.map((name) => {
        const text = given.get(name) ?? String(defaults[name]);
        const number = wholeWithin(String(text), { min: 1 });
        if (number !== null) return [name, number];
        process.stderr.write(`ARGUMENT_MALFORMED: --${name} is a whole number above 0.\n`);
        return process.exit(2);
      }),
    );
  } catch (error) {
    process.stderr.write(`${argumentRefusal(error, usage)}\n`);
    return process.exit(2);
  }
}

function begin(total: number, { isPaceTold }: { readonly isPaceTold: boolean }): Progress {
  const beganMs = performance.now();
  let toldMs = beganMs;
  return {
    onProgress(done) {
      const nowMs = performance.now();
      if (nowMs - toldMs < tellEveryMs) return;
      toldMs = nowMs;
      const seconds = (nowMs - beganMs) / 1_000;
      const left = ((total - done) / done) * seconds;
      const pace = isPaceTold ? `${(done / seconds).toFixed(0)}/s, ` : '';
      process.stdout.write(`${done} of ${total}, ${pace}${left.toFixed(0)} s to go\n`);
    },
    seconds: () => ((performance.now() - beganMs) / 1_000).toFixed(0),
  };
}

/**
 * A script's work on a migrated Postgres of its own, which is gone at its end, also after SIGINT.
 * The exit code is 0 where the work found everything right, 1 where it did not.
 */
export async function workOnPostgres(
  { usage, defaults }: { usage: string; defaults: Readonly<Record<string, number>> },
  work: (given: Work) => Promise<boolean>,
): Promise<void> {
  const numbers = readNumbers(usage, defaults);
  const started = await startPostgres({ directory: '', ephemeral: true, onProgress: () => {} });
  if (!started.ok) {
    process.stderr.write(`${started.code}: ${started.message}\n`);
    process.exit(2);
  }
  const { url, stop } = started.value;
  process.once('SIGINT', () => {
    process.stdout.write('stopped; nothing is left running\n');
    stop().then(
      () => process.exit(130),
      () => process.exit(1),
    );
  });
  try {
    await migrate(url);
    process.exitCode = (await work({ url, numbers, begin })) ? 0 : 1;
  } finally {
    await stop();
  }
}
