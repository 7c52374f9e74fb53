import { generateKeyPairSync } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Transaction } from '../../../src/db/connect.ts';
import { insertKeypad } from '../../../src/db/keypads.ts';
import { insertCall } from '../../../src/db/providerCalls.ts';
import { derivedId } from '../../../src/operations/derivedId.ts';
import { providerCalls, tokens } from '../../../src/operations/doctor/providers.ts';
import { openPayments } from '../payments/paymentGround.ts';
import type { PaymentGround } from '../payments/paymentGround.ts';
import { startMs } from '../smallFleet.ts';

const hourMs = 3_600_000;
let ground: PaymentGround;
let owner: postgres.Sql<{ bigint: bigint }>;
let meterId = 0;

function callId(breach: number): string {
  return derivedId('test_call', String(breach));
}

function charge(tx: Transaction, breach: number) {
  const { companyId } = ground.fleet;
  const of = { companyId, channelId: ground.channelId, accountId: ground.account('A-1') };
  const times = { askedAtMs: startMs, nextTryAtMs: startMs };
  const what = { kind: 'charge', instrument: 'pm_1', localDay: 0, currency: 'EUR' } as const;
  const amountMicros = 1_000_000n;
  return insertCall(tx, { id: callId(breach), ...of, ...times, ...what, breach, amountMicros });
}

beforeAll(async () => {
  ground = await openPayments('doctor_providers');
  owner = postgres(ground.url, {
    max: 1,
    onnotice: () => {},
    types: { bigint: postgres.BigInt },
  });
  meterId = ground.fleet.meters.get('JB000001') ?? 0;
  await insertKeypad(ground.writer.sql, {
    meterId,
    companyId: ground.fleet.companyId,
    startingCode: 1,
    sealedKey: generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }),
    tokenCount: 1,
    digits: 9,
    currency: 'EUR',
    unitMicros: 1_000_000n,
    carriedMicros: 0n,
  });
  await ground.hear({});
  await ground.writer.sql.begin((tx) => charge(tx, 1));
});
afterAll(async () => {
  await owner.end();
  await ground.close();
});

async function lookIn(tx: Transaction, nowMs: number): Promise<string[]> {
  const found: string[] = [];
  for (const check of [tokens, providerCalls]) {
    const context = { tx, nowMs, onProgress: () => {} };
    for await (const { code, subject } of check.find(context)) found.push(`${code} ${subject}`);
  }
  return found;
}

class Undone extends Error {}

/** As the owner with the triggers off, looked at and taken back. */
async function plant(damage: (tx: Transaction) => Promise<unknown>, nowMs = startMs) {
  let found: readonly string[] = [];
  await owner
    .begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await damage(tx);
      found = await lookIn(tx, nowMs);
      throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
  return found;
}

describe('tokens and calls of providers', () => {
  test('that are sound have no finding', async () => {
    const [issue] = await ground.writer.sql`select value from token_issue`;
    expect(issue).toEqual({ value: 20 });
    expect(await plant(() => Promise.resolve())).toEqual([]);
  });

  test('a count that was set back, or a token that nobody paid for, is found', async () => {
    expect(await plant((tx) => tx`update token_device set token_count = 1`)).toEqual([
      `TOKEN_COUNT_BEHIND meter/${meterId}`,
    ]);
    expect(await plant((tx) => tx`delete from payment_step`)).toEqual([
      `TOKEN_WITHOUT_PAYMENT meter/${meterId}`,
    ]);
  });

  test('a call that nobody makes, or a second charge at once, is found', async () => {
    expect(await plant(() => Promise.resolve(), startMs + hourMs)).toEqual([
      `PROVIDER_CALL_OVERDUE provider_call/${callId(1)}`,
    ]);
    const found = await plant((tx) => charge(tx, 2));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^TOP_UP_TWICE provider_call\//);
  });
});
