import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listKeypads } from '../../../src/db/keypads.ts';
import { asViewer } from '../../../src/db/viewer.ts';
import type { Viewer } from '../../../src/domain/access/viewer.ts';
import { exchangeMeter } from '../../../src/operations/exchangeMeter.ts';
import { chooseKeypad } from '../../../src/operations/keypad/chooseKeypad.ts';
import { instructKeypad } from '../../../src/operations/keypad/instructKeypad.ts';
import type { InstructKeypadInput } from '../../../src/operations/keypad/instructKeypad.ts';
import { readCountedToken, readToken } from '../../../src/operations/keypad/readToken.ts';
import { registerKeypad } from '../../../src/operations/keypad/registerKeypad.ts';
import { paymentIdOf } from '../../../src/operations/payments/applyPaymentEvent.ts';
import { topUp } from '../../../src/operations/topUp.ts';
import { deviceKeysIn } from '../../../src/signers/deviceKeys.ts';
import { enter, newDevice } from '../../wire/openPaygoDevice.ts';
import { openPayments } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

const euro = 1_000_000n;
/** Source: EnAccess, OpenPAYGO-python, test/test_tokens.jsonl. */
const key = 'bc41ec9530f6dac86b1a29ab82edc5fb';
const startingCode = 516_959_010;

let ground: PaymentGround;
let data: string;
let next = 0;
beforeAll(async () => {
  ground = await openPayments('keypads');
  data = mkdtempSync(path.join(tmpdir(), 'joulebook-keypads-'));
  // A-1 has the places of A-2, too.
  const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  await owner`update agreement set account_id = ${ground.account('A-1')}
              where account_id = ${ground.account('A-2')}`;
  await owner.end();
});
afterAll(async () => {
  rmSync(data, { recursive: true });
  await ground.close();
});

const deps = () => ({ sql: ground.api.sql, clock: ground.clock, wake: () => undefined });

async function meterOf(serial: string): Promise<number> {
  const [row] = await ground.writer.sql<{ id: number }[]>`
    select id from meter where serial = ${serial}`;
  return row?.id ?? 0;
}

async function register(serial: string, digits = 9): Promise<number> {
  const meterId = await meterOf(serial);
  const keysOf = deviceKeysIn(data);
  const device = { key, startingCode, tokenCount: 1, digits, unitPrice: '1.00', currency: 'EUR' };
  const asked = { meterId, ...device };
  const done = await registerKeypad({ ...deps(), keysOf }, ground.viewer('administrator'), asked);
  if (!done.ok) throw new Error(done.message);
  return meterId;
}

async function pay(account: string, amountMicros: bigint) {
  next += 1;
  const reference = `pi_keypad_${next}`;
  const accountId = ground.account(account);
  const atMs = ground.clock.nowMs();
  const times = { occurredAtMs: atMs, receivedAtMs: atMs };
  await ground.hear({ reference, accountId, totalMicros: amountMicros, ...times });
  return { reference, id: paymentIdOf({ channelId: ground.channelId, reference }) };
}

function show(paymentId: string, account = 'A-1') {
  const viewer = ground.viewer('subscriber', account);
  return asViewer(ground.api.sql, viewer, (tx) => readToken(tx, paymentId, deviceKeysIn(data)));
}

function choose(paymentId: string, meterId: number, viewer: Viewer = ground.viewer('operator')) {
  return chooseKeypad(deps(), viewer, { paymentId, meterId });
}

async function keypads(account: string) {
  const viewer = ground.viewer('subscriber', account);
  const of = { accountId: ground.account(account), atMs: ground.clock.nowMs() };
  const found = await asViewer(ground.api.sql, viewer, (tx) => listKeypads(tx, of));
  return found.map(({ serial, carriedMicros, tokenCount, isRemoved }) => {
    return { serial, carried: carriedMicros, count: tokenCount, isRemoved };
  });
}

describe('an account with several keypads', () => {
  test('says for which one it paid, and has its token then, once', async () => {
    const first = await register('JB000001');
    const second = await register('JB000002');
    const { id } = await pay('A-1', 2n * euro);
    expect(await show(id)).toMatchObject({
      code: 'TOKEN_NOT_ISSUED',
      message: expect.stringContaining('Say for which it was'),
    });
    const customer = ground.viewer('subscriber', 'A-1');
    expect(await choose(id, second, ground.viewer('subscriber', 'A-3'))).toMatchObject({
      code: 'KEYPAD_CHOICE_CLOSED',
    });
    expect(await choose(id, await meterOf('JB000003'))).toMatchObject({ code: 'KEYPAD_UNKNOWN' });
    expect(await choose(id, second, customer)).toMatchObject({
      ok: true,
      value: { hasToken: true, isReplay: false },
    });
    // The published token "add 2" of this device.
    expect(await show(id)).toMatchObject({ value: { digits: '639704012', serial: 'JB000002' } });
    expect(await choose(id, second)).toMatchObject({ ok: true, value: { isReplay: true } });
    expect(await choose(id, first)).toMatchObject({ code: 'KEYPAD_CHOSEN' });
    expect(await keypads('A-1')).toEqual([
      { serial: 'JB000001', carried: 0n, count: 1, isRemoved: false },
      { serial: 'JB000002', carried: 0n, count: 2, isRemoved: false },
    ]);
    const [audited] = await ground.writer.sql`
      select actor, after->>'amountMicros' as amount from audit_entry
      where action = 'keypad.choose'`;
    expect(audited).toEqual({ actor: 'subscriber:A-1', amount: '2000000' });
  });

  test('of money that went back before, or after, no units are bought', async () => {
    const [first, second] = [await meterOf('JB000001'), await meterOf('JB000002')];
    const before = await pay('A-1', 5n * euro);
    const back = { reference: before.reference, kind: 'refunded' } as const;
    await ground.hear({ ...back, totalMicros: 3n * euro });
    expect(await choose(before.id, first)).toMatchObject({ value: { hasToken: true } });
    expect(await show(before.id)).toMatchObject({ value: { value: 2 } });
    const all = await pay('A-1', 1n * euro);
    await ground.hear({ reference: all.reference, kind: 'refunded', totalMicros: 1n * euro });
    expect(await choose(all.id, first)).toMatchObject({ code: 'PAYMENT_HOLDS_NOTHING' });
    const after = await pay('A-1', 4n * euro);
    expect(await choose(after.id, second)).toMatchObject({ ok: true });
    await ground.hear({ reference: after.reference, kind: 'refunded', totalMicros: 1n * euro });
    expect(await keypads('A-1')).toMatchObject([{ carried: 0n }, { carried: -1n * euro }]);
  });

  test('two who choose at once get one token', async () => {
    const { id } = await pay('A-1', 2n * euro);
    const [first, second] = [await meterOf('JB000001'), await meterOf('JB000002')];
    const done = await Promise.all([choose(id, first), choose(id, second), choose(id, first)]);
    expect(done.filter((each) => each.ok && !each.value.isReplay)).toHaveLength(1);
    const issued = await ground.writer.sql`select from token_issue where payment_id = ${id}::uuid`;
    expect(issued).toHaveLength(1);
  });

  test('a customer’s own payment waits, too, and one from before its keypad does not', async () => {
    const viewer = ground.viewer('subscriber', 'A-1');
    const request = { idempotencyKey: randomUUID(), accountId: ground.account('A-1') };
    const money = { amount: '1.00', currency: 'EUR' };
    expect(await topUp(deps(), viewer, { ...request, ...money })).toMatchObject({ ok: true });
    const [claim] = await ground.writer.sql<{ id: string }[]>`
      select payment_id as id from keypad_claim c
      where not exists (select from keypad_choice h where h.payment_id = c.payment_id)
      order by claimed_at desc, amount_micros desc limit 1`;
    expect(claim).toBeDefined();
    const old = await pay('A-3', 5n * euro);
    const meterId = await register('JB000003');
    expect(await choose(old.id, meterId)).toMatchObject({ code: 'KEYPAD_CHOICE_CLOSED' });
  });
});

test('after a meter’s exchange the new keypad counts, with what the old one carried', async () => {
  const old = await meterOf('JB000003');
  const less = await pay('A-3', 400_000n);
  expect(await show(less.id, 'A-3')).toMatchObject({ code: 'TOKEN_NOT_ISSUED' });
  const meter = { mapName: null, powerMaxW: null, registerModulusWh: null, factor: null };
  ground.clock.push(60_000);
  const exchanged = await exchangeMeter(deps(), ground.viewer('operator'), {
    idempotencyKey: randomUUID(),
    meterId: old,
    atMs: ground.clock.nowMs(),
    finalValues: [],
    startValues: [],
    meter: { ...meter, serial: 'JB000003 new' },
    reason: 'verification period is over',
  });
  expect(exchanged).toMatchObject({ ok: true });
  await register('JB000003 new');
  ground.clock.push(60_000);
  const paid = await pay('A-3', 1_600_000n);
  // 0.40 of before and 1.60 are two units.
  expect(await show(paid.id, 'A-3')).toMatchObject({
    value: { value: 2, serial: 'JB000003 new', digits: '639704012' },
  });
  expect(await keypads('A-3')).toEqual([
    { serial: 'JB000003', carried: 0n, count: 1, isRemoved: true },
    { serial: 'JB000003 new', carried: 0n, count: 2, isRemoved: false },
  ]);
});

test('what is paid before the new keypad is registered waits for it', async () => {
  const meter = { mapName: null, powerMaxW: null, registerModulusWh: null, factor: null };
  ground.clock.push(60_000);
  await exchangeMeter(deps(), ground.viewer('operator'), {
    idempotencyKey: randomUUID(),
    meterId: await meterOf('JB000003 new'),
    atMs: ground.clock.nowMs(),
    finalValues: [],
    startValues: [],
    meter: { ...meter, serial: 'JB000003 newer' },
    reason: 'the new one was broken',
  });
  ground.clock.push(60_000);
  const paid = await pay('A-3', 1n * euro);
  const next = await register('JB000003 newer');
  expect(await choose(paid.id, next)).toMatchObject({ ok: true, value: { hasToken: true } });
  expect(await show(paid.id, 'A-3')).toMatchObject({
    value: { value: 1, serial: 'JB000003 newer' },
  });
});

describe('tokens that nobody paid for', () => {
  const instruct = (change: Partial<InstructKeypadInput>, role: 'operator' | 'administrator') =>
    instructKeypad(deps(), ground.viewer(role), {
      idempotencyKey: randomUUID(),
      meterId: 0,
      kind: 'set',
      value: null,
      reason: 'the display was exchanged',
      ...change,
    });
  const read = (done: Awaited<ReturnType<typeof instruct>>) => {
    if (!done.ok) throw new Error(done.message);
    return asViewer(ground.api.sql, ground.viewer('operator'), (tx) =>
      readCountedToken(tx, done.value, deviceKeysIn(data)),
    );
  };

  test('set and disable a device, which takes them; payments go on after them', async () => {
    const meterId = await meterOf('JB000003 new');
    const far = newDevice(Buffer.from(key, 'hex'), startingCode);
    const type = async (done: Awaited<ReturnType<typeof instruct>>) => {
      const shown = await read(done);
      return shown.ok ? enter(far, shown.value.digits) : shown.code;
    };
    const once = { meterId, value: 7, idempotencyKey: randomUUID() };
    const set = await instruct(once, 'administrator');
    expect(set).toMatchObject({ ok: true, value: { tokenCount: 3, isReplay: false } });
    expect(await instruct(once, 'administrator')).toMatchObject({
      value: { tokenCount: 3, isReplay: true },
    });
    expect(await type(set)).toBe('set');
    expect(far.days).toBe(7);
    const paid = await pay('A-3', 2n * euro);
    const shown = await show(paid.id, 'A-3');
    expect(shown.ok && enter(far, shown.value.digits)).toBe('added');
    expect(far.days).toBe(9);
    const disabled = await instruct({ meterId, kind: 'disable' }, 'administrator');
    expect(await type(disabled)).toBe('unlocked');
    const audits = await ground.writer.sql`
      select action, after->>'reason' as reason from audit_entry
      where action in ('keypad.set', 'keypad.disable') order by action`;
    expect([...audits]).toEqual([
      { action: 'keypad.disable', reason: 'the display was exchanged' },
      { action: 'keypad.set', reason: 'the display was exchanged' },
    ]);
  });

  test('are an administrator’s, of a known device, within what a token holds', async () => {
    const meterId = await meterOf('JB000003 new');
    expect(await instruct({ meterId, value: 7 }, 'operator')).toMatchObject({
      code: 'NOT_PERMITTED',
    });
    for (const [change, code] of [
      [{ meterId }, 'TOKEN_VALUE_OUT_OF_RANGE'],
      [{ meterId, value: 996 }, 'TOKEN_VALUE_OUT_OF_RANGE'],
      [{ meterId: 999_999, value: 1 }, 'KEYPAD_UNKNOWN'],
      [{ meterId, value: 1, reason: '' }, 'REASON_MISSING'],
    ] as const) {
      expect(await instruct(change, 'administrator')).toMatchObject({ ok: false, code });
    }
  });
});

test('the doctor finds nothing wrong in all of it', async () => {
  expect(await ground.findings()).toEqual([]);
});
