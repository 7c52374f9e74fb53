import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asViewer } from '../../src/db/viewer.ts';
import { openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld('row_security');
});
afterAll(async () => {
  await world.close();
});

describe('row-level security, with no filter of the application in between', () => {
  const ada = viewerOf('subscriber', { account: 100 });
  const staff = viewerOf('operator');

  /** Rows that belong to somebody else than the viewer, by what identifies their owner. */
  const foreign: [string, string][] = [
    ['company', 'id <> 1'],
    ['meter', 'id <> 10'],
    ['service_point', 'id <> 10'],
    ['customer', 'id <> 1'],
    ['account', 'id <> 100'],
    ['account_balance', 'account_id <> 100'],
    ['agreement', 'id <> 1'],
    ['transfer', 'account_id <> 100'],
    ['ledger_entry', 'company_id <> 1'],
    ['charge', 'account_id <> 100'],
    ['series_day', 'meter_id <> 10'],
    ['series_head', 'meter_id <> 10'],
    ['unrated_energy', 'meter_id <> 10'],
    ['supply', 'meter_id <> 10'],
    ['command', 'account_id <> 100'],
    ['command_step', 'account_id <> 100'],
    ['tariff', 'company_id <> 1'],
    ['tariff_version', 'company_id <> 1'],
    ['ledger_account', 'company_id <> 1 or account_id <> 100'],
    ['subject_event', 'account_id <> 100'],
    ['edge', 'true'],
    ['batch_quarantine', 'true'],
    ['reading_exception', 'true'],
    ['audit_entry', 'true'],
    ['simulation', 'true'],
    ['protection', 'account_id <> 100'],
    ['command_certificate', 'account_id <> 100'],
    ['supply_wait', 'account_id <> 100'],
    ['supply_watch', 'true'],
    ['work_order', 'true'],
    ['keypad_claim', 'account_id <> 100'],
    ['keypad_choice', 'account_id <> 100'],
    ['simulation_agreement', 'true'],
  ];

  test('a subscriber finds no row of anybody else in any table', async () => {
    await world.append({
      companyId: 1,
      kind: 'rated',
      atMs: 0,
      meterIds: [10, 11],
      accountIds: [100, 101],
      readAtMs: [0, 0],
      registerWh: [1n, 1n],
      powerW: [1, 1],
      energyWh: [1n, 1n],
      chargedMicros: [1n, 1n],
      balanceMicros: [1n, 1n],
      detail: null,
    });
    const found = await asViewer(world.api.sql, ada, async (tx) => {
      const tables: string[] = [];
      for (const [table, condition] of foreign) {
        const [row] = await tx.unsafe<{ count: number }[]>(
          `select count(*)::int4 as count from ${table} where ${condition}`,
        );
        if (row?.count !== 0) tables.push(table);
      }
      return tables;
    });
    expect(found).toEqual([]);
  });

  test('staff find no row of another company', async () => {
    const tables = foreign.map(([table]) => table).filter((table) => table !== 'company');
    const found = await asViewer(world.api.sql, staff, async (tx) => {
      const leaking: string[] = [];
      for (const table of tables) {
        const [row] = await tx.unsafe<{ count: number; foreign: number }[]>(
          `select count(*)::int4 as count,
                  count(*) filter (where company_id <> 1)::int4 as foreign from ${table}`,
        );
        if (row?.foreign !== 0) leaking.push(table);
      }
      return leaking;
    });
    expect(found).toEqual([]);
  });

  test('without a viewer there is no row at all', async () => {
    const rows = await world.api.sql`select 1 from account union all select 1 from meter`;
    expect(rows).toHaveLength(0);
  });

  /** Tables that the API may touch and that no policy holds; the exceptions say why. */
  async function unheldTables(sql: postgres.Sql): Promise<string[]> {
    const rows = await sql<{ name: string }[]>`
      select c.relname as name from pg_class c
      where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
        and exists (select from information_schema.role_table_grants g
                    where g.grantee = 'joulebook_api' and g.table_name = c.relname
                      and g.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))
        and not (c.relrowsecurity
                 and exists (select from pg_policy p where p.polrelid = c.oid))
      order by 1`;
    return rows.map((row) => row.name);
  }

  test('every table of the API has a policy, and a planted one without is found', async () => {
    const owner = postgres(world.url, { max: 1, onnotice: () => {} });
    try {
      // Numbers of the event log without a company, and documents that are not secret.
      expect(await unheldTables(owner)).toEqual(['event_head', 'restore_mark']);
      await owner`create table planted (company_id integer)`;
      await owner`grant select on planted to joulebook_api`;
      expect(await unheldTables(owner)).toContain('planted');
      await owner`drop table planted`;
    } finally {
      await owner.end();
    }
  });
});
