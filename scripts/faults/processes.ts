import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, readFileSync, readdirSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { failAtVariable, failPointVariable, failPointWord } from './failPoint.ts';
import type { FailPoint } from './failPoint.ts';

/** How a process of the deployment is started; a supervisor starts it again whenever it ends. */
export type RoleSpec = {
  readonly name: string;
  readonly kind: 'api' | 'ingest' | 'worker';
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What it says on standard error when it serves. */
  readonly readyWord: string;
};

export type Armed = { readonly point: FailPoint; readonly at: number };

const restartMs = 250;
/** A role that cannot start, because Postgres is away, is not started without a pause. */
const restartMsMax = 2_000;
const tailCharacters = 2_000;

function procField(pid: number, file: string, field: string): number {
  try {
    const line = readFileSync(`/proc/${pid}/${file}`, 'utf8')
      .split('\n')
      .find((each) => each.startsWith(field));
    return Number(/\d+/.exec(line ?? '')?.[0] ?? 0);
  } catch {
    return 0; // it has ended
  }
}

/** Children of a process, by /proc. Source: proc(5), stat, field 4. */
export function childrenOf(pid: number): readonly number[] {
  const found: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const rest = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1) ?? '';
      if (Number(rest.split(' ')[1]) === pid) found.push(Number(name));
    } catch {
      // it has ended while we looked
    }
  }
  return found;
}

/** A role under a supervisor. */
export class Role {
  readonly spec: RoleSpec;
  rssKibMax = 0;
  restarts = 0;
  readonly failPointDeaths = new Map<FailPoint, number>();
  readonly ownEnds: string[] = [];
  readyAtMs = 0;
  #child: ChildProcess | null = null;
  #isKilled = false;
  #isStopping = false;
  #said = '';
  #failuresInRow = 0;
  #armed: Armed | null = null;
  readonly #log: WriteStream;
  readonly #onDeath: (role: Role, point: FailPoint | null) => void;
  #ended: Promise<void> = Promise.resolve();

  constructor(
    spec: RoleSpec,
    given: { folder: string; onDeath: (role: Role, point: FailPoint | null) => void },
  ) {
    this.spec = spec;
    this.#onDeath = given.onDeath;
    this.#log = createWriteStream(join(given.folder, `${spec.name}.log`), { flags: 'a' });
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get isReady(): boolean {
    return this.readyAtMs > 0;
  }

  get said(): string {
    return this.#said;
  }

  /** From the next start on; the start after that is an ordinary one again. */
  arm(armed: Armed): void {
    this.#armed = armed;
  }

  start(): void {
    const armed = this.#armed;
    this.#armed = null;
    const { args, env, name } = this.spec;
    this.#isKilled = false;
    this.#said = '';
    this.readyAtMs = 0;
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        ...env,
        ...(armed !== null && {
          [failPointVariable]: armed.point,
          [failAtVariable]: String(armed.at),
        }),
      },
    });
    this.#child = child;
    this.#log.write(`--- start ${name} ${child.pid} ${armed === null ? '' : armed.point}\n`);
    child.stdout.pipe(this.#log, { end: false });
    child.stderr.on('data', (chunk: Buffer) => this.#hear(chunk));
    this.#ended = new Promise((resolve) => {
      child.once('close', () => {
        this.#end(child);
        resolve();
      });
    });
  }

  #hear(chunk: Buffer): void {
    this.#log.write(chunk);
    this.#said = (this.#said + chunk.toString('utf8')).slice(-tailCharacters);
    if (!this.isReady && this.#said.includes(this.spec.readyWord)) {
      this.readyAtMs = performance.now();
      this.#failuresInRow = 0;
    }
  }

  #end(child: ChildProcess): void {
    this.#child = null;
    this.readyAtMs = 0;
    if (this.#isStopping) return;
    const point = new RegExp(`${failPointWord} (\\S+)`).exec(this.#said)?.[1];
    const named = point === undefined ? null : (point as FailPoint); // as it wrote it itself
    if (named !== null) {
      this.failPointDeaths.set(named, (this.failPointDeaths.get(named) ?? 0) + 1);
    } else if (!this.#isKilled) {
      const last = this.#said.trimEnd().split('\n').at(-1) ?? '';
      this.ownEnds.push(`${child.exitCode ?? child.signalCode}: ${last.slice(0, 200)}`);
      this.#failuresInRow += 1;
    }
    this.#onDeath(this, named);
    this.restarts += 1;
    const waitMs = Math.min(restartMsMax, restartMs * 2 ** this.#failuresInRow);
    setTimeout(() => {
      if (!this.#isStopping) this.start();
    }, waitMs);
  }

  /** As a machine that loses its power, as far as this process is concerned. */
  kill(): boolean {
    if (this.#child === null) return false;
    this.#isKilled = true;
    return this.#child.kill('SIGKILL');
  }

  pause(): boolean {
    return this.#child?.kill('SIGSTOP') ?? false;
  }

  resume(): boolean {
    return this.#child?.kill('SIGCONT') ?? false;
  }

  sampleMemory(): number {
    const { pid } = this;
    const kib = pid === null ? 0 : procField(pid, 'status', 'VmRSS:');
    this.rssKibMax = Math.max(this.rssKibMax, kib);
    return kib;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.resume();
    this.#child?.kill('SIGTERM');
    const late = delay(8_000, null, { ref: false });
    await Promise.race([this.#ended, late]);
    this.#child?.kill('SIGKILL');
    await this.#ended;
    this.#log.end();
  }
}
