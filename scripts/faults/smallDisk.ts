import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const diskMib = 1_536;

export type SmallDisk = {
  readonly directory: string;
  /** How it was made: an ext4 image on a loop device keeps fsync what it is. */
  readonly how: 'loop' | 'tmpfs';
  remove(): void;
};

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: 'ignore' });
}

/** A file system of its own that can be filled without harm to the machine; needs root. */
export function openSmallDisk(folder: string): SmallDisk | null {
  if (process.getuid?.() !== 0) return null;
  const directory = join(folder, 'disk');
  mkdirSync(directory, { recursive: true });
  const remove = (): void => {
    run('umount', ['-l', directory]);
    rmSync(join(folder, 'disk.img'), { force: true });
  };
  try {
    const image = join(folder, 'disk.img');
    run('truncate', ['-s', `${diskMib}M`, image]);
    run('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
    run('mount', ['-o', 'loop', image, directory]);
    chmodSync(directory, 0o755);
    return { directory, how: 'loop', remove };
  } catch {
    // No loop devices, or no mkfs: a file system in memory can be full as well.
  }
  try {
    run('mount', ['-t', 'tmpfs', '-o', `size=${diskMib}m,mode=755`, 'tmpfs', directory]);
    return { directory, how: 'tmpfs', remove };
  } catch {
    return null;
  }
}
