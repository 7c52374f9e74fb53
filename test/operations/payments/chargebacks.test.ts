import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPrepaidAccount } from '../../../src/db/prepaidLife.ts';
import { warnAccounts } from '../../../src/operations/prepaid/warnAccounts.ts';
import { sweepCommands } from '../../../src/operations/sweepCommands.ts';
import { sweepSupplies } from '../../../src/operations/sweepSupplies.ts';
import { publishForTest } from '../smallFleet.ts';
import { openPayments } from './paymentGround.ts';
import type { PaymentGround } from './paymentGround.ts';

let ground: PaymentGround;
beforeAll(async () => {
  ground = await openPayments('chargebacks');
});
afterAll(() => ground.close());

const euro = 1_000_000n;

async function stands(number: string) {
  const of = { accountId: ground.account(number), nowMs: ground.clock.nowMs() };
  const found = await readPrepaidAccount(ground.writer.sql, of);
  return { balance: await ground.balance(number), debt: found?.debtMicros };
}

async function commands(number: string) {
  return ground.writer.sql`
    select kind from command where account_id = ${ground.account(number)}`;
}

function say(reference: string, part: Parameters<PaymentGround['hear']>[0]) {
  const nowMs = ground.clock.nowMs();
  return ground.hear({ reference, occurredAtMs: nowMs, receivedAtMs: nowMs, ...part });
}

function deps() {
  const { clock } = ground;
  return { sql: ground.writer.sql, clock, wake: () => {} };
}

async function notices(number: string) {
  const rows = await ground.writer.sql<{ breach: number; before: string }[]>`
    select breach, detail->>'notCutBefore' as before from notice
    where account_id = ${ground.account(number)} and kind = 'cut_notice' order by breach`;
  return rows.map(({ breach, before }) => ({ breach, before }));
}

describe('a chargeback (domain rule 68)', () => {
  test('of 20.00 after 18.00 were spent: nothing is left and 18.00 are a debt', async () => {
    await say('pi_68', {});
    await ground.spend('A-1', 18n * euro);
    await say('pi_68', { kind: 'disputed', part: 'dp_68' });
    expect(await stands('A-1')).toEqual({ balance: 0n, debt: 18n * euro });
    await say('pi_68', { kind: 'disputed', part: 'dp_68' });
    expect(await stands('A-1')).toEqual({ balance: 0n, debt: 18n * euro });
    expect(await ground.standing('card_clearing')).toBe(0n);
    expect(await ground.trialBalance()).toBe(0n);
  });

  test('a dispute that is won takes the debt back: 2.00 are left again, and no debt', async () => {
    await say('pi_68', { kind: 'dispute_won', part: 'dp_68' });
    expect(await stands('A-1')).toEqual({ balance: 2n * euro, debt: 0n });
    expect(await ground.trialBalance()).toBe(0n);
  });

  test('nothing is set aside of what was not used, nor more than the dispute took', async () => {
    await say('pi_unused', { accountId: ground.account('A-1') });
    await say('pi_unused', { kind: 'disputed', part: 'dp_1' });
    expect(await stands('A-1')).toEqual({ balance: 2n * euro, debt: 0n });
    await say('pi_more', { totalMicros: 5n * euro });
    await ground.spend('A-1', 10n * euro);
    await say('pi_more', { kind: 'disputed', part: 'dp_2', totalMicros: 5n * euro });
    expect(await stands('A-1')).toEqual({ balance: -3n * euro, debt: 5n * euro });
  });

  test('of a postpaid account is no debt beside its balance', async () => {
    const accountId = ground.account('A-3');
    await say('pi_post', { accountId });
    await ground.spend('A-3', 18n * euro);
    await say('pi_post', { accountId, kind: 'disputed', part: 'dp_3' });
    expect(await stands('A-3')).toEqual({ balance: -18n * euro, debt: 0n });
  });
});

/** All that was written for the customer has gone out. */
async function sendNotices() {
  await ground.writer.sql`
    insert into notice_step (notice_id, ordinal, company_id, account_id, state, at, detail)
    select id, 1, company_id, account_id, 'sent', at, '' from notice on conflict do nothing`;
}

async function passTo(atMs: number) {
  ground.clock.push(atMs - ground.clock.nowMs());
  await ground.writer.sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    select id, 1, company_id, ''::bytea, ${new Date(atMs)}, 1000 from meter
    on conflict (meter_id, channel) do update set last_read_at = excluded.last_read_at`;
}

describe('no silent cut (domain rule 68)', () => {
  test('in friendly hours and on an old notice nothing is cut; a new notice is told', async () => {
    const { companyId } = ground.fleet;
    const accountId = ground.account('A-2');
    await publishForTest(ground.writer.sql, companyId, {
      name: 'standard',
      protectedHours: [{ weekdays: [5], from: '16:00', to: '24:00' }],
      weather: null,
      notice: { hoursBefore: 24, delivered: false },
    });
    const fridayMs = Date.UTC(2026, 2, 6, 17, 0); // 18:00 in Berlin
    await passTo(fridayMs - 48 * 3_600_000);
    await say('pi_friday', { accountId });
    await ground.spend('A-2', 20n * euro);
    await warnAccounts(deps());
    await sendNotices();
    expect(await notices('A-2')).toMatchObject([{ breach: 1 }]);
    // The notice is old enough to be cut by; the hours are not.
    await passTo(fridayMs);
    await sweepSupplies(deps());
    await say('pi_friday', { accountId, kind: 'disputed', part: 'dp_friday' });
    expect(await stands('A-2')).toEqual({ balance: 0n, debt: 20n * euro });
    await sweepSupplies(deps());
    expect(await commands('A-2')).toEqual([]);
    // The hours would do again, and the notice is not of this breach.
    await passTo(fridayMs + 8 * 3_600_000);
    await sweepSupplies(deps());
    expect(await commands('A-2')).toEqual([]);
    await warnAccounts(deps());
    await sendNotices();
    expect(await notices('A-2')).toMatchObject([
      { breach: 1 },
      { breach: 2, before: '2026-03-08T01:00:00Z' },
    ]);
    await passTo(fridayMs + 31 * 3_600_000);
    await sweepSupplies(deps());
    expect(await commands('A-2')).toEqual([]);
    await passTo(fridayMs + 33 * 3_600_000);
    await sweepSupplies(deps());
    expect(await commands('A-2')).toMatchObject([{ kind: 'disconnect' }]);
  });
});

test('the doctor finds nothing wrong in all of it', async () => {
  await sweepCommands(deps());
  expect(await ground.findings()).toEqual([]);
});
