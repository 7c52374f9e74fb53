import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addApproval, findOtherApproval } from '../../src/db/approvals.ts';
import type { Statement } from '../../src/db/connect.ts';
import { asViewer } from '../../src/db/viewer.ts';
import { openGround, startMs } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('approvals');
  const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  await owner`
    insert into approval (company_id, subject, actor, reason, at)
    select ${ground.fleet.companyId}, 'transfer/' || gen_random_uuid() || '/0123456789abcdef',
           'test:ada', 'x', ${new Date(startMs)}
    from generate_series(1, 100000)`;
  await owner`vacuum analyze approval`;
  await owner.end();
});
afterAll(() => ground.close());

/** Rows and index entries of approvals that this transaction has looked at. */
async function looked(tx: Statement): Promise<number> {
  const [row] = await tx<{ looked: number }[]>`
    select sum(pg_stat_get_xact_tuples_returned(r.id))::int4 as looked
    from (select 'approval'::regclass::oid as id
          union all select indexrelid from pg_index where indrelid = 'approval'::regclass) r`;
  return row?.looked ?? -1;
}

test('among 100,000 approvals other content of a name is found without reading them', async () => {
  const { companyId } = ground.fleet;
  const viewer = ground.viewer('administrator');
  const name = `transfer/${randomUUID()}`;
  const said = { companyId, actor: 'test:ada', reason: 'x', atMs: startMs };
  await asViewer(ground.api.sql, viewer, async (tx) => {
    await addApproval(tx, { ...said, subject: `${name}/aaaaaaaaaaaaaaaa` });
    const before = await looked(tx);
    // Also behind the five tries after which Postgres may keep one plan for all of them.
    for (let count = 0; count < 10; count += 1) {
      const other = { companyId, name, subject: `${name}/bbbbbbbbbbbbbbbb` };
      expect(await findOtherApproval(tx, other)).toMatchObject({ actor: 'test:ada' });
      const same = { companyId, name, subject: `${name}/aaaaaaaaaaaaaaaa` };
      expect(await findOtherApproval(tx, same)).toBe(null);
      const unknown = `transfer/${randomUUID()}`;
      const none = { companyId, name: unknown, subject: `${unknown}/aaaaaaaaaaaaaaaa` };
      expect(await findOtherApproval(tx, none)).toBe(null);
    }
    expect((await looked(tx)) - before).toBeLessThan(1_000);
  });
});
