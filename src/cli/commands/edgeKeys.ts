import { randomUUID } from 'node:crypto';
import { listEdgeKeys } from '../../db/edgeKeys.ts';
import { edgeKeysToldMax } from '../../domain/shownLimits.ts';
import { accept } from '../../domain/outcome.ts';
import { revokeEdgeKey } from '../../operations/revokeEdgeKey.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { companyNamed, staffViewer } from '../viewer.ts';

export type KeyOptions = { readonly company: string; readonly database: string | undefined };

/** The keys of a company's edges, revoked ones too. */
export function listKeys(options: KeyOptions): Promise<Answer> {
  return withDatabase(databaseUrl(options.database), 'joulebook_writer', async (sql) => {
    const company = await companyNamed(sql, options.company);
    if (!company.ok) return company;
    const rows = await listEdgeKeys(sql, { companyId: company.value, limit: edgeKeysToldMax });
    const keys = rows.map(({ keyId, edgeName, kind, revokedAt }) => ({
      keyId: Buffer.from(keyId).toString('hex'),
      edge: edgeName,
      kind,
      revokedAt: revokedAt?.toISOString() ?? null,
    }));
    const lines = keys.map(({ keyId, edge, kind, revokedAt }) => {
      const state = revokedAt === null ? 'good' : `revoked at ${revokedAt}`;
      return `${keyId}  ${edge}${kind === 'office' ? ' (office)' : ''}  ${state}`;
    });
    const sentence = lines.length === 0 ? 'The company has no keys yet.' : lines.join('\n');
    return accept({ sentence, facts: { keys } });
  });
}

/** Takes a key back, as the company's administrator. */
export async function revokeKeyById(
  keyId: string,
  { reason, ...options }: KeyOptions & { readonly reason: string },
): Promise<Answer> {
  const url = databaseUrl(options.database);
  const company = await withDatabase(url, 'joulebook_writer', (sql) =>
    companyNamed(sql, options.company),
  );
  if (!company.ok) return company;
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const viewer = staffViewer(company.value, 'administrator');
    const input = { idempotencyKey: randomUUID(), keyId, reason };
    const done = await revokeEdgeKey({ sql, clock: { nowMs: Date.now } }, viewer, input);
    if (!done.ok) return done;
    const { edgeName: edge, revokedAtMs, keyId: id } = done.value;
    const revokedAt = new Date(revokedAtMs).toISOString();
    const sentence = `Key ${id} of edge "${edge}" is revoked; nothing it signs is taken in.`;
    return accept({ sentence, facts: { keyId: id, edge, revokedAt } });
  });
}
