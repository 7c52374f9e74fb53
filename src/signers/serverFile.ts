import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { existsSync, writeSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

/** In the data directory, beside the checkpoints: the server as it was seen last. */
export const serverFile = path.join('checkpoints', 'server.json');

const shape = z.object({
  systemId: z.string(),
  timeline: z.number().int(),
  xact: z
    .string()
    .regex(/^\d{1,20}$/)
    .transform(BigInt),
});

type Seen = z.infer<typeof shape>;

export function openServerFile(file: string) {
  return {
    read: (): Seen | null =>
      existsSync(file) ? shape.parse(JSON.parse(readFileSync(file, 'utf8'))) : null,
    /** Whole or not at all, also in a power cut. */
    write({ systemId, timeline, xact }: Seen): void {
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      const draft = `${file}.draft`;
      const handle = openSync(draft, 'w', 0o600);
      try {
        writeSync(handle, `${JSON.stringify({ systemId, timeline, xact: String(xact) })}\n`);
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      renameSync(draft, file);
    },
  };
}
