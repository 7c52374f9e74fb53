import { execFileSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  readonly postgres: string;
  /** Processes that wanted a core in the minute before: a shared machine shows here. */
  readonly loadBefore: number;
};

export function thisMachine(postgresVersion: string): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 1_073_741_824),
    node: process.version,
    postgres: postgresVersion,
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

/** With a + where files differ from it; null outside of a repository. */
export function commitOf(folder: string): string | null {
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  try {
    const commit = git('rev-parse', '--short', 'HEAD').trim();
    return git('status', '--porcelain', '--untracked-files=no', 'src').trim() === ''
      ? commit
      : `${commit}+`;
  } catch {
    return null;
  }
}
