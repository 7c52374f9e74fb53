import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { checkpointLine, readCheckpoint } from '../wire/checkpoint.ts';
import type { Checkpoint } from '../wire/checkpoint.ts';
import { appendLines, lastLine } from './lineFile.ts';

/** In the data directory; copies elsewhere are better. */
export const checkpointsFile = path.join('checkpoints', 'seals.jsonl');

export function openCheckpointFile(file: string) {
  return {
    newest: (): Promise<Checkpoint | null> => lastLine(file, readCheckpoint),
    append: (checkpoint: Checkpoint): Promise<void> =>
      appendLines(file, [checkpointLine(checkpoint)]),
  };
}

/** All checkpoints of a file in their order; what is none, such as half a line, is passed over. */
export async function* readCheckpointFile(file: string): AsyncGenerator<Checkpoint> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  for await (const line of lines) {
    const checkpoint = readCheckpoint(line);
    if (checkpoint !== null) yield checkpoint;
  }
}
