import { accept } from '../../domain/outcome.ts';
import { registerPersistedOperation } from '../../operations/registerPersistedOperation.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { readOperations } from '../operationFiles.ts';
import { companyNamed, staffViewer } from '../viewer.ts';

/** Each document in a transaction of its own; after a refusal the same command goes on. */
export async function registerOperations(
  source: string,
  options: { readonly company: string; readonly database: string | undefined },
): Promise<Answer> {
  const documents = readOperations(source);
  if (!documents.ok) return documents;
  const url = databaseUrl(options.database);
  const companyId = await withDatabase(url, 'joulebook_writer', (sql) =>
    companyNamed(sql, options.company),
  );
  if (!companyId.ok) return companyId;
  const viewer = staffViewer(companyId.value, 'developer');
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const deps = { sql, clock: { nowMs: Date.now }, wake: () => {} };
    const operations: { name: string; id: string; isNew: boolean }[] = [];
    for (const { name, document } of documents.value) {
      const registered = await registerPersistedOperation(deps, viewer, { name, document });
      if (!registered.ok) return registered;
      operations.push({ name, id: registered.value.id, isNew: !registered.value.isReplay });
    }
    const lines = operations.map(
      ({ name, id, isNew }) => `${isNew ? 'new ' : 'same'} ${id} ${name}`,
    );
    return accept({ sentence: lines.join('\n'), facts: { operations } });
  });
}
