import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { correctTransfer } from '../../../src/operations/correctTransfer.ts';
import { makeVouchers } from '../../../src/operations/vouchers/makeVouchers.ts';
import type { MadeVouchers } from '../../../src/operations/vouchers/makeVouchers.ts';
import { revokeVouchers } from '../../../src/operations/vouchers/revokeVouchers.ts';
import { sellVouchers } from '../../../src/operations/vouchers/sellVouchers.ts';
import { useVoucher } from '../../../src/operations/vouchers/useVoucher.ts';
import { dayMs } from '../../../src/domain/time/civil.ts';
import { publicKeyText, writeVoucher } from '../../../src/wire/voucherCode.ts';
import { startMs } from '../smallFleet.ts';
import { makeChannel, openPayments } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519').privateKey;
const euro = 1_000_000n;

let ground: PaymentGround;
let made: MadeVouchers;

async function make(part: { lastDay?: string; count?: number; key?: typeof privateKey } = {}) {
  const { lastDay = '2026-12-31', count = 20, key = privateKey } = part;
  const input = { channel: 'cards', count, amount: '5.00', lastDay, privateKey: key };
  return makeVouchers(deps(), ground.viewer('administrator'), input);
}

beforeAll(async () => {
  ground = await openPayments('vouchers');
  await makeChannel(ground, {
    companyId: ground.fleet.companyId,
    name: 'cards',
    kind: 'voucher',
    settings: { publicKeys: [publicKeyText(privateKey)] },
  });
  const batch = await make();
  if (!batch.ok) throw new Error(batch.message);
  made = batch.value;
});
afterAll(() => ground.close());

function deps() {
  return {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: (typeof ground.bells)[number]) => ground.bells.push(bell),
  };
}

function codeAt(at: number): string {
  return made.vouchers[at]?.code ?? '';
}

function sell(at: number, count = 1, key: string = randomUUID()) {
  const firstSerial = made.vouchers[at]?.serial ?? 0n;
  const input = { idempotencyKey: key, firstSerial, count, agent: null };
  return sellVouchers(deps(), ground.viewer('operator'), input);
}

function use(code: string, account = 'A-1', key: string = randomUUID(), nowMs = startMs) {
  const input = { idempotencyKey: key, accountId: ground.account(account), code };
  const clock = { nowMs: () => nowMs };
  return useVoucher({ ...deps(), clock }, ground.viewer('subscriber', account), input);
}

describe('vouchers (003.14)', () => {
  test('sold, they are owed; used, they are on the account, with a receipt', async () => {
    const key = randomUUID();
    expect(await sell(0, 4, key)).toMatchObject({ ok: true, value: { amountMicros: 20n * euro } });
    expect(await sell(0, 4, key)).toMatchObject({ value: { isReplay: true } });
    expect(await sell(3, 2)).toMatchObject({ code: 'VOUCHER_ALREADY_SOLD' });
    expect(await ground.standing('vouchers_sold')).toBe(20n * euro);
    expect(await ground.standing('bank')).toBe(-20n * euro);
    const useKey = randomUUID();
    const used = await use(codeAt(0).toLowerCase(), 'A-1', useKey);
    expect(used).toMatchObject({ ok: true, value: { balanceMicros: 5n * euro, isReplay: false } });
    expect(await use(codeAt(0).toLowerCase(), 'A-1', useKey)).toMatchObject({
      value: { isReplay: true },
    });
    expect(await ground.standing('vouchers_sold')).toBe(15n * euro);
    const receipts = await ground.writer.sql`select number from payment_receipt`;
    expect(receipts).toHaveLength(1);
  });

  test('domain rule 70: a second use is rejected, and a revoked or expired voucher', async () => {
    const before = await ground.balance('A-2');
    expect(await use(codeAt(0), 'A-2')).toMatchObject({ code: 'VOUCHER_USED' });
    const operator = ground.viewer('operator');
    const stolen = { firstSerial: made.vouchers[0]?.serial ?? 0n, count: 2, reason: 'stolen' };
    expect(await revokeVouchers(deps(), operator, stolen)).toMatchObject({
      ok: true,
      value: { revoked: 1 },
    });
    expect(await use(codeAt(1), 'A-2')).toMatchObject({ code: 'VOUCHER_REVOKED' });
    const tooLate = Date.UTC(2027, 0, 1);
    expect(await use(codeAt(2), 'A-2', randomUUID(), tooLate)).toMatchObject({
      code: 'VOUCHER_EXPIRED',
    });
    expect(await ground.balance('A-2')).toBe(before);
  });

  test('its sale is not taken back, since who has it may use it', async () => {
    const [sale] = await ground.writer.sql<{ id: string }[]>`
      select id from transfer where code = 'voucher_sold' order by id limit 1`;
    const input = { transferId: sale?.id ?? '', reasonCode: 'entered_twice', reason: 'x' } as const;
    const request = { idempotencyKey: randomUUID(), ...input };
    expect(await correctTransfer(deps(), ground.viewer('operator'), request)).toMatchObject({
      code: 'VOUCHER_SALE_STANDS',
    });
    expect(await ground.standing('vouchers_sold')).toBe(15n * euro);
  });

  test('by five people at once it is used once', async () => {
    const done = await Promise.all(
      ['A-1', 'A-3', 'A-1', 'A-3', 'A-1'].map((account) => use(codeAt(3), account)),
    );
    expect(done.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await ground.standing('vouchers_sold')).toBe(10n * euro);
  });

  test('foreign, under another key, of no batch, not sold or mistyped: no effect', async () => {
    const { companyId } = ground.fleet;
    const lastDay = Date.UTC(2026, 11, 31) / dayMs;
    const content = { companyId, serial: 10n, amountMicros: 5n * euro, currency: 'EUR', lastDay };
    const before = [await ground.balance('A-2'), await ground.trialBalance()];
    const tries: readonly [string, string][] = [
      [writeVoucher({ ...content, companyId: companyId + 1 }, privateKey), 'VOUCHER_OTHER_COMPANY'],
      [writeVoucher(content, other), 'VOUCHER_SIGNATURE_WRONG'],
      [writeVoucher({ ...content, serial: 999n }, privateKey), 'VOUCHER_UNKNOWN'],
      [codeAt(10), 'VOUCHER_NOT_SOLD'],
      [codeAt(2).slice(0, -1), 'VOUCHER_CODE_MALFORMED'],
    ];
    for (const [code, refusal] of tries) {
      expect(await use(code, 'A-2')).toMatchObject({ ok: false, code: refusal });
    }
    expect([await ground.balance('A-2'), await ground.trialBalance()]).toEqual(before);
    const audits = await ground.writer.sql`
      select after->>'code' as code from audit_entry where action = 'voucher.refused'
        and subject = ${`account/${ground.account('A-2')}`}`;
    const codes = audits.map(({ code }) => String(code));
    expect(codes).toEqual(expect.arrayContaining(tries.map(([, refusal]) => refusal)));
  });

  test('ten codes in vain within an hour end the guessing, of this account alone', async () => {
    for (let at = 0; at < 10; at += 1) await use(`guess ${at}`, 'A-2');
    expect(await use(codeAt(2), 'A-2')).toMatchObject({ code: 'VOUCHER_TRIES_EXHAUSTED' });
    expect(await use(codeAt(2), 'A-3')).toMatchObject({ ok: true });
  });

  test('a batch under a foreign key, without a count or of yesterday is not made', async () => {
    expect(await make({ key: other })).toMatchObject({ code: 'VOUCHER_KEY_UNKNOWN' });
    expect(await make({ count: 0 })).toMatchObject({ code: 'VOUCHER_COUNT_OUT_OF_RANGE' });
    expect(await make({ lastDay: '2026-02-28' })).toMatchObject({
      code: 'VOUCHER_EXPIRY_OUT_OF_RANGE',
    });
    const second = await make({ count: 1 });
    expect(second).toMatchObject({ ok: true, value: { vouchers: [{ serial: 21n }] } });
  });

  test('the doctor finds nothing wrong in all of it', async () => {
    expect(await ground.findings()).toEqual([]);
  });
});
