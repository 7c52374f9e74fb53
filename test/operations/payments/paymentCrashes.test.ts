import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asViewer } from '../../../src/db/viewer.ts';
import { applyPaymentEvent } from '../../../src/operations/payments/applyPaymentEvent.ts';
import type { PaymentEvent } from '../../../src/operations/payments/applyPaymentEvent.ts';
import { Fuse, SimulatedCrash, brittleSql, noCrash } from '../../simulate/faults.ts';
import { openPayments } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

let ground: PaymentGround;
beforeAll(async () => {
  ground = await openPayments('paymentcrashes');
});
afterAll(() => ground.close());

const euro = 1_000_000n;
const whole = { events: 1, steps: 1, transfers: 1, receipts: 1 };

/** Heard by a process that dies at the planned await, before or after its commit. */
async function dies(event: PaymentEvent, plan: Partial<Fuse['plan']>) {
  const fuse = new Fuse({ ...noCrash, ...plan });
  const viewer = ground.viewer('operator');
  try {
    const sql = brittleSql(ground.api.sql, fuse, async () => {});
    await asViewer(sql, viewer, (tx) => applyPaymentEvent(tx, event));
    return 'lived';
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
    return fuse.isCommitted ? 'died committed' : 'died';
  }
}

async function rowsOf(reference: string) {
  const [row] = await ground.writer.sql`
    select (select count(*)::int4 from provider_event e where e.payment_id = p.id) as events,
           (select count(*)::int4 from payment_step s where s.payment_id = p.id) as steps,
           (select count(*)::int4 from transfer t where t.payment_id = p.id) as transfers,
           (select count(*)::int4 from payment_receipt r where r.payment_id = p.id) as receipts
    from payment p where p.reference = ${reference}`;
  return row;
}

describe('a crash between any two awaits (domain rules 69, 77)', () => {
  test('repeats the word and posts it once', async () => {
    let atAwait = 1;
    for (; ; atAwait += 1) {
      const reference = `pi_crash_${atAwait}`;
      const event = ground.event({ reference, eventId: `evt_crash_${atAwait}` });
      const before = await ground.balance('A-1');
      const end = await dies(event, { atAwait });
      if (end === 'lived') break;
      const isThere = end === 'died committed';
      expect(await rowsOf(reference)).toEqual(isThere ? whole : undefined);
      expect(await ground.balance('A-1')).toBe(before + (isThere ? 20n * euro : 0n));
      await ground.hear(event);
      await ground.hear(event);
      expect(await ground.balance('A-1')).toBe(before + 20n * euro);
      expect(await rowsOf(reference)).toEqual(whole);
    }
    expect(atAwait).toBeGreaterThan(15);
    const commit = ground.event({ reference: 'pi_commit', eventId: 'evt_commit' });
    const before = await ground.balance('A-1');
    expect(await dies(commit, { isBeforeCommit: true })).toBe('died');
    expect(await ground.balance('A-1')).toBe(before);
    await ground.hear(commit);
    expect(await ground.balance('A-1')).toBe(before + 20n * euro);
    const numbers = await ground.writer.sql<{ count: bigint; last: bigint }[]>`
      select count(*) as count, max(number) as last from payment_receipt`;
    expect(numbers[0]?.count).toBe(numbers[0]?.last);
    expect(await ground.trialBalance()).toBe(0n);
  });
});

test('the doctor finds nothing wrong in all of it', async () => {
  expect(await ground.findings()).toEqual([]);
});
