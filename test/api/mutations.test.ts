import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { persistedOperationId } from '../../src/operations/registerPersistedOperation.ts';
import { flatTariff, globalId, openWorld, tokenOf, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
const ada = viewerOf('subscriber', { account: 100 });
const operator = viewerOf('operator');
const administrator = viewerOf('administrator');
const developer = viewerOf('developer');

beforeAll(async () => {
  world = await openWorld('mutations');
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

let keys = 0;
let idempotencyKey = '';
beforeEach(() => {
  keys += 1;
  idempotencyKey = `00000000-0000-4000-8000-${keys.toString().padStart(12, '0')}`;
});

const failure = '... on UserError { __typename code message path retryable }';

async function totals(): Promise<unknown> {
  const [row] = await world.writer.sql`
    select (select sum(balance_micros) from account_balance)::text as balances,
           (select count(*)::int4 from transfer) as transfers,
           (select count(*)::int4 from command) as commands,
           (select count(*)::int4 from tariff_version) as versions`;
  return row;
}

describe('topUp', () => {
  const query = `mutation ($input: TopUpInput!) { topUp(input: $input) { ${failure}
    ... on TopUpPayload { isReplay balance { amount currency } account { balance { amount } }
      transfer { amount { amount } code } } } }`;
  const inputOf = (changed: object) => ({
    input: {
      idempotencyKey,
      accountId: globalId('Account', 100),
      amount: '12.50',
      currency: 'EUR',
      ...changed,
    },
  });

  test('credits the account once, and the same request again is a replay', async () => {
    const before = await world.post(ada, {
      query: '{ viewer { account { balance { amount } } } }',
    });
    expect(before.body).toMatchObject({
      data: { viewer: { account: { balance: { amount: '5.00' } } } },
    });
    const payload = {
      balance: { amount: '17.50', currency: 'EUR' },
      account: { balance: { amount: '17.50' } },
      transfer: { amount: { amount: '12.50' }, code: 'TOP_UP' },
    };
    for (const isReplay of [false, true]) {
      const { body } = await world.post(ada, { query, variables: inputOf({}) });
      expect(body).toEqual({ data: { topUp: { ...payload, isReplay } } });
    }
    const other = await world.post(ada, { query, variables: inputOf({ amount: '13.00' }) });
    expect(other.body).toMatchObject({
      data: { topUp: { __typename: 'ConflictError', code: 'IDEMPOTENCY_KEY_REUSED' } },
    });
  });

  const bad: [string, object, string, string][] = [
    ['zero', { amount: '0' }, 'InvalidInputError', 'AMOUNT_NOT_POSITIVE'],
    ['a negative amount', { amount: '-1.00' }, 'InvalidInputError', 'AMOUNT_NOT_POSITIVE'],
    ['ten decimals', { amount: '1.0000000001' }, 'InvalidInputError', 'AMOUNT_TOO_PRECISE'],
    ['another currency', { currency: 'USD' }, 'InvalidInputError', 'CURRENCY_MISMATCH'],
    ['no currency', { currency: 'ABC' }, 'InvalidInputError', 'CURRENCY_UNKNOWN'],
    ['a neighbour', { accountId: globalId('Account', 101) }, 'NotFoundError', 'ACCOUNT_NOT_FOUND'],
    [
      'another company',
      { accountId: globalId('Account', 200) },
      'NotFoundError',
      'ACCOUNT_NOT_FOUND',
    ],
  ];
  test.each(bad)(
    'of %s is a typed error and changes nothing',
    async (_name, changed, type, code) => {
      const before = await totals();
      const { status, body } = await world.post(ada, { query, variables: inputOf(changed) });
      expect(status).toBe(200);
      expect(body).toMatchObject({ data: { topUp: { __typename: type, code, retryable: false } } });
      expect(await totals()).toEqual(before);
    },
  );

  test('a number in the place of a decimal is refused before anything happens', async () => {
    const { body } = await world.post(ada, { query, variables: inputOf({ amount: 12.5 }) });
    expect(body).toMatchObject({ errors: [{ extensions: { code: 'DECIMAL_MALFORMED' } }] });
  });
});

describe('requestDisconnect', () => {
  const query = `mutation ($input: RequestCommandInput!) { requestDisconnect(input: $input) {
    ${failure}
    ... on RequestCommandPayload { isReplay command { id state kind meter { serial } } } } }`;
  const inputOf = (meter: number) => ({
    input: { idempotencyKey, meterId: globalId('Meter', meter), reason: 'test' },
  });

  test('makes one command that can be found again', async () => {
    const { body } = await world.post(operator, { query, variables: inputOf(10) });
    const command = { state: 'REQUESTED', kind: 'DISCONNECT', meter: { serial: 'M10' } };
    expect(body).toMatchObject({ data: { requestDisconnect: { isReplay: false, command } } });
    const again = await world.post(operator, { query, variables: inputOf(10) });
    expect(again.body).toMatchObject({ data: { requestDisconnect: { isReplay: true, command } } });
  });

  test('while one is open is a conflict that passes', async () => {
    const { body } = await world.post(operator, { query, variables: inputOf(10) });
    expect(body).toMatchObject({
      data: {
        requestDisconnect: { __typename: 'ConflictError', code: 'COMMAND_OPEN', retryable: true },
      },
    });
  });

  test('without a reason says where one is missing', async () => {
    const { input } = inputOf(10);
    const variables = { input: { ...input, reason: ' ' } };
    const { body } = await world.post(operator, { query, variables });
    const refused = { code: 'REASON_MISSING', path: ['input', 'reason'], retryable: false };
    expect(body).toMatchObject({
      data: { requestDisconnect: { __typename: 'InvalidInputError', ...refused } },
    });
  });

  test('of a foreign meter, and of one without a contactor, changes nothing', async () => {
    const before = await totals();
    const foreign = await world.post(operator, { query, variables: inputOf(20) });
    expect(foreign.body).toMatchObject({
      data: { requestDisconnect: { code: 'METER_NOT_FOUND' } },
    });
    const fixed = await world.post(operator, { query, variables: inputOf(12) });
    expect(fixed.body).toMatchObject({ data: { requestDisconnect: { code: 'NO_CONTACTOR' } } });
    const own = await world.post(ada, { query, variables: inputOf(10) });
    const forbidden = { extensions: { code: 'FORBIDDEN' } };
    const message = expect.stringContaining('operator or administrator');
    expect(own.body).toMatchObject({ errors: [{ ...forbidden, message }] });
    expect(await totals()).toEqual(before);
  });
});

describe('publishTariff', () => {
  const query = `mutation ($input: PublishTariffInput!) { publishTariff(input: $input) {
    ${failure} ... on PublishTariffPayload { isReplay tariffVersion { validFrom document } } } }`;
  const inputOf = (changed: object) => ({
    input: {
      idempotencyKey,
      tariffId: globalId('Tariff', 1),
      validFrom: '2027-01-01T00:00:00Z',
      document: flatTariff,
      ...changed,
    },
  });

  test('adds a version from an instant on, its document as it was sent', async () => {
    const { body } = await world.post(administrator, { query, variables: inputOf({}) });
    expect(body).toEqual({
      data: {
        publishTariff: {
          isReplay: false,
          tariffVersion: { validFrom: '2027-01-01T00:00:00.000Z', document: flatTariff },
        },
      },
    });
  });

  test('that is malformed says where, and publishes nothing', async () => {
    const before = await totals();
    const document = {
      ...flatTariff,
      components: [{ ...flatTariff.components[0], prices: { any: 'x' } }],
    };
    const { body } = await world.post(administrator, { query, variables: inputOf({ document }) });
    expect(body).toMatchObject({
      data: {
        publishTariff: {
          __typename: 'InvalidInputError',
          path: ['input', 'document', 'components', '0', 'prices', 'any'],
        },
      },
    });
    expect(await totals()).toEqual(before);
  });
});

describe('recordPrices', () => {
  const query = `mutation ($input: RecordPricesInput!) { recordPrices(input: $input) {
    ${failure} ... on RecordPricesPayload { isReplay recorded metersToRate } } }`;
  const series = { name: 'day-ahead', currency: 'EUR', unit: 'MWH', step: 'PT15M' };
  const points = [
    { start: '2026-03-29T03:15:00+02:00', price: '-4.2' },
    { start: '2026-03-29T01:00:00Z', price: '81.37' },
    { start: '2026-03-29T01:30:00Z', price: null },
  ];
  const send = async (changed: object, viewer = administrator) => {
    const input = { idempotencyKey, series, points, ...changed };
    const { body } = await world.post(viewer, { query, variables: { input } });
    return body;
  };
  const stored = () => world.writer.sql`
    select p.starts_at as at, p.price_e8 as price from price_point p order by p.id`;

  test('adds what is new of it, and the same request again is a replay', async () => {
    for (const isReplay of [false, true]) {
      const recorded = { isReplay, recorded: 2, metersToRate: 0 };
      expect(await send({})).toEqual({ data: { recordPrices: recorded } });
    }
    // A MWh at 81.37 and -4.2, at 10^-8 a kWh; that none is known was known.
    expect([...(await stored())]).toEqual([
      { at: new Date('2026-03-29T01:00:00Z'), price: 8_137_000n },
      { at: new Date('2026-03-29T01:15:00Z'), price: -420_000n },
    ]);
  });

  test.each([
    [
      { series: { ...series, step: 'PT60M' } },
      'InvalidInputError',
      'PRICE_OFF_GRID',
      'points.0.start',
    ],
    [{ series: { ...series, unit: 'KWH' } }, 'ConflictError', 'SERIES_CONFLICT', 'series'],
    [{ points: [] }, 'InvalidInputError', 'PRICES_EMPTY', 'points'],
  ])('%j is refused with its place', async (changed, __typename, code, path) => {
    const before = [...(await stored())];
    expect(await send(changed)).toMatchObject({
      data: { recordPrices: { __typename, code, path: ['input', ...path.split('.')] } },
    });
    expect([...(await stored())]).toEqual(before);
  });

  test('is for administrators and developers', async () => {
    const code = 'FORBIDDEN';
    expect(await send({}, operator)).toMatchObject({ errors: [{ extensions: { code } }] });
  });
});

describe('persisted operations over HTTP', () => {
  const partner = { ...ada, persistedOnly: true };
  const document = 'query Balance { viewer { account { number } } }';
  const id = persistedOperationId(document);
  const answer = { data: { viewer: { account: { number: 'A100' } } } };
  const register = `mutation ($input: RegisterPersistedOperationInput!) {
    registerPersistedOperation(input: $input) { ${failure}
      ... on RegisterPersistedOperationPayload { documentId isReplay } } }`;

  test('a document is registered once, and one that does not fit the schema never', async () => {
    const variables = { input: { name: 'Balance', document } };
    for (const isReplay of [false, true]) {
      const { body } = await world.post(developer, { query: register, variables });
      expect(body).toEqual({ data: { registerPersistedOperation: { documentId: id, isReplay } } });
    }
    const bad = { input: { name: 'Bad', document: '{ nonsense }' } };
    const { body } = await world.post(developer, { query: register, variables: bad });
    expect(body).toMatchObject({
      data: { registerPersistedOperation: { code: 'DOCUMENT_INVALID' } },
    });
  });

  test('a partner runs it by either spelling of its id, by POST and GET', async () => {
    expect((await world.post(partner, { documentId: id })).body).toEqual(answer);
    const persistedQuery = { version: 1, sha256Hash: id.slice('sha256:'.length) };
    expect((await world.post(partner, { extensions: { persistedQuery } })).body).toEqual(answer);
    expect((await world.post(partner, { documentId: id, query: document })).body).toEqual(answer);
    const headers = { authorization: `Bearer ${await tokenOf(partner)}` };
    for (const search of [
      new URLSearchParams({ documentId: id }),
      new URLSearchParams({ extensions: JSON.stringify({ persistedQuery }) }),
    ]) {
      const got = await fetch(`${world.base}/graphql?${search}`, { headers });
      expect(await got.json()).toEqual(answer);
    }
  });

  const query = '{ viewer { role } }';
  const refused: [string, unknown, number, string][] = [
    ['a document of its own', { query }, 403, 'PERSISTED_OPERATION_REQUIRED'],
    [
      'an unknown id',
      { documentId: `sha256:${'0'.repeat(64)}` },
      404,
      'PERSISTED_OPERATION_UNKNOWN',
    ],
    ['no id', { documentId: 'x' }, 404, 'PERSISTED_OPERATION_UNKNOWN'],
    [
      'another document beside a known id',
      { documentId: id, query },
      400,
      'PERSISTED_OPERATION_MISMATCH',
    ],
    ['a batch', [{ query }], 400, 'REQUEST_INVALID'],
    ['an id that is not text', { documentId: 7, query }, 400, 'REQUEST_INVALID'],
  ];
  test("another company's partner does not know it", async () => {
    const stranger = viewerOf('operator', { company: 2, persistedOnly: true });
    expect(await world.post(stranger, { documentId: id })).toMatchObject({
      status: 404,
      body: { errors: [{ extensions: { code: 'PERSISTED_OPERATION_UNKNOWN' } }] },
    });
  });

  test.each(refused)('a partner with %s is refused', async (_name, request, status, code) => {
    expect(await world.post(partner, request)).toMatchObject({
      status,
      body: { errors: [{ extensions: { code } }] },
    });
  });

  test('a partner cannot bring a document in the address either', async () => {
    const search = new URLSearchParams({ query });
    const headers = { authorization: `Bearer ${await tokenOf(partner)}` };
    expect((await fetch(`${world.base}/graphql?${search}`, { headers })).status).toBe(403);
    // The body decides; what the address of a POST says is not looked at.
    const response = await fetch(`${world.base}/graphql?${search}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ documentId: id }),
    });
    expect(await response.json()).toEqual(answer);
  });
});
