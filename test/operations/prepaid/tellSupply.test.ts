import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseAgreementId } from '../../../src/domain/ids.ts';
import { beginModes } from '../../../src/operations/prepaid/beginModes.ts';
import { changeMode } from '../../../src/operations/prepaid/changeMode.ts';
import { takeEmergencyCredit } from '../../../src/operations/prepaid/takeEmergencyCredit.ts';
import { sendCommand } from '../../../src/operations/sendCommand.ts';
import type { CommandLink } from '../../../src/operations/sendCommand.ts';
import { sweepCommands } from '../../../src/operations/sweepCommands.ts';
import { sweepSupplies } from '../../../src/operations/sweepSupplies.ts';
import { topUp } from '../../../src/operations/topUp.ts';
import { adjustBalance } from '../../../src/operations/adjustBalance.ts';
import { makeChannel } from '../payments/paymentGround.ts';
import { openGround, openPolicy, publishForTest } from '../smallFleet.ts';
import type { Ground } from '../smallFleet.ts';

let ground: Ground;
/** How often the contactor answers nothing before it obeys. */
let failures = 0;

const link: CommandLink = {
  writeSwitch: async () => {
    if (failures > 0) {
      failures -= 1;
      return { ok: false, code: 'DEVICE_SILENT', message: 'no answer' };
    }
    return { ok: true, value: { acknowledgedAtMs: 0 } };
  },
  verifySwitch: async () => ({ ok: true, value: { verifiedAtMs: 0, powerW: 0n } }),
  writeLimit: async () => ({ ok: true, value: { acknowledgedAtMs: 0 } }),
  verifyLimit: async () => ({ ok: true, value: { verifiedAtMs: 0, powerW: 0n } }),
};

beforeAll(async () => {
  ground = await openGround('tell_supply');
  const { companyId } = ground.fleet;
  const emergencyCredit = { amount: '10.00', selectableBelow: '1.00' };
  await publishForTest(ground.writer.sql, companyId, { ...openPolicy, emergencyCredit });
  const known = await ground.writer.sql`select from payment_channel where kind = 'counter'`;
  if (known.length === 0) {
    await makeChannel(ground, { companyId, name: 'counter', kind: 'counter' });
  }
});
afterAll(() => ground.close());
beforeEach(() => {
  failures = 0;
});

function deps() {
  const wake = (bell: Ground['bells'][number]) => ground.bells.push(bell);
  return { sql: ground.writer.sql, clock: ground.clock, link, wake };
}

async function work(): Promise<void> {
  await sweepSupplies(deps());
  for (let round = 0; round < 4; round += 1) {
    for (const { commandId } of (await sweepCommands(deps())).due) {
      await sendCommand(deps(), commandId);
    }
    ground.clock.push(60_000);
  }
}

/** A reading is fresh now, and the balance is what it is asked to be. */
async function owes(number: string, meter: string, amount = '1.00'): Promise<void> {
  const meterId = ground.fleet.meters.get(meter) ?? 0;
  const accountId = ground.account(number);
  const { sql } = ground.writer;
  const now = new Date(ground.clock.nowMs());
  await sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    values (${meterId}, 1, ${ground.fleet.companyId}, '', ${now}, 0)
    on conflict (meter_id, channel) do update set last_read_at = excluded.last_read_at`;
  const done = await adjustBalance(
    { ...deps(), sql: ground.api.sql },
    ground.viewer('administrator'),
    {
      idempotencyKey: randomUUID(),
      accountId,
      amount: `-${amount}`,
      currency: 'EUR',
      reasonCode: 'fee',
      reason: 'stands for energy that was used',
    },
  );
  if (!done.ok) throw new Error(done.message);
  await sql`
    insert into supply_wait (meter_id, company_id, account_id, ask_again_at)
    values (${meterId}, ${ground.fleet.companyId}, ${accountId}, ${now})
    on conflict (meter_id) do update set ask_again_at = excluded.ask_again_at`;
}

async function buy(number: string, amount: string): Promise<void> {
  const input = { accountId: ground.account(number), amount, currency: 'EUR' };
  const paid = await topUp({ ...deps(), sql: ground.api.sql }, ground.viewer('operator'), {
    ...input,
    idempotencyKey: randomUUID(),
  });
  if (!paid.ok) throw new Error(paid.message);
}

async function told(number: string) {
  return ground.writer.sql<{ kind: string; state: string; detail: Record<string, unknown> }[]>`
    select n.kind, c.state, n.detail from notice n join command c on c.id::text = n.threshold
    where n.account_id = ${ground.account(number)} and n.kind in ('cut', 'reconnected')
    order by n.at, n.kind`;
}

describe('a customer is told of a cut and of the way back', () => {
  test('once each, from the verified step, also where the contactor was silent first', async () => {
    failures = 1;
    await owes('A-1', 'JB000001');
    await work();
    expect(await told('A-1')).toMatchObject([
      {
        kind: 'cut',
        state: 'verified',
        detail: { command: 'disconnect', reason: 'BALANCE_AT_LIMIT', balance: '-1.00' },
      },
    ]);
    await work();
    expect(await told('A-1')).toHaveLength(1);
    await buy('A-1', '20.00');
    await work();
    expect(await told('A-1')).toMatchObject([
      { kind: 'cut' },
      { kind: 'reconnected', state: 'verified', detail: { reason: 'BALANCE_RESTORED' } },
    ]);
    const events = await ground.writer.sql`
      select from event where kind = 'notice' and detail->>'what' in ('cut', 'reconnected')`;
    expect(events).toHaveLength(2);
  });

  test('who pays after from now on is reconnected, and what was lent is owed', async () => {
    const accountId = ground.account('A-2');
    const api = { ...deps(), sql: ground.api.sql };
    await buy('A-2', '0.50');
    const lent = await takeEmergencyCredit(api, ground.viewer('operator'), {
      idempotencyKey: randomUUID(),
      accountId,
    });
    expect(lent).toMatchObject({ ok: true });
    await owes('A-2', 'JB000002', '11.00');
    await work();
    expect(await told('A-2')).toMatchObject([{ kind: 'cut' }]);
    const [row] = await ground.writer.sql<{ id: number }[]>`
      select id from agreement where account_id = ${accountId}`;
    const agreementId = parseAgreementId(row?.id);
    if (!agreementId.ok) throw new Error('the account has an agreement');
    const changed = await changeMode(api, ground.viewer('operator'), {
      idempotencyKey: randomUUID(),
      agreementId: agreementId.value,
      mode: 'postpaid',
      atMs: null,
      reason: 'asked for by letter',
    });
    expect(changed.ok).toBe(true);
    expect(await beginModes(deps())).toEqual({ changes: 0 });
    ground.clock.push(900_000);
    expect(await beginModes(deps())).toEqual({ changes: 1 });
    await work();
    expect((await told('A-2')).at(-1)).toMatchObject({ kind: 'reconnected', state: 'verified' });
    expect(
      await ground.writer.sql`
        select x.reason from emergency_credit e join emergency_credit_end x on x.credit_id = e.id
        where e.account_id = ${accountId}`,
    ).toMatchObject([{ reason: 'mode_changed' }]);
  });
});
