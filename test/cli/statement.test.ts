import { onTestFinished, expect, test } from 'vitest';
import postgres from 'postgres';
import { z } from 'zod';
import { freshDatabase } from '../support/postgres.ts';
import { lineOf, runCli } from './runCli.ts';

test('a statement says how many older entries left which balance; --all shows them', async () => {
  const { url } = await freshDatabase('cli_statement');
  const owner = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => owner.end());
  const run = (...args: string[]) => runCli(args, { DATABASE_URL: url });
  await run('fleet', 'register', 'examples/fleet.json');
  const [{ account, currency }] = await owner<[{ account: string; currency: string }]>`
    select number as account, currency from account order by id limit 1`;
  const of = ['--company', 'Meadow Light Cooperative', '--account', account]; // of the example
  const gift = ['--amount', '5.00', '--currency', currency, '--reason-code', 'goodwill'];
  await run('ledger', 'adjust', ...of, ...gift, '--reason', 'a dark weekend');
  // Of 0.01 each, as if posted before: with the first, one entry is too many for a page.
  await owner`
    insert into transfer (id, company_id, currency, debit_id, credit_id, amount_micros, code,
                          account_id, posted_at)
    select gen_random_uuid(), company_id, currency, debit_id, credit_id, 10000, code, account_id,
           posted_at - n * interval '1 second'
    from transfer, generate_series(1, 500) as n where code = 'adjustment'`;
  await owner`
    update account_balance b set balance_micros = b.balance_micros + 5000000
    from account a where a.id = b.account_id and a.number = ${account}`;
  const page = await run('ledger', 'statement', ...of);
  expect(page.stdout).toMatch(/\n1 older ones left 0\.010* [A-Z]{3}; --all shows them\./);
  const sum = z.object({ amount: z.string() });
  const whole = lineOf(await run('ledger', 'statement', ...of, '--all', '--json'));
  const told = z
    .object({ balance: z.string(), olderCount: z.literal(0), transfers: z.array(sum) })
    .parse(whole);
  expect(told.balance).toMatch(/^10\.0*$/);
  expect(told.transfers).toHaveLength(501);
});

test('rows of one microsecond stand in the order in which their codes are posted', async () => {
  const { url } = await freshDatabase('cli_statement_order');
  const owner = postgres(url, { max: 1, onnotice: () => {} });
  onTestFinished(() => owner.end());
  const run = (...args: string[]) => runCli(args, { DATABASE_URL: url });
  await run('fleet', 'register', 'examples/fleet.json');
  const [{ account, currency }] = await owner<[{ account: string; currency: string }]>`
    select number as account, currency from account order by id limit 1`;
  const of = ['--company', 'Meadow Light Cooperative', '--account', account];
  const gift = ['--amount', '5.00', '--currency', currency, '--reason-code', 'goodwill'];
  await run('ledger', 'adjust', ...of, ...gift, '--reason', 'a dark weekend');
  await owner`
    insert into transfer (id, company_id, currency, debit_id, credit_id, amount_micros, code,
                          account_id, posted_at)
    select (n.first || '0000000-0000-8000-8000-000000000000')::uuid, company_id, currency,
           debit_id, credit_id, 10000, n.code, account_id, posted_at + interval '1 second'
    from transfer, (values
      ('f', 'deposit_netted'), ('e', 'payment'), ('d', 'dispute'), ('c', 'debt_set_aside'),
      ('b', 'credit_paid_out')) as n(first, code)
    where transfer.code = 'adjustment'`;
  const told = z
    .object({ transfers: z.array(z.object({ code: z.string() })) })
    .parse(lineOf(await run('ledger', 'statement', ...of, '--json')));
  const codes = told.transfers.map(({ code }) => code);
  expect(codes).toEqual([
    'debt_set_aside',
    'credit_paid_out',
    'dispute',
    'payment',
    'deposit_netted',
    'adjustment',
  ]);
});
