import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pageBankEntries } from '../../../src/db/bank.ts';
import { pageUnallocated } from '../../../src/db/paymentReads.ts';
import { lockPayment } from '../../../src/db/payments.ts';
import { asViewer } from '../../../src/db/viewer.ts';
import { allocatePayment } from '../../../src/operations/payments/allocatePayment.ts';
import { paymentIdOf } from '../../../src/operations/payments/applyPaymentEvent.ts';
import { importStatement } from '../../../src/operations/payments/importStatement.ts';
import { camt, csvColumnsText, csvText, entry02, iban } from '../../wire/bank/bankFiles.ts';
import { makeChannel, openPayments } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

let ground: PaymentGround;
let bankId: number;
beforeAll(async () => {
  ground = await openPayments('bankfiles');
  const { companyId } = ground.fleet;
  const bank = { companyId, kind: 'bank', settings: { account: iban, csv: csvColumnsText } };
  bankId = await makeChannel(ground, { ...bank, name: 'house bank' });
  await makeChannel(ground, { ...bank, name: 'csv bank' });
});
afterAll(() => ground.close());

const euro = 1_000_000n;
const page = { after: null, before: null, limit: 50, inverted: false };

function deps() {
  return {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: (typeof ground.bells)[number]) => ground.bells.push(bell),
  };
}

function give(text: string | Uint8Array, channel = 'house bank') {
  const file = typeof text === 'string' ? Buffer.from(text) : text;
  return importStatement(deps(), ground.viewer('operator'), { channel, file });
}

/** Transactions of this database that wait for another one. */
async function waiting(): Promise<number> {
  const { count } = await ground.writer.sql`
    select from pg_locks l join pg_database d on d.oid = l.database
    where d.datname = current_database() and not l.granted`;
  return count;
}

function auditsOf(action: string) {
  return ground.writer.sql`select after from audit_entry where action = ${action}`;
}

describe('a bank file (002.27)', () => {
  test('credits the account that an entry names, by its reference or in its text', async () => {
    const file = camt(
      entry02({ ref: 'B-1', amount: '12.34', structured: 'A-1', text: 'for A-2' }) +
        entry02({ ref: 'B-2', amount: '7.00', text: 'power A-2, thanks' }) +
        entry02({ ref: 'B-3', amount: '99.00', direction: 'DBIT', text: 'rent' }),
    );
    const given = await give(file);
    expect(given).toMatchObject({
      ok: true,
      value: { isReplay: false, entries: 3, fates: { credited: 2, not_a_payment: 1 } },
    });
    expect(await ground.balance('A-1')).toBe(12_340_000n);
    expect(await ground.balance('A-2')).toBe(7n * euro);
    expect(await ground.standing('bank')).toBe(-19_340_000n);
  });

  test('given again, and in a statement that overlaps, moves nothing more', async () => {
    const file = camt(
      entry02({ ref: 'B-1', amount: '12.34', structured: 'A-1', text: 'for A-2' }) +
        entry02({ ref: 'B-2', amount: '7.00', text: 'power A-2, thanks' }) +
        entry02({ ref: 'B-3', amount: '99.00', direction: 'DBIT', text: 'rent' }),
    );
    expect(await give(file)).toMatchObject({ value: { isReplay: true, fates: { known: 3 } } });
    const overlapping = camt(
      entry02({ ref: 'B-2', amount: '7.00', text: 'power A-2, thanks' }) +
        entry02({ ref: 'B-4', amount: '1.00', text: 'A-2' }),
      { id: 'S-2' },
    );
    expect(await give(overlapping)).toMatchObject({
      value: { isReplay: false, fates: { known: 1, credited: 1 } },
    });
    expect(await ground.balance('A-2')).toBe(8n * euro);
  });

  test('domain rule 81: 40.00 of a wrong reference are matched later, both visible', async () => {
    const wrong = camt(entry02({ ref: 'B-81', amount: '40.00', text: 'A-1O01 power' }));
    expect(await give(wrong)).toMatchObject({ value: { fates: { suspense: 1 } } });
    expect(await ground.standing('suspense')).toBe(40n * euro);
    const operator = ground.viewer('operator');
    const [open] = await asViewer(ground.api.sql, operator, (tx) => pageUnallocated(tx, page));
    expect(open?.reference).toBe('B-81');
    const before = await ground.balance('A-1');
    const matched = await allocatePayment(deps(), operator, {
      idempotencyKey: randomUUID(),
      paymentId: open?.id ?? '',
      accountId: ground.account('A-1'),
      reason: 'she meant A-1',
    });
    expect(matched).toMatchObject({ ok: true });
    expect(await ground.balance('A-1')).toBe(before + 40n * euro);
    expect(await ground.standing('suspense')).toBe(0n);
    const codes = await ground.writer.sql`
      select t.code from transfer t join payment p on p.id = t.payment_id
      where p.reference = 'B-81' order by t.code`;
    expect(codes.map(({ code }) => String(code))).toEqual(['allocated', 'unallocated']);
  });

  test('an entry that names two accounts is matched to neither', async () => {
    const both = camt(entry02({ ref: 'B-5', amount: '5.00', text: 'A-1 and A-2' }));
    expect(await give(both)).toMatchObject({ value: { fates: { suspense: 1 } } });
  });

  test('what the bank takes back is taken from the account again, once', async () => {
    const words = { amount: '3.00', text: 'A-2', endToEnd: 'E-3' };
    await give(camt(entry02({ ref: 'B-6', ...words }), { id: 'S-6' }));
    const before = await ground.balance('A-2');
    const back = entry02({ ref: 'B-7', ...words, direction: 'DBIT', reversal: 'true' });
    expect(await give(camt(back))).toMatchObject({ value: { fates: { reversed: 1 } } });
    expect(await ground.balance('A-2')).toBe(before - 3n * euro);
    const again = entry02({ ref: 'B-8', ...words, direction: 'DBIT', reversal: 'true' });
    expect(await give(camt(again))).toMatchObject({
      value: {
        fates: { reversal_unmatched: 1 },
        remarks: [{ entryRef: 'B-8', code: 'BANK_REVERSAL_UNMATCHED' }],
      },
    });
    expect(await ground.balance('A-2')).toBe(before - 3n * euro);
  });

  test('a statement with the newest entry first takes back what stands below it', async () => {
    const words = { amount: '4.00', text: 'A-2', endToEnd: 'E-4' };
    const before = await ground.balance('A-2');
    const back = entry02({ ref: 'B-31', ...words, direction: 'DBIT', reversal: 'true' });
    const file = camt(back + entry02({ ref: 'B-30', ...words }), { id: 'S-30' });
    expect(await give(file)).toMatchObject({ value: { fates: { credited: 1, reversed: 1 } } });
    expect(await ground.balance('A-2')).toBe(before);
  });

  test('a credit whose reversal came with an earlier file is taken back as it comes', async () => {
    const words = { amount: '8.00', text: 'A-2', endToEnd: 'E-8' };
    const before = await ground.balance('A-2');
    const back = entry02({ ref: 'B-51', ...words, direction: 'DBIT', reversal: 'true' });
    expect(await give(camt(back, { id: 'S-51' }))).toMatchObject({
      value: { fates: { reversal_unmatched: 1 } },
    });
    const credit = camt(entry02({ ref: 'B-50', ...words }), { id: 'S-50' });
    expect(await give(credit)).toMatchObject({ value: { fates: { credited: 0, taken_back: 1 } } });
    expect(await ground.balance('A-2')).toBe(before);
    // It is used up: what the customer pays next is the customer's.
    const next = camt(entry02({ ref: 'B-52', ...words }), { id: 'S-52' });
    expect(await give(next)).toMatchObject({ value: { fates: { credited: 1, taken_back: 0 } } });
    expect(await ground.balance('A-2')).toBe(before + 8n * euro);
    const seen = await asViewer(ground.api.sql, ground.viewer('operator'), (tx) =>
      pageBankEntries(tx, page),
    );
    const reversal = seen.find(({ entryRef }) => entryRef === 'B-51');
    const paymentId = paymentIdOf({ channelId: bankId, reference: 'B-50' });
    expect(reversal).toMatchObject({ isReversal: true, paymentId });
  });

  test('money of nobody known does not wait in suspense for what was taken back', async () => {
    const words = { amount: '9.00', text: 'A-1O01', endToEnd: 'E-9' };
    const before = await ground.standing('suspense');
    const back = entry02({ ref: 'B-61', ...words, direction: 'DBIT', reversal: 'true' });
    await give(camt(back, { id: 'S-61' }));
    const credit = camt(entry02({ ref: 'B-60', ...words }), { id: 'S-60' });
    expect(await give(credit)).toMatchObject({ value: { fates: { suspense: 0, taken_back: 1 } } });
    expect(await ground.standing('suspense')).toBe(before);
  });

  test('two reversals at once take the one credit back that is there, once', async () => {
    const words = { amount: '6.00', text: 'A-2', endToEnd: 'E-6' };
    await give(camt(entry02({ ref: 'B-40', ...words }), { id: 'S-40' }));
    const before = await ground.balance('A-2');
    const paymentId = paymentIdOf({ channelId: bankId, reference: 'B-40' });
    const back = (ref: string) =>
      give(camt(entry02({ ref, ...words, direction: 'DBIT', reversal: 'true' }), { id: ref }));
    // Neither may post before the other has looked for what it takes back, or waits to.
    const given = await ground.writer.sql.begin(async (tx) => {
      await lockPayment(tx, paymentId);
      const both = Promise.all([back('B-41'), back('B-42')]);
      await expect.poll(waiting).toBe(2);
      return { both };
    });
    const reversed = (await given.both).map((each) => each.ok && each.value.fates.reversed);
    expect(new Set(reversed)).toEqual(new Set([0, 1]));
    expect(await ground.balance('A-2')).toBe(before - 6n * euro);
  });

  test('another currency, or another amount of a known reference, moves nothing', async () => {
    const before = await ground.trialBalance();
    const balance = await ground.balance('A-1');
    const { length: unposted } = await auditsOf('bank.entryUnposted');
    const file = camt(
      entry02({ ref: 'B-9', currency: 'USD', text: 'A-1' }) +
        entry02({ ref: 'B-1', amount: '12.35', structured: 'A-1' }),
    );
    expect(await give(file)).toMatchObject({
      value: {
        fates: { refused: 1, conflict: 1 },
        remarks: [
          { entryRef: 'B-9', code: 'PAYMENT_CURRENCY_MISMATCH' },
          { entryRef: 'B-1', code: 'BANK_ENTRY_REUSED' },
        ],
      },
    });
    expect(await ground.balance('A-1')).toBe(balance);
    expect(await ground.trialBalance()).toBe(before);
    expect(await auditsOf('payment.refused')).toHaveLength(1);
    expect(await auditsOf('bank.entryUnposted')).toHaveLength(unposted + 1);
  });

  test('the same file by four people at once is one credit an entry', async () => {
    const file = camt(
      [20, 21, 22].map((at) => entry02({ ref: `B-${at}`, amount: '1.00', text: 'A-2' })).join(''),
      { id: 'S-20' },
    );
    const before = await ground.balance('A-2');
    await Promise.all([1, 2, 3, 4].map(() => give(file)));
    expect(await ground.balance('A-2')).toBe(before + 3n * euro);
  });

  test('a CSV by the columns of its channel', async () => {
    const before = await ground.balance('A-1');
    expect(await give(csvText, 'csv bank')).toMatchObject({
      value: { fates: { credited: 1, not_a_payment: 1 } },
    });
    expect(await ground.balance('A-1')).toBe(before + 40n * euro);
  });

  test.each([
    ['PAYMENT_CHANNEL_UNKNOWN', camt(entry02()), 'card'],
    ['PAYMENT_CHANNEL_UNKNOWN', camt(entry02()), 'unheard of'],
    ['BANK_FILE_OTHER_ACCOUNT', camt(entry02(), { account: 'DE00' }), 'house bank'],
    ['BANK_FILE_NOT_UTF8', Uint8Array.of(0x3c, 0xff), 'house bank'],
    ['BANK_FILE_UNKNOWN_FORM', 'a,b\n', 'house bank'],
  ])('%s', async (code, text, channel) => {
    expect(await give(text, channel)).toMatchObject({ ok: false, code });
  });

  test('a subscriber imports nothing, and entries are seen by staff alone', async () => {
    const subscriber = ground.viewer('subscriber', 'A-1');
    const input = { channel: 'house bank', file: Buffer.from(camt(entry02())) };
    expect(await importStatement(deps(), subscriber, input)).toMatchObject({
      code: 'NOT_PERMITTED',
    });
    const see = (viewer: typeof subscriber) =>
      asViewer(ground.api.sql, viewer, (tx) => pageBankEntries(tx, page));
    expect(await see(subscriber)).toEqual([]);
    const seen = await see(ground.viewer('operator'));
    expect(seen.map(({ entryRef }) => entryRef)).toContain('B-81');
  });

  test('the doctor finds nothing wrong in all of it', async () => {
    expect(await ground.findings()).toEqual([]);
  });
});
