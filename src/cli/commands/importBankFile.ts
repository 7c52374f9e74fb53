import { readFileSync } from 'node:fs';
import { ringBell } from '../../db/bells.ts';
import { wakeReaders } from '../../db/events.ts';
import type { Bell } from '../../domain/bell.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import { importStatement } from '../../operations/payments/importStatement.ts';
import { bankFileBytesMax } from '../../wire/bank/statement.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { progressLines } from '../progress.ts';
import { companyNamed, staffViewer } from '../viewer.ts';

export type ImportOptions = {
  readonly company: string;
  readonly channel: string;
  readonly database: string | undefined;
};

function bytesOf(file: string): Uint8Array | null {
  try {
    return readFileSync(file);
  } catch {
    return null; // Why is the same to the caller: a name or a right to correct.
  }
}

/** A file as the bank sent it; given again, it goes on where it was broken off. */
export async function importBankFile(
  file: string,
  options: ImportOptions,
  isJson: boolean,
): Promise<Answer> {
  const bytes = bytesOf(file);
  if (bytes === null) {
    return refuse('FILE_UNREADABLE', `${file} cannot be read. Check its name and rights.`);
  }
  if (bytes.length > bankFileBytesMax) {
    return refuse('FILE_TOO_LARGE', `${file} has more than ${bankFileBytesMax} bytes; split it.`);
  }
  const url = databaseUrl(options.database);
  const company = await withDatabase(url, 'joulebook_writer', (sql) =>
    companyNamed(sql, options.company),
  );
  if (!company.ok) return company;
  const viewer = staffViewer(company.value, 'operator');
  const tellProgress = progressLines(isJson);
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const bells = new Map<string, Bell>();
    const imported = await importStatement(
      {
        sql,
        clock: { nowMs: Date.now },
        wake: (bell) => bells.set(JSON.stringify(bell), bell),
        onProgress: (done, of) => tellProgress(`${done} of ${of} entries`, done === of),
      },
      viewer,
      { channel: options.channel, file: bytes },
    );
    for (const bell of bells.values()) {
      await (bell.kind === 'events' ? wakeReaders(sql, bell.shard) : ringBell(sql, bell));
    }
    if (!imported.ok) return imported;
    const { entries, fates, remarks, isReplay } = imported.value;
    const told = Object.entries(fates).filter(([, count]) => count > 0);
    const counts = told.map(([fate, count]) => `${count} ${fate.replaceAll('_', ' ')}`).join(', ');
    const lines = remarks.map(({ entryRef, code }) => `  ${entryRef}  ${code}`);
    const again = isReplay ? ' The file was given before.' : '';
    const sentence = [`${entries} entries: ${counts || 'none'}.${again}`, ...lines].join('\n');
    return accept({ sentence, facts: { ...imported.value } });
  });
}
