import { createClosing } from './closing.ts';
import { readConfig } from './config.ts';
import type { Config } from './config.ts';
import type { Demo } from './demoWorld.ts';
import { createScreen } from './screen.ts';
import type { Screen } from './screen.ts';
import { startAll } from './startAll.ts';
import { startRole } from './startRole.ts';
import { readyLine, welcomeText } from './welcome.ts';

const closing = createClosing();
let isEnding = false;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Stops what runs, in reverse order, and ends the process. */
async function end(code: number, message: string | null): Promise<never> {
  if (message !== null) say(message);
  if (isEnding) process.exit(130); // asked twice: no more patience
  isEnding = true;
  for (const problem of await closing.closeAll()) say(problem);
  process.exit(code);
}

function failure(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /^[A-Z][A-Z_]+: /.test(text) ? text : `START_FAILED: ${text}`;
}

async function runAll(config: Config): Promise<void> {
  const startedMs = performance.now();
  const seconds = (): string => ((performance.now() - startedMs) / 1000).toFixed(1);
  const progress = (line: string): void => {
    if (!config.json) say(`${seconds().padStart(5)} s  ${line}`);
  };
  const screenOf = (demo: Demo): Screen => createScreen(process.stdout, () => demo.accounts);
  const onDeath = (message: string): void => {
    if (!isEnding) end(1, message).catch(() => process.exit(1));
  };
  const context = { config, closing, progress, onDeath };
  const ready = await startAll(context, config.json ? null : screenOf);
  if (!ready.ok) await end(1, `${ready.code}: ${ready.message}`);
  else if (config.json) process.stdout.write(`${readyLine(ready.value)}\n`);
  else {
    progress('ready');
    process.stdout.write(welcomeText(ready.value));
  }
}

async function run(): Promise<void> {
  const config = readConfig(process.argv.slice(2), process.env);
  if (!config.ok) return end(2, `${config.code}: ${config.message}`);
  if (config.value.role === 'all') return runAll(config.value);
  const context = {
    config: config.value,
    closing,
    progress: say,
    onDeath: (message: string) => say(message),
  };
  const started = await startRole(context);
  if (!started.ok) return end(1, `${started.code}: ${started.message}`);
  say(started.value.message);
  if (config.value.role === 'migrate') await end(0, null);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    end(0, null).catch(() => process.exit(1));
  });
}
process.on('uncaughtException', (thrown) => {
  end(1, failure(thrown)).catch(() => process.exit(1));
});
run().catch((error: unknown) => end(1, failure(error)));
