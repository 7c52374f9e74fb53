import { writeFileSync } from 'node:fs';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase } from '../support/postgres.ts';
import { lineOf, runCli, temporaryFolder } from './runCli.ts';

const folder = temporaryFolder();
const company = 'Meadow Light Cooperative'; // as examples/fleet.json says
const example = 'examples/vee-community.json';
let url: string;
let sql: postgres.Sql;
const run = (...args: string[]) => runCli(args, { DATABASE_URL: url });

beforeAll(async () => {
  ({ url } = await freshDatabase('cli_vee'));
  sql = postgres(url, { max: 1, onnotice: () => {} });
  const registered = await run('fleet', 'register', 'examples/fleet.json');
  if (registered.exitCode !== 0) throw new Error(registered.stderr);
});
afterAll(() => sql.end());

describe('vee lint', () => {
  test('tells what a set comes to, without a database', async () => {
    const linted = await runCli(['vee', 'lint', example]);
    expect(linted.exitCode).toBe(0);
    expect(linted.stdout).toContain('Zero Consumption Check: hold a day, channel 1.');
    expect(linted.stdout).toContain('Consecutive Interval Check: off.');
    const json = await runCli(['vee', 'lint', example, '--json']);
    expect(lineOf(json)).toMatchObject({
      ok: true,
      customerClass: 'community',
      rules: { highLow: { highPercentMax: 300, historyDaysMin: 7 } },
      historyDays: 56,
    });
  });

  test('says that a rule rejects which always does, whatever word the set has for it', async () => {
    const file = path.join(folder, 'word.json');
    const rules = { negativeConsumption: { outcome: 'alert' } };
    writeFileSync(file, JSON.stringify({ customerClass: 'large', rules }));
    const linted = await runCli(['vee', 'lint', file]);
    expect(linted.stdout).toContain('Negative Consumption Check: reject a day');
  });

  test('refuses a wrong set with its path', async () => {
    const file = path.join(folder, 'wrong.json');
    writeFileSync(file, '{ "customerClass": "large", "rules": { "sum": { "tolerance": 1 } } }');
    const linted = await runCli(['vee', 'lint', file, '--json']);
    expect(linted.exitCode).toBe(1);
    expect(lineOf(linted)).toMatchObject({
      code: 'VEE_SET_MALFORMED',
      path: ['rules', 'sum', 'tolerance'],
    });
  });
});

describe('vee publish', () => {
  const publish = (validFrom: string) => {
    const of = ['--company', company, '--valid-from', validFrom, '--reason', 'a test', '--json'];
    return run('vee', 'publish', example, ...of);
  };

  test('is done once, however often it is called', async () => {
    const first = await publish('2026-12-01T00:00:00+03:00');
    expect(lineOf(first)).toMatchObject({ ok: true, metersToValidate: 0, isReplay: false });
    const again = await publish('2026-12-01T00:00:00+03:00');
    expect(lineOf(again)).toMatchObject({ ok: true, isReplay: true });
    const rows = await sql`select customer_class, valid_from, author from vee_set`;
    expect([...rows]).toEqual([
      {
        customer_class: 'community',
        valid_from: new Date('2026-11-30T21:00:00Z'),
        author: 'cli:administrator',
      },
    ]);
  });

  test('of a local time without its offset is refused', async () => {
    const refused = await publish('2026-12-01T00:00:00');
    expect([refused.exitCode, lineOf(refused)]).toMatchObject([
      1,
      { code: 'INSTANT_WITHOUT_OFFSET' },
    ]);
  });
});
