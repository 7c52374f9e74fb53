import { ringBell } from '../../db/bells.ts';
import type { Bell } from '../../domain/bell.ts';
import { accept } from '../../domain/outcome.ts';
import { derivedId } from '../../operations/derivedId.ts';
import { resolveDecision } from '../../operations/vee/resolveDecision.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { companyNamed, staffViewer } from '../viewer.ts';

export type ResolveDecisionOptions = {
  readonly company: string;
  readonly reason: string;
  readonly database: string | undefined;
};

/** A person's word on a decision; the same word twice, or after a lost answer, is once. */
export async function resolveOneDecision(
  decisionId: string,
  kind: 'confirmed' | 'released',
  options: ResolveDecisionOptions,
): Promise<Answer> {
  const { reason } = options;
  const url = databaseUrl(options.database);
  const companyId = await withDatabase(url, 'joulebook_writer', (sql) =>
    companyNamed(sql, options.company),
  );
  if (!companyId.ok) return companyId;
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const bells: Bell[] = [];
    const resolved = await resolveDecision(
      { sql, clock: { nowMs: Date.now }, wake: (bell) => bells.push(bell) },
      staffViewer(companyId.value, 'operator'),
      { idempotencyKey: derivedId('vee', decisionId, kind, reason), decisionId, kind, reason },
    );
    if (!resolved.ok) return resolved;
    for (const bell of bells) if (bell.kind !== 'events') await ringBell(sql, bell);
    const { isReplay } = resolved.value;
    const sentence = isReplay
      ? `Decision ${decisionId} was ${kind} before; nothing is new.`
      : `Decision ${decisionId} is ${kind}.`;
    return accept({ sentence, facts: { decisionId, kind, isReplay } });
  });
}
