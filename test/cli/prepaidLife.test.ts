import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDatabase } from '../support/postgres.ts';
import { lineOf, runCli } from './runCli.ts';

const company = 'Meadow Light Cooperative'; // as examples/fleet.json says
let url: string;
let owner: postgres.Sql;
let of: readonly string[] = [];
let currency = '';
const run = async (...args: string[]) => {
  const done = await runCli(['prepaid', ...args, ...of, '--json'], { DATABASE_URL: url });
  return lineOf(done);
};

beforeAll(async () => {
  ({ url } = await freshDatabase('cli_prepaid_life'));
  owner = postgres(url, { max: 1, onnotice: () => {} });
  const registered = await runCli(['fleet', 'register', 'examples/fleet.json'], {
    DATABASE_URL: url,
  });
  if (registered.exitCode !== 0) throw new Error(registered.stderr);
  // Whenever this is run: an agreement of the example ends with its year.
  await owner`update agreement set valid_to = null`;
  const [row] = await owner<{ number: string; currency: string }[]>`
    select a.number, a.currency from account a join agreement g on g.account_id = a.id
    where g.mode = 'prepaid' order by a.id limit 1`;
  currency = row?.currency ?? '';
  of = ['--company', company, '--account', row?.number ?? ''];
  const policy = {
    name: 'standard',
    emergencyCredit: { amount: '10.00', selectableBelow: '1.00' },
  };
  await owner`
    insert into prepaid_policy (company_id, name, valid_from, document, published_at, published_by)
    select id, 'standard', to_timestamp(0), ${owner.json(policy)}, now(), 'test' from company`;
});
afterAll(() => owner.end());

// Each command is a process of its own, on a machine that does other things.
const runsMs = 300_000;
const because = ['--reason', 'agreed on the telephone'];

test(
  'what GraphQL can, an operator can: lend, set aside, plan, and see it',
  async () => {
    const key = ['--key', randomUUID()];
    expect(await run('lend', ...key)).toMatchObject({ ok: true, amount: '10.00', isReplay: false });
    expect(await run('lend', ...key)).toMatchObject({ ok: true, isReplay: true });
    expect(await run('lend')).toMatchObject({ ok: false, code: 'EMERGENCY_CREDIT_TAKEN' });
    const imported = ['--reason-code', 'imported', '--amount', '60.00'];
    expect(await run('set-aside', ...imported, ...because)).toMatchObject({
      ok: true,
      state: 'posted',
      amount: `60.00 ${currency}`,
    });
    const plan = ['--share', '0.25', '--weekly', '4.25', ...because];
    expect(await run('plan-debt', ...plan)).toMatchObject({ ok: true, share: '0.25' });
    expect(await run('plan-debt', '--share', '2', '--weekly', '0', ...because)).toMatchObject({
      ok: false,
      code: 'SHARE_MALFORMED',
    });
    const told = await runCli(['prepaid', 'status', ...of], { DATABASE_URL: url });
    expect(told.stdout).toContain('No whole day of readings tells yet how long it lasts.');
    expect(await run('status')).toMatchObject({
      ok: true,
      balance: '0.00',
      emergencyCredit: { left: '10.00' },
      debt: { owed: '60.00', share: '0.25', weekly: '4.25' },
      notices: [],
    });
  },
  runsMs,
);

test(
  'a change of mode stands until it is taken back: none sooner, and the same again is shown',
  async () => {
    const past = ['--at', '2026-01-01T00:00:00Z'];
    expect(await run('change-mode', '--mode', 'postpaid', ...past, ...because)).toMatchObject({
      ok: false,
      code: 'MODE_CHANGE_IN_PAST',
    });
    const quarterMs = 900_000;
    const later = Math.ceil(Date.now() / quarterMs) * quarterMs + 192 * quarterMs;
    const at = (ms: number) => ['--at', new Date(ms).toISOString()];
    const change = ['change-mode', '--mode', 'postpaid', ...because];
    const keyed = [...change, ...at(later), '--key', randomUUID()];
    expect(await run(...keyed)).toMatchObject({ ok: true, mode: 'postpaid', isReplay: false });
    expect(await run(...keyed)).toMatchObject({ ok: true, isReplay: true });
    // Of the agreement that is in force then, whose change stands; not of the one that follows it.
    for (const sooner of [[], at(later - quarterMs), at(later)]) {
      expect(await run(...change, ...sooner)).toMatchObject({
        ok: false,
        code: 'AGREEMENT_CHANGE_PLANNED',
        message: expect.stringContaining('Take it back first'),
      });
    }
    expect(await run(...change, ...at(later + quarterMs))).toMatchObject({
      code: 'MODE_UNCHANGED',
    });
    const log = await runCli(
      ['audit', 'log', '--company', company, '--from', '2026-01-01T00:00:00Z', '--json'],
      { DATABASE_URL: url },
    );
    expect(log.stdout).toContain('agreement.changeMode');
    const back = ['take-back', ...because];
    expect(await run(...back)).toMatchObject({ ok: true, isReplay: false });
    expect(await run(...back)).toMatchObject({ ok: false, code: 'AGREEMENT_CHANGE_NOT_FOUND' });
  },
  runsMs,
);

test(
  'a customer leaves a deposit and moves out; nothing is paid back before that has happened',
  async () => {
    const [coming, leaving] = await owner<{ number: string }[]>`
      select distinct on (a.id) a.number from account a join agreement g on g.account_id = a.id
      where a.currency = ${currency} order by a.id`;
    if (leaving === undefined || coming === undefined) throw new Error('the fleet has two');
    const about = ['--company', company, '--account', leaving.number, ...because, '--json'];
    const say = async (...args: string[]) =>
      lineOf(await runCli([...args, ...about], { DATABASE_URL: url }));
    const deposit = ['ledger', 'take-deposit', '--amount', '50.00', '--currency', currency];
    expect(await say(...deposit)).toMatchObject({ state: 'posted', amount: `50.00 ${currency}` });
    const payOut = ['ledger', 'pay-out', '--from', 'counter'];
    expect(await say(...payOut)).toMatchObject({ ok: false, code: 'AGREEMENT_IN_FORCE' });
    const change = ['prepaid', 'change-account', '--to', coming.number, '--mode', 'postpaid'];
    expect(await say(...change, '--at', '2026-01-01T00:00:00Z')).toMatchObject({
      ok: false,
      code: 'ACCOUNT_CHANGE_IN_PAST',
    });
    expect(await say(...change)).toMatchObject({ ok: true, mode: 'postpaid', isReplay: false });
    // The rater has to look at it first, and there is none here.
    expect(await say(...payOut)).toMatchObject({ ok: false });
    // As if an hour had passed; its meter was never read.
    await owner`delete from rerate_duty`;
    await owner`update agreement set valid_to = now() - interval '1 hour',
                       valid_from = now() - interval '2 hours'
                from account a where a.id = account_id and a.number = ${leaving.number}`;
    expect(await say(...payOut)).toMatchObject({
      ok: true,
      paidOut: `50.00 ${currency}`,
      deposit: `50.00 ${currency}`,
      balance: `0.00 ${currency}`,
    });
  },
  runsMs,
);
