import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';

/** The longest line that is looked for at a file's end. */
const lineBytesMax = 4 * 1024 * 1024;
const newline = 0x0a;

async function tailOf(handle: FileHandle): Promise<Buffer> {
  const { size } = await handle.stat();
  const length = Math.min(size, lineBytesMax);
  const bytes = Buffer.alloc(length);
  await handle.read(bytes, 0, length, size - length);
  return bytes;
}

/**
 * What the last line says that can be read: half a line of a power cut is passed over, also with
 * an end of its own. Null: there is none.
 */
export async function lastLine<T>(
  file: string,
  read: (line: string) => T | null,
): Promise<T | null> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    const tail = await tailOf(handle);
    for (let end = tail.lastIndexOf(newline); end > 0;) {
      const before = tail.lastIndexOf(newline, end - 1);
      const said = read(tail.subarray(before + 1, end).toString('utf8'));
      if (said !== null) return said;
      end = before;
    }
    return null;
  } finally {
    await handle.close();
  }
}

/** Adds lines to a file that only its owner reads; they are durable when it resolves. */
export async function appendLines(file: string, lines: readonly string[]): Promise<void> {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, 'a+', 0o600);
  try {
    const tail = await tailOf(handle);
    // Half a line of a power cut is left alone on a line of its own.
    const start = tail.length > 0 && tail.at(-1) !== newline ? '\n' : '';
    await handle.appendFile(`${start}${lines.join('\n')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
