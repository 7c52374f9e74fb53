import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { loadFilesMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

export type LoadFilesCode = 'FILE_UNREADABLE' | 'LOADS_MISSING' | 'LOADS_TOO_MANY';

/** A load file, and the name by which it is told: the file's, without its end. */
export type LoadFile = { readonly name: string; readonly file: string };

function filesAt(place: string): readonly string[] {
  if (!statSync(place).isDirectory()) return [place];
  return readdirSync(place, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.toLowerCase().endsWith('.csv'))
    .map((entry) => path.join(place, entry.name));
}

/** The CSV files of the places, each once, in order of their names. */
export function findLoadFiles(
  places: readonly string[],
): Outcome<readonly LoadFile[], LoadFilesCode> {
  const found = new Set<string>();
  for (const place of places) {
    try {
      for (const file of filesAt(place)) found.add(file);
    } catch (error) {
      const why = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
      return refuse('FILE_UNREADABLE', `${place} cannot be read (${why}). Check its name.`);
    }
    if (found.size > loadFilesMax) {
      const message = `${place} has more than ${loadFilesMax} load files with those before it.`;
      return refuse('LOADS_TOO_MANY', `${message} Simulate a part of them.`);
    }
  }
  if (found.size === 0) {
    return refuse('LOADS_MISSING', 'There is no .csv file at the places given. Check --loads.');
  }
  const files = [...found].toSorted();
  return accept(files.map((file) => ({ name: path.basename(file).replace(/\.csv$/i, ''), file })));
}
