import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MeterId } from '../../src/domain/ids.ts';
import { requestCommand } from '../../src/operations/requestCommand.ts';
import { sendCommand } from '../../src/operations/sendCommand.ts';
import { startPayment } from '../../src/operations/payments/startPayment.ts';
import { sweepCommands } from '../../src/operations/sweepCommands.ts';
import { openCommandField } from '../operations/commandField.ts';
import type { CommandField } from '../operations/commandField.ts';
import { openPaymentWorld } from './paymentWorld.ts';
import type { PaymentWorld } from './paymentWorld.ts';

let world: PaymentWorld;
let field: CommandField;
beforeAll(async () => {
  world = await openPaymentWorld('reconnects');
  field = await openCommandField(world.ground.fleet.buses.get('head-end/bus 1') ?? 0);
});
afterAll(async () => {
  await field.close();
  await world.close();
});

function deps() {
  const { ground } = world;
  const wake = (bell: (typeof ground.bells)[number]) => ground.bells.push(bell);
  return { sql: ground.writer.sql, clock: ground.clock, link: field.link, wake };
}

/** As the process of the buses does it when it is rung for commands. */
async function sendDue(): Promise<void> {
  if (!world.ground.bells.some(({ kind }) => kind === 'commands')) return;
  for (const { commandId } of (await sweepCommands(deps())).due) {
    await sendCommand(deps(), commandId);
  }
}

/** A meter whose supply the balance has cut, the contactor of the simulated meter open. */
async function cutOff(meterId: MeterId): Promise<void> {
  const { ground } = world;
  const cut = await requestCommand(
    { ...deps(), sql: ground.api.sql },
    ground.viewer('administrator'),
    { idempotencyKey: randomUUID(), meterId, kind: 'disconnect', reason: 'balance used up' },
  );
  if (!cut.ok) throw new Error(`${cut.code}: ${cut.message}`);
  await sendDue();
  await ground.writer.sql`update supply set cause = 'automatic' where meter_id = ${meterId}`;
}

test('domain rule 67: a card payment and one sending close the relay, verified', async () => {
  const { ground, stripe, providerOf } = world;
  const meterId = ground.fleet.meters.get('JB000001');
  if (meterId === undefined) throw new Error('the fleet has its first meter');
  await cutOff(meterId);
  expect(field.world.isSupplyClosed(0, 1)).toBe(false);
  await ground.writer.sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    values (${meterId}, 1, ${ground.fleet.companyId}, ''::bytea,
            ${new Date(ground.clock.nowMs())}, 0)`;
  ground.bells.length = 0;
  const begun = await startPayment(
    { ...deps(), sql: ground.api.sql, providerOf },
    ground.viewer('subscriber', 'A-1'),
    {
      idempotencyKey: randomUUID(),
      accountId: ground.account('A-1'),
      channelId: ground.channelId,
      amount: '5.00',
      currency: 'EUR',
    },
  );
  const secret = begun.ok ? (begun.value.clientSecret ?? '') : '';
  const intent = stripe.pay(secret.split('_secret_')[0] ?? '');
  await world.send(stripe.event('payment_intent.succeeded', intent));
  await sendDue();
  const rows = await ground.writer.sql`select state from supply where meter_id = ${meterId}`;
  expect(rows[0]?.['state']).toBe('connected');
  expect(field.world.isSupplyClosed(0, 1)).toBe(true);
});
