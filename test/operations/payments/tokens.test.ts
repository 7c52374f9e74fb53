import { mkdtempSync, readFileSync, rmSync, statSync, chmodSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asViewer } from '../../../src/db/viewer.ts';
import {
  applyPaymentEvent,
  paymentIdOf,
} from '../../../src/operations/payments/applyPaymentEvent.ts';
import { readToken } from '../../../src/operations/keypad/readToken.ts';
import { registerKeypad } from '../../../src/operations/keypad/registerKeypad.ts';
import type { RegisterKeypadInput } from '../../../src/operations/keypad/registerKeypad.ts';
import { deviceKeysFile, deviceKeysIn } from '../../../src/signers/deviceKeys.ts';
import { Fuse, SimulatedCrash, brittleSql, noCrash } from '../../simulate/faults.ts';
import { enter, newDevice } from '../../wire/openPaygoDevice.ts';
import { openPayments } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

const euro = 1_000_000n;
/** Source: EnAccess, OpenPAYGO-python, test/test_tokens.jsonl: the first and the second device. */
const first = {
  key: 'bc41ec9530f6dac86b1a29ab82edc5fb',
  startingCode: 516_959_010,
  tokenCount: 1,
};
const second = {
  key: 'dac86b1a29ab82edc5fbbc41ec9530f6',
  startingCode: 432_435_255,
  tokenCount: 10,
};

let ground: PaymentGround;
let data: string;
let next = 0;

beforeAll(async () => {
  ground = await openPayments('tokens');
  data = mkdtempSync(path.join(tmpdir(), 'joulebook-keys-'));
});
afterAll(async () => {
  rmSync(data, { recursive: true });
  await ground.close();
});

async function meterOf(account: string): Promise<number> {
  const [row] = await ground.writer.sql<{ id: number }[]>`
    select m.id from meter m join agreement g on g.service_point_id = m.service_point_id
    where g.account_id = ${ground.account(account)}`;
  return row?.id ?? 0;
}

async function register(account: string, part: Partial<RegisterKeypadInput> = {}) {
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => {} };
  return registerKeypad({ ...deps, keysOf: deviceKeysIn(data) }, ground.viewer('administrator'), {
    meterId: await meterOf(account),
    ...first,
    digits: 9,
    unitPrice: '1.00',
    currency: 'EUR',
    ...part,
  });
}

/** A payment under a reference of its own; its id. */
async function pay(account: string, amountMicros: bigint): Promise<string> {
  next += 1;
  const reference = `pi_token_${next}`;
  const accountId = ground.account(account);
  await ground.hear({ reference, accountId, totalMicros: amountMicros });
  return paymentIdOf({ channelId: ground.channelId, reference });
}

function show(paymentId: string, account = 'A-1') {
  const viewer = ground.viewer('subscriber', account);
  return asViewer(ground.api.sql, viewer, (tx) => readToken(tx, paymentId, deviceKeysIn(data)));
}

async function device(account: string) {
  const [row] = await ground.writer.sql<{ count: number; carried: bigint }[]>`
    select token_count as count, carried_micros as carried from token_device
    where meter_id = ${await meterOf(account)}`;
  return row;
}

describe('tokens of payments (003.14)', () => {
  test('2.00 at 1.00 a unit are the published token "add 2" of their device', async () => {
    expect(await register('A-1')).toMatchObject({ ok: true, value: { isReplay: false } });
    const paymentId = await pay('A-1', 2n * euro);
    const shown = await show(paymentId);
    expect(shown).toMatchObject({
      ok: true,
      value: { digits: '639704012', tokenCount: 2, value: 2 },
    });
    expect(await register('A-2', second)).toMatchObject({ ok: true });
    const other = await pay('A-2', euro);
    expect(await show(other, 'A-2')).toMatchObject({
      value: { digits: '579194256', tokenCount: 12, value: 1, serial: 'JB000002' },
    });
    const [receipt] = await ground.writer.sql<{ token: object }[]>`
      select document->'token' as token from payment_receipt where payment_id = ${paymentId}::uuid`;
    expect(receipt?.token).toEqual({ meterId: await meterOf('A-1'), count: 2, value: 2 });
  });

  test('the same word again gives the same token, and the count stays', async () => {
    const event = ground.event({ reference: 'pi_again', eventId: 'evt_again' });
    const hear = () =>
      asViewer(ground.api.sql, ground.viewer('operator'), (tx) => applyPaymentEvent(tx, event));
    await hear();
    const paymentId = paymentIdOf({ channelId: ground.channelId, reference: 'pi_again' });
    const told = await show(paymentId);
    const before = await device('A-1');
    expect(await hear()).toMatchObject({ value: { isReplay: true } });
    await pay('A-1', euro);
    expect(await show(paymentId)).toEqual(told);
    expect(told).toMatchObject({ value: { tokenCount: 4, value: 20 } });
    expect(before?.count).toBe(4);
    expect((await device('A-1'))?.count).toBe(6);
  });

  test('what is less than a unit, or more than a token holds, is carried', async () => {
    const none = await pay('A-1', 400_000n);
    expect(await show(none)).toMatchObject({
      code: 'TOKEN_NOT_ISSUED',
      message: expect.stringContaining('less than a unit'),
    });
    expect((await device('A-1'))?.carried).toBe(400_000n);
    expect(await show(await pay('A-1', 600_000n))).toMatchObject({ value: { value: 1 } });
    expect((await device('A-1'))?.carried).toBe(0n);
    expect(await show(await pay('A-1', 1_000n * euro))).toMatchObject({ value: { value: 995 } });
    expect((await device('A-1'))?.carried).toBe(5n * euro);
    expect(await show(await pay('A-1', 1n * euro))).toMatchObject({ value: { value: 6 } });
  });

  test('money that goes back is less for the next token, as the given one is out', async () => {
    const paymentId = await pay('A-1', 10n * euro);
    const { reference } = await referenceOf(paymentId);
    await ground.hear({ reference, kind: 'refunded', totalMicros: 4n * euro });
    expect((await device('A-1'))?.carried).toBe(-4n * euro);
    expect(await show(await pay('A-1', 3n * euro))).toMatchObject({
      code: 'TOKEN_NOT_ISSUED',
      message: expect.stringContaining('less than a unit'),
    });
    expect(await show(await pay('A-1', 3n * euro))).toMatchObject({ value: { value: 2 } });
  });

  test('money that goes back of a payment without a token is carried no more', async () => {
    const before = (await device('A-2'))?.carried ?? 0n;
    for (let round = 0; round < 2; round += 1) {
      const paymentId = await pay('A-2', 900_000n);
      expect(await show(paymentId, 'A-2')).toMatchObject({ code: 'TOKEN_NOT_ISSUED' });
      const { reference } = await referenceOf(paymentId);
      const accountId = ground.account('A-2');
      const refund = { reference, accountId, kind: 'refunded', totalMicros: 900_000n } as const;
      expect(await ground.hear(refund)).toMatchObject({ ok: true });
      expect((await device('A-2'))?.carried).toBe(before);
    }
    expect(await show(await pay('A-2', 200_000n), 'A-2')).toMatchObject({
      code: 'TOKEN_NOT_ISSUED',
    });
  });

  test('a dispute takes what is no debt off the next tokens, and gives it back', async () => {
    const before = (await device('A-2'))?.carried ?? 0n;
    const paymentId = await pay('A-2', 20n * euro);
    const { reference } = await referenceOf(paymentId);
    const balance = await ground.balance('A-2');
    await ground.spend('A-2', balance - 2n * euro);
    const accountId = ground.account('A-2');
    const dispute = { reference, accountId, part: 'dp_token', totalMicros: 20n * euro };
    expect(await ground.hear({ ...dispute, kind: 'disputed' })).toMatchObject({ ok: true });
    // 18.00 are a debt, which is paid off without units; 2.00 had bought units and are gone.
    expect((await device('A-2'))?.carried).toBe(before - 2n * euro);
    expect(await ground.hear({ ...dispute, kind: 'dispute_won' })).toMatchObject({ ok: true });
    expect((await device('A-2'))?.carried).toBe(before);
  });

  test('twenty payments at once are twenty tokens that their device takes, each once', async () => {
    const before = (await device('A-1'))?.count ?? 0;
    const paid = await Promise.all(Array.from({ length: 20 }, () => pay('A-1', 2n * euro)));
    const far = newDevice(Buffer.from(first.key, 'hex'), first.startingCode);
    far.lastCount = before;
    const shown = await Promise.all(paid.map((paymentId) => show(paymentId)));
    const tokens = shown.flatMap((each) => (each.ok ? [each.value] : []));
    for (const { digits } of tokens.toSorted((left, right) => left.tokenCount - right.tokenCount)) {
      expect(enter(far, digits)).toBe('added');
      expect(enter(far, digits)).toBe('used');
    }
    expect(far.days).toBe(40);
    expect((await device('A-1'))?.count).toBe(before + 40);
  });

  test('a crash between any two awaits leaves one token of one payment', async () => {
    for (let atAwait = 10; ; atAwait += 1) {
      const reference = `pi_dies_${atAwait}`;
      const event = ground.event({ reference, eventId: `evt_dies_${atAwait}` });
      const viewer = ground.viewer('operator');
      const before = (await device('A-1'))?.count ?? 0;
      const fuse = new Fuse({ ...noCrash, atAwait });
      const sql = brittleSql(ground.api.sql, fuse, async () => {});
      try {
        await asViewer(sql, viewer, (tx) => applyPaymentEvent(tx, event));
        break;
      } catch (error) {
        if (!(error instanceof SimulatedCrash)) throw error;
      }
      await ground.hear(event);
      expect((await device('A-1'))?.count).toBe(before + 2);
      const paymentId = paymentIdOf({ channelId: ground.channelId, reference });
      expect(await show(paymentId)).toMatchObject({ value: { tokenCount: before + 2 } });
    }
  });

  test('a payment that is older than its keypad says so, not that there is none', async () => {
    const paymentId = await pay('A-3', euro);
    expect(await register('A-3', { ...first, startingCode: 99 })).toMatchObject({ ok: true });
    expect(await show(paymentId, 'A-3')).toMatchObject({
      code: 'TOKEN_NOT_ISSUED',
      message: expect.stringContaining('when it was paid'),
    });
  });

  test('nobody else sees a token', async () => {
    const paymentId = await pay('A-1', euro);
    expect(await show(paymentId, 'A-2')).toMatchObject({ code: 'TOKEN_NOT_ISSUED' });
  });
});

async function referenceOf(paymentId: string): Promise<{ reference: string }> {
  const [row] = await ground.writer.sql<{ reference: string }[]>`
    select reference from payment where id = ${paymentId}::uuid`;
  if (row === undefined) throw new Error('no such payment');
  return row;
}

describe('keys of devices', () => {
  test('are in no row and no audit in clear, and open under their own key alone', async () => {
    const [row] = await ground.writer.sql<{ sealed: Buffer; all: string }[]>`
      select d.sealed_key as sealed,
             (select string_agg(a::text, '') from audit_entry a)
               || (select string_agg(x::text, '') from token_device x) as all
      from token_device d where d.meter_id = ${await meterOf('A-1')}`;
    const clear = Buffer.from(first.key, 'hex');
    expect(row?.sealed.includes(clear)).toBe(false);
    expect(row?.all.includes(first.key)).toBe(false);
    const sealed = row?.sealed ?? Buffer.alloc(0);
    const owner = { companyId: ground.fleet.companyId, meterId: await meterOf('A-1') };
    const keys = deviceKeysIn(data)(false);
    if (!keys.ok) throw new Error(keys.message);
    expect(keys.value.open(sealed, owner)).toMatchObject({ ok: true, value: clear });
    const strange = { ...owner, meterId: await meterOf('A-2') };
    expect(keys.value.open(sealed, strange)).toMatchObject({ code: 'DEVICE_KEY_ALTERED' });
    const bent = Buffer.from(sealed);
    bent[bent.length - 1] ^= 1;
    expect(keys.value.open(bent, owner)).toMatchObject({ code: 'DEVICE_KEY_ALTERED' });
    const elsewhere = mkdtempSync(path.join(tmpdir(), 'joulebook-keys-'));
    const others = deviceKeysIn(elsewhere)(true);
    expect(others.ok && others.value.open(sealed, owner)).toMatchObject({
      code: 'DEVICE_KEY_SEALED_ELSEWHERE',
    });
    rmSync(elsewhere, { recursive: true });
  });

  test('the file is private, and one that others read, or no key at all, is refused', () => {
    const file = path.join(data, deviceKeysFile);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o640);
    expect(deviceKeysIn(data)(false)).toMatchObject({ code: 'DEVICE_KEYS_EXPOSED' });
    chmodSync(file, 0o600);
    expect(deviceKeysIn('/nowhere')(false)).toMatchObject({ code: 'DEVICE_KEYS_MISSING' });
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.slice(1));
    expect(deviceKeysIn(data)(false)).toMatchObject({ code: 'DEVICE_KEYS_MALFORMED' });
    writeFileSync(file, text);
  });

  test('a device is registered once; said again, its price may be another', async () => {
    const now = (await device('A-1'))?.count;
    expect(await register('A-1')).toMatchObject({ value: { isReplay: true } });
    expect(await register('A-1', { unitPrice: '2.00' })).toMatchObject({
      value: { isReplay: false },
    });
    expect(await register('A-1', { key: second.key })).toMatchObject({ code: 'KEYPAD_EXISTS' });
    expect((await device('A-1'))?.count).toBe(now);
    const wrong = [
      [{ key: 'zz' }, 'DEVICE_KEY_MALFORMED'],
      [{ startingCode: 1_000_000_000 }, 'STARTING_CODE_MALFORMED'],
      [{ tokenCount: -1 }, 'TOKEN_COUNT_MALFORMED'],
      [{ digits: 10 }, 'TOKEN_DIGITS_UNSUPPORTED'],
      [{ unitPrice: '0' }, 'AMOUNT_NOT_POSITIVE'],
      [{ meterId: 999_999 }, 'METER_NOT_FOUND'],
    ] as const;
    for (const [part, code] of wrong) expect(await register('A-1', part)).toMatchObject({ code });
  });
});

test('the doctor finds nothing wrong in all of it', async () => {
  expect(await ground.findings()).toEqual([]);
});
