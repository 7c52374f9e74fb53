import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { at, post } from './graphqlClient.ts';
import { descendantsOf, interrupt, isRunning, openFolder, run, startJson } from './joulebook.ts';
import type { Ready, Running } from './joulebook.ts';
import { eventually } from '../support/eventually.ts';

/** A data directory that start after start works on. */
let folder: string;
let data: string;
let running: Running | null = null;

beforeAll(() => {
  folder = openFolder();
  data = join(folder, 'data');
});
afterAll(async () => {
  running?.child.kill('SIGTERM');
  await running?.ended;
  await rm(folder, { recursive: true, force: true });
});

async function start(meters = 4): Promise<Ready> {
  const started = await startJson(['--data', data, '--meters', String(meters)], { TMPDIR: folder });
  running = started.running;
  return started.ready;
}

type Picture = {
  readonly balances: ReadonlyMap<string, number>;
  readonly registersWh: ReadonlyMap<string, bigint>;
  readonly refused: unknown;
};

async function look({ graphql, tokens }: Ready): Promise<Picture> {
  const query = `{ accounts(first: 9) { edges { node { number balance { amount } } } }
    meters(first: 9) { edges { node { serial live { register { wattHours } } } } }
    readingExceptions(first: 9) { edges { node { code } } }
    quarantinedBatches(first: 9) { edges { node { code } } } }`;
  const { body } = await post({ graphql, token: tokens.operator }, { query });
  const nodesOf = (field: string): readonly unknown[] => {
    const edges = at(body, 'data', field, 'edges');
    return Array.isArray(edges) ? edges.map((edge) => at(edge, 'node')) : [];
  };
  const registers = nodesOf('meters').flatMap((meter): [string, bigint][] => {
    const wh = at(meter, 'live', 'register', 'wattHours');
    return typeof wh === 'string' ? [[String(at(meter, 'serial')), BigInt(wh)]] : [];
  });
  return {
    balances: new Map(
      nodesOf('accounts').map((account) => [
        String(at(account, 'number')),
        Number(at(account, 'balance', 'amount')),
      ]),
    ),
    registersWh: new Map(registers),
    refused: [...nodesOf('readingExceptions'), ...nodesOf('quarantinedBatches')],
  };
}

/** All four meters were read, and the first one's register has gone on from `fromWh`. */
function untilRead(ready: Ready, fromWh: bigint): Promise<Picture> {
  return eventually(async () => {
    const picture = await look(ready);
    expect(picture.registersWh.size).toBe(4);
    expect(picture.registersWh.get('JB000001')).toBeGreaterThan(fromWh);
    return picture;
  });
}

async function payTen({ graphql, tokens, account }: Ready): Promise<void> {
  const query = `mutation ($input: TopUpInput!) { topUp(input: $input) { __typename } }`;
  const input = {
    accountId: account,
    amount: '10.00',
    currency: 'EUR',
    idempotencyKey: randomUUID(),
  };
  const { body } = await post(
    { graphql, token: tokens.subscriber },
    { query, variables: { input } },
  );
  expect(at(body, 'data', 'topUp', '__typename')).toBe('TopUpPayload');
}

function expectToGoOn(after: Picture, before: Picture): void {
  expect(after.refused).toEqual([]);
  for (const [serial, registerWh] of before.registersWh) {
    expect(after.registersWh.get(serial)).toBeGreaterThanOrEqual(registerWh);
  }
  for (const [number, balance] of before.balances) {
    const now = after.balances.get(number) ?? Number.NaN;
    // Nobody pays between the two pictures, and what is used costs cents.
    expect(now).toBeLessThanOrEqual(balance);
    expect(now).toBeGreaterThan(balance - 1);
  }
}

test('the next start finds the data of the last, after Ctrl-C and after a hard kill', async () => {
  const first = await start();
  await untilRead(first, 0n);
  await payTen(first);
  const atFirst = await look(first);
  expect(atFirst.balances.get('A-1001')).toBeGreaterThan(14);

  // A second start on the same directory is refused and harms nothing.
  const second = run(['all', '--port', '0', '--data', data], { TMPDIR: folder });
  expect(await second.ended).toBe(1);
  const sentence = second.said().trimEnd().split('\n').at(-1);
  expect(sentence).toMatch(
    new RegExp(`^DIRECTORY_IN_USE: .* process ${running?.child.pid}\\. Stop that one, or `),
  );
  if (running === null) throw new Error('it runs');
  // What the command line finds the database by, for its owner alone and while it runs.
  const address = join(data, 'database-url');
  expect(statSync(address).mode & 0o777).toBe(0o600);
  expect(readFileSync(address, 'utf8')).toMatch(/^postgres:\/\/.+@127\.0\.0\.1:\d+\/postgres\n$/);
  expect(await interrupt(running)).toBe(0);
  expect(existsSync(address)).toBe(false);

  // Fewer are asked for: those that are there go on all the same.
  const afterInterrupt = await start(2);
  const [fromWh] = atFirst.registersWh.values();
  const atSecond = await untilRead(afterInterrupt, fromWh ?? 0n);
  expectToGoOn(atSecond, atFirst);

  const descendants = descendantsOf(running.child.pid ?? 0);
  running.child.kill('SIGKILL');
  await running.ended;
  const afterKill = await start();
  // The watchdog looks ten times a second whether Postgres has ended.
  await eventually(() => expect(descendants.filter(isRunning)).toEqual([]));
  const atThird = await untilRead(afterKill, atSecond.registersWh.get('JB000001') ?? 0n);
  expectToGoOn(atThird, atSecond);
});
