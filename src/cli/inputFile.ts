import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { inputFileBytesMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

export type InputCode = 'FILE_UNREADABLE' | 'FILE_TOO_LARGE' | 'JSON_MALFORMED';

export function readText(file: string): Outcome<string, InputCode> {
  try {
    const { size } = statSync(file);
    if (size > inputFileBytesMax) {
      return refuse('FILE_TOO_LARGE', `${file} has ${size} bytes, at most ${inputFileBytesMax}.`);
    }
    return accept(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    return refuse('FILE_UNREADABLE', `${file} cannot be read (${why}). Check its name and rights.`);
  }
}

export function readJson(file: string): Outcome<unknown, InputCode> {
  const text = readText(file);
  if (!text.ok) return text;
  try {
    const json: unknown = JSON.parse(text.value);
    return accept(json);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'malformed';
    return refuse('JSON_MALFORMED', `${file} is not JSON: ${why}. Correct it there.`);
  }
}

/** Over what is there: the command was told where to write. */
export function writeJson(file: string, value: unknown): Outcome<null, 'FILE_UNWRITABLE'> {
  try {
    writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
    return accept(null);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unwritable';
    const message = `${file} cannot be written (${why}). Check its folder and rights.`;
    return refuse('FILE_UNWRITABLE', message);
  }
}
