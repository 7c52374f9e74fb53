import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at, overEvents, overWebSocket, post } from './graphqlClient.ts';
import type { Endpoint } from './graphqlClient.ts';
import { descendantsOf, interrupt, isRunning, openFolder, startJson } from './joulebook.ts';
import type { Ready, Running, TokenName } from './joulebook.ts';
import { eventually } from '../support/eventually.ts';

/** One start, as a newcomer's, shared by the tests of this file: 20 simulated meters. */
let running: Running;
let ready: Ready;
let folder: string;

beforeAll(async () => {
  folder = openFolder();
  // A TMPDIR of its own shows what is left behind.
  ({ running, ready } = await startJson(['--ephemeral', '--meters', '20'], { TMPDIR: folder }));
});
afterAll(async () => {
  running.child.kill('SIGTERM');
  await running.ended;
  await rm(folder, { recursive: true, force: true });
});

function as(name: TokenName): Endpoint {
  return { graphql: ready.graphql, token: ready.tokens[name] };
}

type Meter = { id: string; serial: string };

/** The meter of an account, by the service point that both share. */
async function meterOf(account: string): Promise<Meter> {
  const query = '{ meters(first: 50) { edges { node { id serial servicePointName } } } }';
  const edges = at((await post(as('operator'), { query })).body, 'data', 'meters', 'edges');
  const nodes = Array.isArray(edges) ? edges.map((edge) => at(edge, 'node')) : [];
  const meter = nodes.find((node) => at(node, 'servicePointName') === `home ${account}`);
  return { id: String(at(meter, 'id')), serial: String(at(meter, 'serial')) };
}

async function accountOf(number: string): Promise<{ id: string; balance: number }> {
  const query = '{ accounts(first: 50) { edges { node { id number balance { amount } } } } }';
  const edges = at((await post(as('operator'), { query })).body, 'data', 'accounts', 'edges');
  const nodes = Array.isArray(edges) ? edges.map((edge) => at(edge, 'node')) : [];
  const account = nodes.find((node) => at(node, 'number') === number);
  return { id: String(at(account, 'id')), balance: Number(at(account, 'balance', 'amount')) };
}

async function meterNow(id: string): Promise<unknown> {
  const query = `query ($id: ID!) { meter(id: $id) { live { power { watts } readAt }
    supply { state isManual } commands(first: 5) { edges { node { kind state isAutomatic } } } } }`;
  return at((await post(as('operator'), { query, variables: { id } })).body, 'data', 'meter');
}

async function untilMeter(id: string, expected: object): Promise<void> {
  await eventually(async () => expect(await meterNow(id)).toMatchObject(expected));
}

const topUp = `mutation ($input: TopUpInput!) { topUp(input: $input) { __typename
  ... on TopUpPayload { isReplay balance { amount currency } }
  ... on UserError { code message } } }`;
const command = (kind: 'requestDisconnect' | 'requestReconnect') => `
  mutation ($input: RequestCommandInput!) { ${kind}(input: $input) { __typename
    ... on RequestCommandPayload { command { id state } } ... on UserError { code message } } }`;
const balances = `subscription ($id: ID!) { accountBalance(accountId: $id) { __typename
  ... on AccountSnapshot { now: balance { amount } } ... on AccountBalanceChange { cause
  balance { amount } charged { amount } energy { wattHours } } } }`;

/** Two events that were rated, each of which moved the balance. */
function twoMoves(messages: readonly unknown[]): boolean {
  return movesOf(messages).length >= 2;
}

function movesOf(messages: readonly unknown[]): readonly number[] {
  const events = messages.map((message) => at(message, 'data', 'accountBalance'));
  const moved = events.filter((event) => Number(at(event, 'charged', 'amount')) > 0);
  return moved.map((event) => Number(at(event, 'balance', 'amount')));
}

describe('one command', () => {
  test('is ready and names its addresses and tokens', () => {
    expect(ready.graphql).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/graphql$/);
    expect(ready.mqtt).toMatch(/^mqtt:\/\/127\.0\.0\.1:\d+$/);
  });

  test('gives each role a token under which it sees what the role may see', async () => {
    const query = '{ viewer { role account { number } } accounts(first: 1) { totalCount } }';
    const staff = { data: { viewer: { account: null }, accounts: { totalCount: 20 } } };
    for (const name of ['operator', 'administrator', 'developer'] as const) {
      const { body } = await post(as(name), { query });
      expect(body).toMatchObject(staff);
      expect(at(body, 'data', 'viewer', 'role')).toBe(name.toUpperCase());
    }
    expect((await post(as('subscriber'), { query })).body).toMatchObject({
      data: { viewer: { role: 'SUBSCRIBER', account: { number: 'A-1001' } } },
    });
  });
});

describe('a balance', () => {
  test('falls with each rated reading, over server-sent events and over WebSocket', async () => {
    const request = { query: balances, variables: { id: ready.account } };
    for (const follow of [overEvents, overWebSocket]) {
      const messages = await follow(as('subscriber'), request, twoMoves);
      expect(at(messages[0], 'data', 'accountBalance')).toMatchObject({
        __typename: 'AccountSnapshot',
      });
      const [first = 0, second = 0] = movesOf(messages);
      expect(second).toBeLessThan(first);
    }
  });

  test('rises by a payment once, however often its key is sent', async () => {
    const input = {
      accountId: ready.account,
      amount: '10.00',
      currency: 'EUR',
      idempotencyKey: randomUUID(),
    };
    const before = (await accountOf('A-1001')).balance;
    for (const isReplay of [false, true]) {
      const { body } = await post(as('subscriber'), { query: topUp, variables: { input } });
      expect(body).toMatchObject({ data: { topUp: { __typename: 'TopUpPayload', isReplay } } });
    }
    const after = (await accountOf('A-1001')).balance;
    // Consumption goes on meanwhile: less than half a euro a minute at any load of a household.
    const risenMicros = Math.round(after * 1_000_000) - Math.round(before * 1_000_000);
    expect(risenMicros).toBeGreaterThan(9_000_000);
    expect(risenMicros).toBeLessThanOrEqual(10_000_000);
  });
});

describe('a partner', () => {
  const own = '{ viewer { role } }';

  test('runs the registered document over HTTP and WebSocket', async () => {
    const documentId = ready.operations.Balances;
    const expected = { data: { accounts: { edges: [{ node: { number: 'A-1001' } }] } } };
    const variables = { first: 1 };
    const overHttp = await post(as('partner'), { documentId, variables });
    expect(overHttp.body).toMatchObject(expected);
    const persistedQuery = { version: 1, sha256Hash: documentId.slice('sha256:'.length) };
    const request = { query: '', variables, extensions: { persistedQuery } };
    const [message] = await overWebSocket(as('partner'), request, () => true);
    expect(message).toMatchObject(expected);
  });

  test('is refused anything else on both', async () => {
    const code = 'PERSISTED_OPERATION_REQUIRED';
    const refused = { errors: [{ extensions: { code } }] };
    const overHttp = await post(as('partner'), { query: own });
    expect(overHttp).toMatchObject({ status: 403, body: refused });
    await expect(overWebSocket(as('partner'), { query: own }, () => true)).rejects.toMatchObject([
      { extensions: { code } },
    ]);
    const unknown = { documentId: `sha256:${'0'.repeat(64)}` };
    expect((await post(as('partner'), unknown)).status).toBe(404);
  });
});

describe('the broker', () => {
  test('tells a rated update to whoever listens to energy/billing/updates', async () => {
    const client = await mqtt.connectAsync(ready.mqtt);
    const heard = new Promise<string>((resolve) => {
      client.on('message', (_topic, payload) => resolve(payload.toString('utf8')));
    });
    const [grant] = await client.subscribeAsync('energy/billing/updates', { qos: 1 });
    expect(grant?.topic).toBe('energy/billing/updates');
    const update: unknown = JSON.parse(await heard);
    expect(update).toMatchObject({ updates: expect.arrayContaining([]) });
    await client.endAsync();
  });
});

describe('bad input that names what is not there', () => {
  const nowhere = Buffer.from('Meter:999999').toString('base64url');
  const input = { idempotencyKey: randomUUID(), meterId: nowhere, reason: 'test' };

  test('an unknown meter is nothing to read and is not switched', async () => {
    expect(await meterNow(nowhere)).toBeNull();
    const query = command('requestDisconnect');
    expect((await post(as('operator'), { query, variables: { input } })).body).toMatchObject({
      data: { requestDisconnect: { __typename: 'NotFoundError', code: 'METER_NOT_FOUND' } },
    });
  });

  test('an id that is none is told so by a code', async () => {
    const query = '{ meter(id: "nonsense") { serial } }';
    const { body } = await post(as('operator'), { query });
    expect(String(at(body, 'errors', 0, 'extensions', 'code'))).toMatch(/^[A-Z_]+$/);
  });
});

describe('a supply', () => {
  test('is cut by an operator, verified by coil and power, and comes back', async () => {
    const meter = await meterOf('A-1002');
    const send = async (kind: 'requestDisconnect' | 'requestReconnect') => {
      const input = { idempotencyKey: randomUUID(), meterId: meter.id, reason: 'test' };
      const query = command(kind);
      const { body } = await post(as('operator'), { query, variables: { input } });
      expect(at(body, 'data', kind, '__typename')).toBe('RequestCommandPayload');
    };
    const verified = (kind: string) => ({
      commands: { edges: [{ node: { kind, state: 'VERIFIED', isAutomatic: false } }] },
    });
    await send('requestDisconnect');
    await untilMeter(meter.id, {
      supply: { state: 'DISCONNECTED', isManual: true },
      live: { power: { watts: '0' } },
      ...verified('DISCONNECT'),
    });
    await send('requestReconnect');
    await untilMeter(meter.id, { supply: { state: 'CONNECTED' } });
    await eventually(async () => {
      const watts = Number(at(await meterNow(meter.id), 'live', 'power', 'watts'));
      expect(watts).toBeGreaterThan(0);
    });
  });

  const standing = `query ($a: ID!, $m: ID!) {
    account(id: $a) { notices { kind state threshold } }
    supplyDecision(meterId: $m) { findings { rule prevents detail }
      certificates { stage document } } }`;

  // The way of docs/prepaid.md, "A quarter of an hour": A-1005 begins with one cent.
  test('is bought, used up, warned of, cut and paid for, and each can be asked why', async () => {
    const meter = await meterOf('A-1005');
    const account = await accountOf('A-1005');
    const buy = async (amount: string) => {
      const key = { idempotencyKey: randomUUID(), currency: 'EUR' };
      const input = { accountId: account.id, amount, ...key };
      const { body } = await post(as('operator'), { query: topUp, variables: { input } });
      expect(at(body, 'data', 'topUp', '__typename')).toBe('TopUpPayload');
    };
    const look = async () => {
      const variables = { a: account.id, m: meter.id };
      return at((await post(as('operator'), { query: standing, variables })).body, 'data');
    };
    await buy('0.02');
    const cut = { node: { kind: 'DISCONNECT', state: 'VERIFIED', isAutomatic: true } };
    await eventually(async () =>
      expect(await meterNow(meter.id)).toMatchObject({
        supply: { state: 'DISCONNECTED', isManual: false },
        live: { power: { watts: '0' } },
      }),
    );
    const told = (kind: string) => expect.objectContaining({ kind, state: 'DELIVERED' });
    await eventually(async () => {
      const notices = at(await look(), 'account', 'notices');
      for (const kind of ['LOW_BALANCE', 'EMERGENCY_OFFERED', 'CUT_NOTICE', 'CUT']) {
        expect(notices).toContainEqual(told(kind));
      }
    });
    // Why: the certificate has the balance of then, and the notice that had arrived before. That of
    // now may be above zero: on a busy machine the cent is used up before the two are bought.
    const document = (kind: string, reason: string, findings: readonly object[]) =>
      expect.objectContaining({
        stage: 'sent',
        document: expect.objectContaining({
          kind,
          reason,
          findings: expect.arrayContaining(findings.map((each) => expect.objectContaining(each))),
        }),
      });
    expect(at(await look(), 'supplyDecision', 'certificates')).toContainEqual(
      document('disconnect', 'BALANCE_AT_LIMIT', [
        { rule: 'BALANCE_ABOVE_LIMIT', prevents: false },
        {
          rule: 'NOTICE_NOT_DELIVERED',
          prevents: false,
          detail: expect.stringContaining('delivered'),
        },
      ]),
    );
    await buy('5.00');
    await untilMeter(meter.id, { supply: { state: 'CONNECTED' } });
    await eventually(async () => {
      const { commands } = Object(await meterNow(meter.id));
      const back = { node: { kind: 'RECONNECT', state: 'VERIFIED', isAutomatic: true } };
      const edges = at(commands, 'edges');
      expect(Array.isArray(edges) ? edges.slice(0, 2) : edges).toEqual([back, cut]);
    });
    await eventually(async () =>
      expect(at(await look(), 'account', 'notices')).toContainEqual(told('RECONNECTED')),
    );
    expect(at(await look(), 'supplyDecision', 'certificates')).toContainEqual(
      document('reconnect', 'BALANCE_RESTORED', []),
    );
  }, 300_000);
});

describe('the end', () => {
  test('by Ctrl-C leaves no process and no folder', async () => {
    const descendants = descendantsOf(running.child.pid ?? 0);
    // Postgres with its own children, and the watchdog.
    expect(descendants.length).toBeGreaterThan(3);
    expect(readdirSync(folder)).not.toEqual([]);
    expect(await interrupt(running)).toBe(0);
    expect(descendants.filter(isRunning)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    expect(running.said()).toBe('Stopping.\n');
  });
});
