import { z } from 'zod';
import { appendLines, lastLine } from './lineFile.ts';

/** In the data directory: one line a change, for whoever watches files. */
export const auditFile = 'audit.log';

const place = z.object({
  seal: z
    .string()
    .regex(/^\d{1,18}$/)
    .transform(BigInt),
  row: z.number().int().min(0),
});

export type AuditPlace = z.infer<typeof place>;

export type AuditFileLine = AuditPlace & { readonly entry: object };

function readPlace(line: string): AuditPlace | null {
  try {
    return place.parse(JSON.parse(line));
  } catch {
    return null; // half a line of a power cut
  }
}

export function openAuditFile(file: string) {
  return {
    position: (): Promise<AuditPlace | null> => lastLine(file, readPlace),
    append: (lines: readonly AuditFileLine[]): Promise<void> =>
      appendLines(
        file,
        lines.map(({ seal, row, entry }) => JSON.stringify({ seal: String(seal), row, ...entry })),
      ),
  };
}
