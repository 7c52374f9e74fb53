import { createClient } from 'graphql-ws';
import type { Client } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { plainEvent } from '../../src/db/events.ts';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { subscriptionsPerConnectionMax } from '../../src/domain/limits.ts';
import { persistedOperationId } from '../../src/operations/registerPersistedOperation.ts';
import { globalId, openWorld, rated, tokenOf, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
const ada = viewerOf('subscriber', { account: 100 });
const bob = viewerOf('subscriber', { account: 101 });
const operator = viewerOf('operator');
const commandId = '00000000-0000-4000-8000-0000000000c1';

beforeAll(async () => {
  world = await openWorld('streams', { streamProgressMs: 300, webSocketConnectionsMax: 20 });
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

function clientOf(viewer: Viewer): Client {
  return createClient({
    url: world.base.replace('http', 'ws') + '/graphql',
    webSocketImpl: WebSocket,
    connectionParams: async () => ({ token: await tokenOf(viewer) }),
    retryAttempts: 0,
  });
}

const consumption = `subscription ($id: ID!, $after: Cursor, $mode: StreamMode! = ALL) {
  meterConsumption(meterId: $id, after: $after, mode: $mode) {
    __typename ... on StreamEvent { cursor }
    ... on MeterSnapshot { snapshotRegister: register { wattHours } }
    ... on MeterConsumption { register { wattHours } energy { wattHours }
      charged { amount currency }
      balance { amount } } } }`;
const balance = `subscription ($id: ID!) { accountBalance(accountId: $id) {
  __typename ... on AccountSnapshot { account { number } now: balance { amount } }
  ... on AccountBalanceChange { cause balance { amount } charged { amount } } } }`;

type Event = Record<string, unknown>;
type Message = { data?: Record<string, Event> | null; errors?: readonly unknown[] };

/** The next messages that are not StreamProgress. */
async function take(stream: AsyncIterator<unknown>, count: number): Promise<Event[]> {
  const events: Event[] = [];
  while (events.length < count) {
    const { value, done } = await stream.next();
    if (done === true) throw new Error('the stream ended');
    // Of a server under test: the expectations look at what it is.
    const { data, errors } = value as Message;
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    const event = Object.values(data ?? {})[0];
    if (event !== undefined && event['__typename'] !== 'StreamProgress') events.push(event);
  }
  return events;
}

describe('over WebSocket', () => {
  test('a meter is followed from its snapshot on, and resumed without loss or repeat', async () => {
    const client = clientOf(ada);
    const variables = { id: globalId('Meter', 10) };
    const stream = client.iterate({ query: consumption, variables });
    const [snapshot] = await take(stream, 1);
    expect(snapshot).toMatchObject({
      __typename: 'MeterSnapshot',
      snapshotRegister: { wattHours: '2000' },
    });
    await world.append(rated({ registerWh: [2_250n] }));
    const [first] = await take(stream, 1);
    expect(first).toMatchObject({
      __typename: 'MeterConsumption',
      register: { wattHours: '2250' },
      energy: { wattHours: '250' },
      // 0.25 kWh at 0.30 EUR: the ledger's scale is finer than the currency's.
      charged: { amount: '0.075', currency: 'EUR' },
      balance: { amount: '4.925' },
    });
    await stream.return?.();
    await world.append(rated({ registerWh: [2_500n] }));
    await world.append(rated({ registerWh: [2_750n] }));
    const after = first?.['cursor'];
    const resumed = client.iterate({ query: consumption, variables: { ...variables, after } });
    const missed = await take(resumed, 2);
    expect(missed.map((event) => event['register'])).toEqual([
      { wattHours: '2500' },
      { wattHours: '2750' },
    ]);
    await resumed.return?.();
    const latest = client.iterate({
      query: consumption,
      variables: { ...variables, after, mode: 'LATEST' },
    });
    const [folded] = await take(latest, 1);
    expect(folded).toMatchObject({ register: { wattHours: '2750' }, energy: { wattHours: '500' } });
    await latest.return?.();
    await client.dispose();
    await expect.poll(() => world.tail.watcherCount()).toBe(0);
  });

  test('a balance is followed through charges and payments', async () => {
    const client = clientOf(ada);
    const stream = client.iterate({ query: balance, variables: { id: globalId('Account', 100) } });
    expect(await take(stream, 1)).toMatchObject([
      { account: { number: 'A100' }, now: { amount: '5.00' } },
    ]);
    await world.append(rated());
    const topUp = `mutation { topUp(input: { idempotencyKey: "00000000-0000-4000-8000-0000000000aa",
      accountId: "${globalId('Account', 100)}", amount: "2.00", currency: "EUR" }) {
      __typename } }`;
    expect((await world.post(ada, { query: topUp })).body).toEqual({
      data: { topUp: { __typename: 'TopUpPayload' } },
    });
    expect(await take(stream, 2)).toMatchObject([
      { cause: 'RATED', balance: { amount: '4.925' }, charged: { amount: '0.075' } },
      { cause: 'TOP_UP', balance: { amount: '7.00' } },
    ]);
    await stream.return?.();
    await client.dispose();
  });

  test('a command is followed to its end', async () => {
    const client = clientOf(operator);
    const query = `subscription { commandProgress(commandId: "${globalId('Command', commandId)}") {
      __typename ... on CommandProgress { state command { id } } } }`;
    const stream = client.iterate({ query });
    expect(await take(stream, 1)).toMatchObject([{ state: 'FAILED' }]);
    const news = (id: string) =>
      plainEvent({
        companyId: 1,
        kind: 'command',
        atMs: 0,
        subjects: [{ meterId: 11, accountId: 101 }],
        detail: { commandId: id, state: 'verified' },
      });
    await world.append(news('00000000-0000-4000-8000-0000000000c9'));
    await world.append(news(commandId));
    const command = { id: globalId('Command', commandId) };
    expect(await take(stream, 1)).toMatchObject([{ state: 'VERIFIED', command }]);
    await stream.return?.();
    await client.dispose();
  });

  test('a subscriber cannot open what is not its own, nor with a bad cursor', async () => {
    const client = clientOf(bob);
    const open = (id: string, after?: string) =>
      take(client.iterate({ query: consumption, variables: { id, after } }), 1);
    await expect(open(globalId('Meter', 10))).rejects.toThrow('METER_NOT_FOUND');
    await expect(open(globalId('Meter', 20))).rejects.toThrow('METER_NOT_FOUND');
    await expect(open(globalId('Meter', 11), 'bogus')).rejects.toThrow('CURSOR_MALFORMED');
    await expect(open('bogus')).rejects.toThrow('ID_MALFORMED');
    await client.dispose();
  });

  test('a live stream shows nothing of a meter that went to another account', async () => {
    const client = clientOf(ada);
    const variables = { id: globalId('Meter', 10) };
    const stream = client.iterate({ query: consumption, variables });
    await take(stream, 1);
    await world.append(rated({ accountIds: [101], registerWh: [666n] }));
    await world.append(rated({ registerWh: [777n] }));
    expect(await take(stream, 1)).toMatchObject([{ register: { wattHours: '777' } }]);
    await stream.return?.();
    await client.dispose();
  });

  test('a partner runs a registered subscription and nothing else', async () => {
    const partner = { ...ada, persistedOnly: true };
    const id = persistedOperationId(consumption);
    const register = `mutation ($input: RegisterPersistedOperationInput!) {
      registerPersistedOperation(input: $input) { __typename } }`;
    const input = { name: 'consumption', document: consumption };
    await world.post(viewerOf('developer'), { query: register, variables: { input } });
    const client = clientOf(partner);
    const variables = { id: globalId('Meter', 10) };
    const persistedQuery = { version: 1, sha256Hash: id.slice('sha256:'.length) };
    const stream = client.iterate({ query: '', variables, extensions: { persistedQuery } });
    expect(await take(stream, 1)).toMatchObject([{ __typename: 'MeterSnapshot' }]);
    await stream.return?.();
    const unknown = { version: 1, sha256Hash: '0'.repeat(64) };
    const refusals: [string, object | undefined, string][] = [
      [consumption, undefined, 'PERSISTED_OPERATION_REQUIRED'],
      ['{ viewer { role } }', undefined, 'PERSISTED_OPERATION_REQUIRED'],
      ['', { persistedQuery: unknown }, 'PERSISTED_OPERATION_UNKNOWN'],
      ['{ viewer { role } }', { persistedQuery }, 'PERSISTED_OPERATION_MISMATCH'],
    ];
    for (const [query, extensions, code] of refusals) {
      const refused = client.iterate({ query, variables, extensions: { ...extensions } });
      await expect(take(refused, 1)).rejects.toMatchObject([{ extensions: { code } }]);
    }
    // graphql-transport-ws asks for a query in every message, and the document's id needs none.
    const own = client.iterate({ query: '{ viewer { role } }' });
    const message = expect.stringContaining('query: ""');
    await expect(take(own, 1)).rejects.toMatchObject([{ message }]);
    await client.dispose();
  });
});

/** A socket without a client library: what the server itself does. */
function rawSocket(headers: Record<string, string> = {}): WebSocket {
  return new WebSocket(`${world.base.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    headers,
  });
}

function closeCode(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    socket.on('close', (code) => resolve(code));
    socket.on('error', () => undefined);
  });
}

describe('a socket', () => {
  test('without a token that holds is closed with 4403, and at the end of one too', async () => {
    for (const payload of [undefined, { token: 'nonsense' }, { token: 7 }]) {
      const socket = rawSocket();
      const closed = closeCode(socket);
      socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload })));
      expect(await closed).toBe(4403);
    }
    // Six seconds of life, five of them kept for coming back.
    const token = await tokenOf(ada, 6_000);
    const socket = rawSocket();
    const closed = closeCode(socket);
    const acknowledged = new Promise((resolve) => {
      socket.on('message', (message: Buffer) => resolve(message.toString('utf8')));
    });
    socket.on('open', () =>
      socket.send(JSON.stringify({ type: 'connection_init', payload: { token } })),
    );
    expect(await acknowledged).toContain('connection_ack');
    expect(await closed).toBe(4403);
  });

  test('from a page of another origin is not opened', async () => {
    expect(await closeCode(rawSocket({ origin: 'https://evil.test' }))).toBe(1006);
    const socket = rawSocket({ origin: 'https://portal.test' });
    await new Promise((resolve) => {
      socket.on('open', resolve);
    });
    socket.close();
    await closeCode(socket);
  });

  test('that sends too large a message is closed', async () => {
    const socket = rawSocket();
    const closed = closeCode(socket);
    socket.on('open', () => socket.send('x'.repeat(200_000)));
    expect(await closed).toBe(1009);
  });

  test('beyond the limit is not accepted, and one operation too many is refused', async () => {
    const client = clientOf(ada);
    const variables = { id: globalId('Meter', 10) };
    const streams = Array.from({ length: subscriptionsPerConnectionMax }, () =>
      client.iterate({ query: consumption, variables }),
    );
    await Promise.all(streams.map((stream) => take(stream, 1)));
    const more = client.iterate({ query: consumption, variables });
    await expect(take(more, 1)).rejects.toMatchObject([
      { extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } },
    ]);
    await client.dispose();
    await expect.poll(() => world.tail.watcherCount()).toBe(0);
    const sockets = Array.from({ length: 20 }, () => rawSocket());
    await Promise.all(
      sockets.map(
        (socket) =>
          new Promise((resolve) => {
            socket.on('open', resolve);
          }),
      ),
    );
    expect(await closeCode(rawSocket())).toBe(1006);
    for (const socket of sockets) socket.terminate();
  });
});

test('a restart tells its clients so with 1012, and does not wait for a dead one', async () => {
  const own = await openWorld('restart');
  const url = `${own.base.replace('http', 'ws')}/graphql`;
  const [alive, dead] = [0, 1].map(() => new WebSocket(url, 'graphql-transport-ws'));
  if (alive === undefined || dead === undefined) throw new Error('two sockets were made');
  await Promise.all(
    [alive, dead].map(
      (socket) =>
        new Promise((resolve) => {
          socket.on('open', resolve);
        }),
    ),
  );
  dead.pause();
  const closed = closeCode(alive);
  await own.close();
  expect(await closed).toBe(1012);
  dead.terminate();
});

describe('over server-sent events', () => {
  test('a partner brings no document of its own', async () => {
    const partner = { ...ada, persistedOnly: true };
    const variables = { id: globalId('Meter', 10) };
    const accept = { accept: 'text/event-stream' };
    expect(await world.post(partner, { query: consumption, variables }, accept)).toMatchObject({
      status: 403,
      body: { errors: [{ extensions: { code: 'PERSISTED_OPERATION_REQUIRED' } }] },
    });
  });

  test('the same stream flows, unbuffered, and its end leaves no watcher', async () => {
    const controller = new AbortController();
    const response = await fetch(`${world.base}/graphql`, {
      method: 'POST',
      signal: controller.signal,
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${await tokenOf(ada)}`,
      },
      body: JSON.stringify({ query: consumption, variables: { id: globalId('Meter', 10) } }),
    });
    expect(response.headers.get('content-type')).toMatch('text/event-stream');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    let text = '';
    const decoder = new TextDecoder();
    let isAppended = false;
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes('MeterSnapshot') && !isAppended) {
        isAppended = true;
        await world.append(rated({ registerWh: [31_337n] }));
      }
      if (text.includes('31337') && text.includes('StreamProgress')) break;
    }
    controller.abort();
    expect(text).toMatch(/event: next\ndata: .*MeterSnapshot/);
    await expect.poll(() => world.tail.watcherCount()).toBe(0);
  });
});
