import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { databaseRefusal } from '../cli/database.ts';
import { createClosing } from './closing.ts';
import { asksForHelp, readConfig, usage } from './config.ts';
import type { Config } from './config.ts';
import { showLive } from './showLive.ts';
import { startAll } from './startAll.ts';
import { startRole } from './startRole.ts';
import { readyLine, welcomeText } from './welcome.ts';

/** npm passes a Ctrl-C on that the terminal has sent us already: within this it is the same one. */
const samePressMs = 1_000;
/** A boot that is under way stops at its next step; one that hangs is not waited for longer. */
const bootEndMsMax = 8_000;

const closing = createClosing();
let endingSinceMs: number | null = null;
let booting: Promise<unknown> = Promise.resolve();

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Stops what runs, in reverse order, and ends the process. The first caller's code counts. */
async function end(code: number, message: string | null): Promise<void> {
  if (endingSinceMs !== null) return; // what fails now, fails because we end
  endingSinceMs = performance.now();
  if (message !== null) say(message);
  await Promise.race([booting, delay(bootEndMsMax)]);
  for (const problem of await closing.closeAll()) say(problem);
  process.exit(code);
}

/** What lies behind it: a failed query is wrapped in its whole text, which is no sentence. */
function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message;
}

function failure(error: unknown, { databaseUrl }: Pick<Config, 'databaseUrl'>): string {
  const refusal = databaseUrl === null ? null : databaseRefusal(error, databaseUrl);
  if (refusal !== null) return `${refusal.code}: ${refusal.message}`;
  const text = rootMessage(error).replaceAll(/\s+/g, ' ');
  if (/^[A-Z][A-Z_]+: /.test(text)) return text;
  const advice = 'Try --ephemeral or another --data directory, and report this line.';
  return `START_FAILED: ${text}. ${advice}`;
}

function endWith(code: number, message: string | null): void {
  end(code, message).catch(() => process.exit(1));
}

async function runAll(config: Config): Promise<void> {
  const startedMs = performance.now();
  const seconds = (): string => ((performance.now() - startedMs) / 1000).toFixed(1);
  const progress = (line: string): void => {
    if (endingSinceMs !== null) throw new Error('the boot ends here, because we end');
    if (!config.json) say(`${seconds().padStart(5)} s  ${line}`);
  };
  const onDeath = (message: string): void => endWith(1, message);
  const started = await startAll({ config, closing, progress, onDeath });
  if (!started.ok) return endWith(1, `${started.code}: ${started.message}`);
  const { ready, parts } = started.value;
  if (config.json) {
    process.stdout.write(`${readyLine(ready)}\n`);
    return;
  }
  progress('ready');
  process.stdout.write(welcomeText(ready, { paymentKey: randomUUID() }));
  await showLive(parts, ready.demo, process.stdout);
}

async function runRole(config: Config): Promise<void> {
  const started = await startRole({ config, closing, progress: say, onDeath: say });
  if (!started.ok) return endWith(1, `${started.code}: ${started.message}`);
  say(started.value.message);
  if (config.role === 'migrate') endWith(0, null);
}

async function run(): Promise<void> {
  const argv = process.argv.slice(2);
  if (asksForHelp(argv)) {
    process.stdout.write(`${usage}\n`);
    return endWith(0, null);
  }
  const config = readConfig(argv, process.env);
  if (!config.ok) return endWith(2, `${config.code}: ${config.message}`);
  try {
    if (config.value.role === 'all') await runAll(config.value);
    else await runRole(config.value);
  } catch (error) {
    endWith(1, failure(error, config.value));
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    const isSecond = endingSinceMs !== null && performance.now() - endingSinceMs > samePressMs;
    if (isSecond) process.exit(130); // no more patience; a watchdog stops Postgres
    endWith(0, signal === 'SIGINT' ? 'Stopping.' : null);
  });
}
const noDatabase = { databaseUrl: null };
process.on('uncaughtException', (thrown) => endWith(1, failure(thrown, noDatabase)));
booting = run();
await booting;
