import { userInfo } from 'node:os';
import path from 'node:path';
import { accept } from '../../domain/outcome.ts';
import { confirmRestore } from '../../operations/restore/confirmRestore.ts';
import {
  checkpointsFile,
  openCheckpointFile,
  readCheckpointFile,
} from '../../signers/checkpointFile.ts';
import { openServerFile, serverFile } from '../../signers/serverFile.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { progressLines } from '../progress.ts';

export type RestoreOptions = {
  readonly reason: string;
  readonly data: string | undefined;
  readonly database: string | undefined;
};

/** Two conditions and a person: then the cut-off engine goes on. */
export async function reconcileRestore(options: RestoreOptions, isJson: boolean): Promise<Answer> {
  const data = options.data ?? process.env['JOULEBOOK_DATA'];
  if (data === undefined) {
    throw new Misused('give --data, or JOULEBOOK_DATA: what was seen of the database is there');
  }
  const file = path.join(data, checkpointsFile);
  const tell = progressLines(isJson);
  const byWhom = `cli:${userInfo().username}`;
  const url = databaseUrl(options.database);
  const done = await withDatabase(url, 'joulebook_writer', (sql) => {
    const deps = {
      sql,
      clock: { nowMs: () => Date.now() },
      seenFile: openServerFile(path.join(data, serverFile)),
      checkpoints: openCheckpointFile(file),
      allCheckpoints: readCheckpointFile(file),
      onStep: tell,
    };
    return confirmRestore(deps, { byWhom, reason: options.reason });
  });
  if (!done.ok) return done;
  const { companies } = done.value;
  const sentence = `Seals and books of ${companies} companies agree. Cuts are decided again.`;
  return accept({ sentence, facts: { companies } });
}
