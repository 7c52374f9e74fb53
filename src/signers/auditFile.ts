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

export function openAuditFile(file: string) {
  return {
    async position(): Promise<AuditPlace | null> {
      const line = await lastLine(file);
      return line === null ? null : place.parse(JSON.parse(line));
    },
    append: (lines: readonly AuditFileLine[]): Promise<void> =>
      appendLines(
        file,
        lines.map(({ seal, row, entry }) => JSON.stringify({ seal: String(seal), row, ...entry })),
      ),
  };
}
