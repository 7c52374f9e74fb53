import { ringBell } from '../../db/bells.ts';
import type { Bell } from '../../domain/bell.ts';
import { accept } from '../../domain/outcome.ts';
import { instantText, parseInstant } from '../../domain/time/instantText.ts';
import { derivedId } from '../../operations/derivedId.ts';
import { publishVeeSet } from '../../operations/publishVeeSet.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { readJson } from '../inputFile.ts';
import { companyNamed, staffViewer } from '../viewer.ts';

export type PublishVeeOptions = {
  readonly company: string;
  readonly validFrom: string;
  readonly reason: string;
  readonly database: string | undefined;
};

/**
 * Publishes a file of rules. What it says is its idempotency key: publishing it twice, or after a
 * lost answer, is once.
 */
export async function publishVeeRules(file: string, options: PublishVeeOptions): Promise<Answer> {
  const document = readJson(file);
  if (!document.ok) return document;
  const validFrom = parseInstant(options.validFrom);
  if (!validFrom.ok) return validFrom;
  const { reason } = options;
  const url = databaseUrl(options.database);
  const companyId = await withDatabase(url, 'joulebook_writer', (sql) =>
    companyNamed(sql, options.company),
  );
  if (!companyId.ok) return companyId;
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const bells: Bell[] = [];
    const said = [String(validFrom.value), JSON.stringify(document.value), reason];
    const published = await publishVeeSet(
      { sql, clock: { nowMs: Date.now }, wake: (bell) => bells.push(bell) },
      staffViewer(companyId.value, 'administrator'),
      {
        idempotencyKey: derivedId('vee_set', ...said),
        validFromMs: validFrom.value,
        document: document.value,
        reason,
      },
    );
    if (!published.ok) return published;
    for (const bell of bells) if (bell.kind !== 'events') await ringBell(sql, bell);
    const { veeSetId, metersToValidate, isReplay } = published.value;
    const sentence = isReplay
      ? `${file} was published before; nothing is new.`
      : `Set ${veeSetId} holds from ${instantText(validFrom.value)} on; ${metersToValidate} ` +
        'meters are validated again.';
    return accept({ sentence, facts: { veeSetId, metersToValidate, isReplay } });
  });
}
