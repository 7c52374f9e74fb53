import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { graphql } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/domain/access/viewer.ts';
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
