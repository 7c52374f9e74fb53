import type { Sql } from '../../db/connect.ts';
import { sealedRelations } from '../../db/sealedRelations.ts';
import { readAuditRows, readSealsOf } from '../../db/seals.ts';
import { sealsPerPage } from '../../domain/sealLimits.ts';
import { keysOf, onlyShard, relationNamed } from './chain.ts';
import type { AuditFile } from './outside.ts';

const relations = sealedRelations
  .filter(({ table }) => table === 'audit_entry')
  .map(({ name }) => name);

/** Writes what was sealed of the audit into the file beside the table, once and in order. */
export async function tellAudit({
  sql,
  file,
}: {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly file: AuditFile;
}): Promise<{ readonly lines: number }> {
  const position = await file.position();
  let from = position?.seal ?? 0n;
  let lines = 0;
  for (;;) {
    const seals = await readSealsOf(sql, {
      shard: onlyShard,
      relations,
      from,
      limit: sealsPerPage,
    });
    for (const seal of seals) {
      const relation = relationNamed(seal.relation);
      const keys = relation === null ? null : keysOf(seal, relation);
      const first = seal.ordinal === position?.seal ? position.row + 1 : 0;
      const ids = (keys ?? []).flatMap(({ key }) => key).slice(first);
      if (ids.length === 0) continue;
      const rows = await readAuditRows(sql, ids);
      // Somebody has deleted all of them: `audit verify` names them, and the file goes on.
      if (rows.length === 0) continue;
      const places = new Map(ids.map((id, at) => [id, first + at]));
      await file.append(
        rows.map((entry) => ({ seal: seal.ordinal, row: places.get(entry.id) ?? first, entry })),
      );
      lines += rows.length;
    }
    const last = seals.at(-1);
    if (last === undefined || seals.length < sealsPerPage) return { lines };
    from = last.ordinal + 1n;
  }
}
