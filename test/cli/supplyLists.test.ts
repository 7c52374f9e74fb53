import postgres from 'postgres';
import { expect, onTestFinished, test } from 'vitest';
import { freshDatabase } from '../support/postgres.ts';
import { callCli } from './runCli.ts';

test('lists of supplies are sentences, and facts with --json', async () => {
  const { url } = await freshDatabase('cli_supply_lists');
  const owner = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => owner.end());
  const run = (...args: string[]) => callCli(args, { DATABASE_URL: url });
  await run('fleet', 'register', 'examples/fleet.json');
  const of = ['--company', 'Meadow Light Cooperative'];
  const [{ account, meter, serial }] = await owner<
    [{ account: string; meter: number; serial: string }]
  >`select (select number from account order by id limit 1) as account, id as meter, serial
    from meter order by id limit 1`;
  expect((await run('supply', 'protections', ...of)).stdout).toBe('There are no protections.\n');
  // Who is not at the limit is kept on by the balance alone: stale data prevents no cut there.
  const forecast = async () => (await run('supply', 'forecast', ...of)).stdout;
  const [{ due }] = await owner<[{ due: number }]>`
    select count(*)::int4 as due from account_balance b
    join agreement g on g.account_id = b.account_id and g.mode = 'prepaid'
    join meter m on m.service_point_id = g.service_point_id and m.contactor_unit_id is not null
    where b.balance_micros <= g.balance_limit_micros`;
  expect(due).toBe(1);
  expect(await forecast()).toMatch(
    /^0 of \d+ supplies .*\. At their limit: 1; what prevents it: (?:.+, )?DATA_STALE 1\b.*\.\n$/,
  );
  await owner`update account_balance set balance_micros = 1000000000`;
  expect(await forecast()).toMatch(
    /^0 of \d+ supplies would be cut at \S+\. No supply that is on is at its limit\.\n$/,
  );
  const life = ['--account', account, '--kind', 'life_support', '--reason', 'oxygen at home'];
  expect(await run('supply', 'protect', ...of, ...life)).toMatchObject({ exitCode: 0 });
  const heat = ['--kind', 'heat', '--from', '2026-07-01T00:00:00Z', '--to', '2026-07-02T00:00:00Z'];
  await run('supply', 'add-weather', ...of, ...heat, '--source', 'weather service');
  await owner`
    insert into work_order (id, company_id, meter_id, kind, detail, opened_at)
    select gen_random_uuid(), company_id, id, 'command_failed', '{"command": "disconnect"}',
           '2026-07-01T00:00:00Z' from meter where id = ${meter}`;
  await owner`
    insert into breaker_trip (id, company_id, region, cuts, tripped_at)
    select gen_random_uuid(), company_id, '', 21, '2026-07-01T00:00:00Z' from meter
    where id = ${meter}`;
  const uuid = '[0-9a-f-]{36}';
  const at = '2026-07-01T00:00:00\\.000Z';
  const lines = [
    ['protections', `${uuid}  ${account}: life_support, .* to its end: oxygen at home`],
    ['weather', `${uuid}  heat in all regions, ${at} to .*: weather service`],
    ['orders', `${uuid}  ${serial}: command_failed since ${at} \\(command disconnect\\)`],
    ['breaker', `${uuid}  without a region: 21 cuts by ${at}, stopped, 0 of 2 people have looked`],
  ] as const;
  for (const [name, line] of lines) {
    expect((await run('supply', name, ...of)).stdout).toMatch(new RegExp(`^${line}\n$`));
    const { stdout } = await run('supply', name, ...of, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  }
});
