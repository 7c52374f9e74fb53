import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { buildProgram } from '../../src/cli/program.ts';
import { auditedCommands } from '../../src/cli/refusedCommands.ts';
import { freshDatabase } from '../support/postgres.ts';
import { callCli, lineOf, runCli } from './runCli.ts';

const company = 'Meadow Light Cooperative'; // as examples/fleet.json says
let url: string;
let owner: postgres.Sql;
let account = '';
let currency = '';
const run = (...args: string[]) => runCli(args, { DATABASE_URL: url });
const of = () => ['--company', company, '--account', account];

beforeAll(async () => {
  ({ url } = await freshDatabase('cli_ledger'));
  owner = postgres(url, { max: 1, onnotice: () => {} });
  const registered = await run('fleet', 'register', 'examples/fleet.json');
  if (registered.exitCode !== 0) throw new Error(registered.stderr);
  const [row] = await owner<{ number: string; currency: string }[]>`
    select number, currency from account order by id limit 1`;
  account = row?.number ?? '';
  currency = row?.currency ?? '';
});
afterAll(() => owner.end());

const moved = z.object({ transferId: z.string(), balance: z.string().nullable() });

describe('ems-cli ledger', () => {
  test('gives, takes back and shows it: statement and trial balance', async () => {
    const money = ['--amount', '5.00', '--currency', currency];
    const why = ['--reason-code', 'goodwill', '--reason', 'a dark weekend', '--json'];
    const given = await run('ledger', 'adjust', ...of(), ...money, ...why);
    const { transferId, balance } = moved.parse(lineOf(given));
    const wrong = [
      '--reason-code',
      'wrong_amount',
      '--reason',
      'typed 5 for 2',
      '--amount',
      '3.00',
    ];
    const back = await run('ledger', 'correct', transferId, '--company', company, ...wrong);
    expect(back).toMatchObject({ exitCode: 0 });
    const statement = await run('ledger', 'statement', ...of(), '--json');
    expect(lineOf(statement)).toMatchObject({
      ok: true,
      balance: expect.stringMatching(/^2\.0*$/),
      transfers: [
        { code: 'correction', corrects: transferId, reasonCode: 'wrong_amount' },
        { code: 'adjustment', id: transferId, balance, debit: 'adjustments', credit: 'customer' },
      ],
    });
    const trial = await run('ledger', 'balance', '--company', company, '--json');
    expect(lineOf(trial)).toMatchObject({ ok: true, sums: [{ currency, micros: '0' }] });
    const text = await run('ledger', 'balance', '--company', company);
    expect(text.stdout).toMatch(/adjustments +[A-Z]{3} +5\.0* +3\.0* +-2\.0*\n/);
  });

  test('a large amount is two people’s, at one shell too, and one person counts once', async () => {
    const money = ['--amount', '100.01', '--currency', currency];
    const why = ['--reason-code', 'goodwill', '--reason', 'a dark month'];
    const key = randomUUID();
    const say = async (person: string, ...how: string[]) => {
      const asked = ['ledger', 'adjust', ...of(), ...money, ...why, '--key', key];
      return callCli([...asked, '--person', person, ...how], { DATABASE_URL: url });
    };
    const { stdout } = await say('ann');
    expect(stdout).toContain(`waits for a second person, who says the same within a week`);
    expect(stdout).toContain(`--key ${key}`);
    expect(lineOf(await say('ann', '--json'))).toMatchObject({ state: 'waiting' });
    expect(lineOf(await say('ben', '--json'))).toMatchObject({ state: 'posted', isReplay: false });
    const said = await owner`
      select actor from audit_entry where action in ('approval.give', 'account.adjust')
        and actor <> 'cli:operator' order by at, action desc`;
    expect(said.map(({ actor }) => String(actor))).toEqual(['cli:ann', 'cli:ben', 'cli:ben']);
  });

  test('an id that is no id of ours is refused with its code, wherever one is typed', async () => {
    const why = ['--company', company, '--reason', 'trying it', '--json'];
    const correct = ['ledger', 'correct', 'WORD', '--reason-code', 'not_owed'];
    for (const [command, code] of [
      [correct, 'TRANSFER_NOT_FOUND'],
      [['payment', 'refund', 'WORD'], 'PAYMENT_NOT_FOUND'],
      [['payment', 'allocate', 'WORD', '--account', account], 'PAYMENT_NOT_FOUND'],
      [['supply', 'unprotect', 'WORD', '--contact-proof', 'a call'], 'PROTECTION_NOT_FOUND'],
      [['supply', 'end-weather', 'WORD'], 'ADVISORY_NOT_FOUND'],
      [['supply', 'approve-breaker', 'WORD', '--person', 'Ada'], 'TRIP_NOT_FOUND'],
    ] as const) {
      const refused = await callCli([...command, ...why], { DATABASE_URL: url });
      expect(refused).toMatchObject({ exitCode: 1 });
      expect(lineOf(refused)).toMatchObject({ ok: false, code });
    }
    const audits = await owner`
      select actor, action from audit_entry where action like '%.refused' order by xact`;
    expect(audits.at(-1)).toMatchObject({ actor: 'cli:Ada' });
    expect(audits.map(({ action }) => String(action))).toEqual([
      'correctTransfer.refused',
      'refundPayment.refused',
      'allocatePayment.refused',
      'endProtection.refused',
      'endWeatherAdvisory.refused',
      'approveBreaker.refused',
    ]);
  });

  test('what is refused at the command line has its row in the audit, once', async () => {
    const key = '6f1c1e0a-4d0b-4b52-9d3e-0c1f6a1b2c3e';
    const asked = ['top-up', ...of(), '--amount', '1.00', '--currency', 'USD', '--key', key];
    for (const _repeat of [1, 2]) {
      const refused = await callCli([...asked, '--json'], { DATABASE_URL: url });
      expect(lineOf(refused)).toMatchObject({ ok: false, code: 'CURRENCY_MISMATCH' });
    }
    const audits = await owner`
      select actor, subject, after from audit_entry where action = 'topUp.refused'`;
    const [{ id } = {}] = await owner`select id from account where number = ${account}`;
    const after = { code: 'CURRENCY_MISMATCH' };
    const row = { actor: 'cli:operator', subject: `account/${id}`, after };
    expect([...audits]).toEqual([row]);
    await callCli([...asked, '--amount', '2.00', '--json'], { DATABASE_URL: url });
    const more = await owner`select from audit_entry where action = 'topUp.refused'`;
    expect(more.count).toBe(2);
  });

  test('every command whose refusals are audited is one of the program', () => {
    const words = (command: Command, before: string): string[] => {
      const all = `${before} ${command.name()}`.trimStart();
      return [all, ...command.commands.flatMap((each) => words(each, all))];
    };
    const known = buildProgram('ems-cli', () => {}).commands.flatMap((each) => words(each, ''));
    expect([...auditedCommands.keys()].filter((each) => !known.includes(each))).toEqual([]);
  });

  test('names the reason codes to whoever has a wrong one', async () => {
    const why = ['--reason-code', 'because', '--reason', 'x'];
    const answer = await run('ledger', 'write-off', ...of(), ...why);
    expect(answer.exitCode).toBe(2);
    expect(answer.stderr).toContain('uncollectable, time_barred, small_amount, hardship');
  });

  test('a debt that is not there is not written off', async () => {
    const why = ['--reason-code', 'hardship', '--reason', 'x', '--json'];
    const answer = await run('ledger', 'write-off', ...of(), ...why);
    expect(answer.exitCode).toBe(1);
    expect(lineOf(answer)).toMatchObject({ code: 'WRITE_OFF_ABOVE_DEBT' });
  });
});

describe('ems-cli doctor', () => {
  test('ends with 0 where all holds, with 1 and the row where somebody changed one', async () => {
    const sound = await run('doctor', '--json');
    expect(lineOf(sound)).toMatchObject({ ok: true, findings: 0 });
    expect(sound.exitCode).toBe(0);
    await owner`update account_balance set balance_micros = balance_micros + 1
                where account_id = (select min(id) from account)`;
    const broken = await run('doctor');
    expect(broken.exitCode).toBe(1);
    expect(broken.stderr).toMatch(/BALANCE_NOT_ITS_ENTRIES account\/\d+/);
    const other = await run('doctor', '--only', 'guards', '--only', 'trial-balance');
    expect(other.exitCode).toBe(0);
    expect(other.stdout).toContain('Nothing is wrong.');
    const unknown = await run('doctor', '--only', 'luck');
    expect(unknown.exitCode).toBe(2);
  });
});
