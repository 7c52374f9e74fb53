import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { graphql } from 'graphql';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { paymentIdOf } from '../../src/operations/payments/applyPaymentEvent.ts';
import { createContext, createServed } from '../../src/schema/context.ts';
import { schema } from '../../src/schema/schema.ts';
import { deviceKeysIn } from '../../src/signers/deviceKeys.ts';
import { startTail } from '../../src/stream/tail.ts';
import type { Tail } from '../../src/stream/tail.ts';
import { openPayments } from '../operations/payments/paymentGround.ts';
import type { PaymentGround } from '../operations/payments/paymentGround.ts';
import { globalId } from './world.ts';

let ground: PaymentGround;
let tail: Tail;
let data: string;
beforeAll(async () => {
  ground = await openPayments('apikeypad');
  data = mkdtempSync(path.join(tmpdir(), 'joulebook-api-'));
  tail = await startTail(ground.writer.sql, { pollMs: 1_000, onError: () => {} });
});
afterAll(async () => {
  await tail.close();
  await ground.close();
  rmSync(data, { recursive: true });
});

async function ask(viewer: Viewer, source: string, directory = data): Promise<unknown> {
  const deps = {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: () => {},
    tail,
    onError: () => {},
    streamProgressMs: 15_000,
    deviceKeys: deviceKeysIn(directory),
  };
  const contextValue = createContext(createServed(deps), { viewer, expiresAtMs: Infinity });
  const answer = await graphql({ schema, source, contextValue });
  return JSON.parse(JSON.stringify(answer));
}

const failure = '... on UserError { code }';

describe('keypads in the API', () => {
  test('a customer reads the token of a payment and of its receipt', async () => {
    const meterId = ground.fleet.meters.get('JB000001') ?? 0;
    // Source: EnAccess, OpenPAYGO-python, test/test_tokens.jsonl.
    const registered = `mutation { registerKeypad(input: { meterId: "${globalId('Meter', meterId)}",
      key: "bc41ec9530f6dac86b1a29ab82edc5fb", startingCode: 516959010, digits: 9,
      unitPrice: "1.00", currency: "EUR" }) {
      ... on RegisterKeypadPayload { isReplay meter { serial } } ${failure} } }`;
    expect(await ask(ground.viewer('operator'), registered)).toMatchObject({ data: null });
    expect(await ask(ground.viewer('administrator'), registered)).toEqual({
      data: { registerKeypad: { isReplay: false, meter: { serial: 'JB000001' } } },
    });
    await ground.hear({ totalMicros: 2_000_000n });
    const account = globalId('Account', ground.account('A-1'));
    const query = `{ account(id: "${account}") { payments(first: 1) { edges { node {
      token { digits code value count meter { serial } } receipts { token { digits } } } } } } }`;
    const payment = (token: object | null, receipt: object | null) => ({
      data: {
        account: { payments: { edges: [{ node: { token, receipts: [{ token: receipt }] } }] } },
      },
    });
    const told = { value: 2, count: 2, meter: { serial: 'JB000001' } };
    const customer = ground.viewer('subscriber', 'A-1');
    const digits = '639704012';
    expect(await ask(customer, query)).toEqual(
      payment({ ...told, digits, code: null }, { digits }),
    );
    expect(await ask(customer, query, '/nowhere')).toEqual(
      payment({ ...told, digits: null, code: 'DEVICE_KEYS_MISSING' }, { digits: null }),
    );
  });
});

describe('keypads without a payment in the API', () => {
  test('are listed for their customer and the company, and set by an administrator', async () => {
    const meter = globalId('Meter', ground.fleet.meters.get('JB000001') ?? 0);
    const account = globalId('Account', ground.account('A-1'));
    const fields = 'digits tokenCount isRemoved unitPrice { amount } carried { amount }';
    const own = `{ account(id: "${account}") { keypads { ${fields} meter { serial } } } }`;
    const keypad = {
      digits: 9,
      tokenCount: 2,
      isRemoved: false,
      unitPrice: { amount: '1.00' },
      carried: { amount: '0.00' },
    };
    const customer = ground.viewer('subscriber', 'A-1');
    expect(await ask(customer, own)).toEqual({
      data: { account: { keypads: [{ ...keypad, meter: { serial: 'JB000001' } }] } },
    });
    const all = `{ keypads(first: 5) { edges { node { ${fields} } } } }`;
    expect(await ask(ground.viewer('operator'), all)).toEqual({
      data: { keypads: { edges: [{ node: keypad }] } },
    });
    const set = `mutation { instructKeypad(input: {
      idempotencyKey: "00000000-0000-4000-8000-0000000000b1", meterId: "${meter}", kind: SET,
      value: 7, reason: "a new display" }) { ... on InstructKeypadPayload { isReplay
      token { kind value count digits code } } ${failure} } }`;
    const done = await ask(ground.viewer('administrator'), set);
    const token = { kind: 'SET', value: 7, count: 3, code: null };
    expect(done).toMatchObject({ data: { instructKeypad: { isReplay: false, token } } });
    expect(await ask(ground.viewer('operator'), set)).toMatchObject({ data: null });
  });

  test('an account with several is asked, and answers once', async () => {
    const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
    await owner`update agreement set account_id = ${ground.account('A-1')}
                where account_id = ${ground.account('A-2')}`;
    await owner.end();
    const meter = globalId('Meter', ground.fleet.meters.get('JB000002') ?? 0);
    const registered = `mutation { registerKeypad(input: { meterId: "${meter}",
      key: "dac86b1a29ab82edc5fbbc41ec9530f6", startingCode: 432435255, tokenCount: 10, digits: 9,
      unitPrice: "1.00", currency: "EUR" }) { ... on RegisterKeypadPayload { isReplay } } }`;
    await ask(ground.viewer('administrator'), registered);
    await ground.hear({ reference: 'pi_several', totalMicros: 1_000_000n });
    const paymentId = paymentIdOf({ channelId: ground.channelId, reference: 'pi_several' });
    const choose = `mutation { chooseKeypad(input: {
      paymentId: "${globalId('Payment', paymentId)}", meterId: "${meter}" }) {
      ... on ChooseKeypadPayload { isReplay payment { isKeypadOpen token { digits } } }
      ${failure} } }`;
    const customer = ground.viewer('subscriber', 'A-1');
    // The published token "add 1" of this device.
    const payment = { isKeypadOpen: false, token: { digits: '579194256' } };
    expect(await ask(ground.viewer('subscriber', 'A-3'), choose)).toEqual({
      data: { chooseKeypad: { code: 'KEYPAD_CHOICE_CLOSED' } },
    });
    expect(await ask(customer, choose)).toEqual({
      data: { chooseKeypad: { isReplay: false, payment } },
    });
    expect(await ask(customer, choose)).toEqual({
      data: { chooseKeypad: { isReplay: true, payment } },
    });
  });
});

describe('standing orders in the API', () => {
  test('are set, read and stopped by their customer', async () => {
    const customer = ground.viewer('subscriber', 'A-1');
    const account = globalId('Account', ground.account('A-1'));
    const channel = globalId('PaymentChannel', ground.channelId);
    const set = `mutation { setAutoTopUp(input: {
      idempotencyKey: "00000000-0000-4000-8000-0000000000a1", accountId: "${account}",
      channelId: "${channel}", instrument: "cus_1/pm_1", below: "5", amount: "20.00",
      dailyMax: "40.00" }) { ... on AutoTopUpPayload { isReplay account { autoTopUp {
      isActive pausedCode below { amount } amount { amount } dailyMax { amount currency }
      channel { name } } } } ${failure} } }`;
    const autoTopUp = {
      isActive: true,
      pausedCode: null,
      below: { amount: '5.00' },
      amount: { amount: '20.00' },
      dailyMax: { amount: '40.00', currency: 'EUR' },
      channel: { name: 'card' },
    };
    expect(await ask(customer, set)).toEqual({
      data: { setAutoTopUp: { isReplay: false, account: { autoTopUp } } },
    });
    expect(await ask(customer, set)).toMatchObject({ data: { setAutoTopUp: { isReplay: true } } });
    const stop = `mutation { stopAutoTopUp(input: { accountId: "${account}" }) {
      ... on AutoTopUpPayload { account { autoTopUp { isActive } } } ${failure} } }`;
    expect(await ask(ground.viewer('subscriber', 'A-2'), stop)).toEqual({
      data: { stopAutoTopUp: { code: 'AUTO_TOP_UP_NOT_SET' } },
    });
    expect(await ask(customer, stop)).toEqual({
      data: { stopAutoTopUp: { account: { autoTopUp: { isActive: false } } } },
    });
  });
});
