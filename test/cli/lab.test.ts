import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { freshDatabase } from '../support/postgres.ts';
import { lineOf, runCli, temporaryFolder } from './runCli.ts';

/** The registry of examples/fleet.json, without a reading: energy costs nothing in these months. */
const company = 'Meadow Light Cooperative';
const folder = temporaryFolder();
const draft = path.join(folder, 'draft.json');
let url: string;
const run = (...args: string[]) => runCli(args, { DATABASE_URL: url });

beforeAll(async () => {
  ({ url } = await freshDatabase('clilab'));
  const registered = await run('fleet', 'register', 'examples/fleet.json');
  if (registered.exitCode !== 0) throw new Error(registered.stderr);
  const document = {
    currency: 'EUR',
    components: [
      { kind: 'energy', name: 'work', flow: 'import', price: '0.30' },
      { kind: 'fixed', name: 'base', amount: '2.50', per: 'bill' },
    ],
  };
  writeFileSync(draft, JSON.stringify(document));
});

const months = ['--from', '2026-01', '--through', '2026-02'];

test('a draft with a base of 2.50 a bill costs everybody 5.00 in two months', async () => {
  const asked = ['--company', company, '--document', draft, '--tariff', 'household'];
  const told = await run('tariff', 'lab', ...asked, ...months, '--json');
  expect(lineOf(told)).toMatchObject({
    ok: true,
    state: 'done',
    currency: 'EUR',
    agreements: 2,
    before: '0.00',
    after: '10.00',
    change: '10.00',
    winners: { count: 0, change: '0.00' },
    losers: { count: 2, change: '10.00' },
    classes: [{ customerClass: null, agreements: 2, change: '10.00' }],
    mostChanged: [
      { month: '2026-01', change: '2.50' },
      { month: '2026-02', change: '2.50' },
      { month: '2026-01', change: '2.50' },
      { month: '2026-02', change: '2.50' },
    ],
    refused: [],
  });
  expect(told.exitCode).toBe(0);
});

test('people are told the progress and the result in words', async () => {
  const asked = ['--company', company, '--document', draft, '--tariff', 'household'];
  const told = await run('tariff', 'lab', ...asked, ...months);
  expect(told.stderr).toContain('2 of 2 agreements');
  expect(told.stdout).toContain('2 agreements: 0.00 becomes 10.00 EUR, a change of 10.00');
  expect(told.exitCode).toBe(0);
});

const bad: [string, string[], number, string][] = [
  ['a tariff that is not there', ['--tariff', 'None'], 1, 'TARIFF_NOT_FOUND'],
  ['nobody', [], 1, 'SCOPE_MISSING'],
  ['an agreement that is not there', ['--agreements', '999999'], 1, 'AGREEMENT_NOT_FOUND'],
  ['agreements that are no numbers', ['--agreements', 'all'], 2, 'COMMAND_MISUSED'],
];
test.each(bad)('of %s is refused with a code', async (_name, scope, exitCode, code) => {
  const asked = ['--company', company, '--document', draft, ...scope, ...months];
  const told = await run('tariff', 'lab', ...asked, '--json');
  expect(lineOf(told)).toMatchObject({ ok: false, code });
  expect(told.exitCode).toBe(exitCode);
});
