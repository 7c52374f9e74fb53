import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findAutoTopUp } from '../../../src/db/autoTopUps.ts';
import { asViewer } from '../../../src/db/viewer.ts';
import { askProviders } from '../../../src/operations/topUps/askProviders.ts';
import { setAutoTopUp } from '../../../src/operations/topUps/setAutoTopUp.ts';
import { openProviderGround } from './providerGround.ts';
import type { ProviderGround } from './providerGround.ts';

let ground: ProviderGround;
beforeAll(async () => {
  ground = await openProviderGround('silent_charges');
});
afterAll(() => ground.close());

const euro = 1_000_000n;
const hourMs = 3_600_000;

function deps() {
  const { clock, providerOf } = ground;
  return { sql: ground.writer.sql, clock, providerOf, wake: () => {} };
}

/** A charge of 20.00 of which the provider tells nothing. */
async function charge() {
  ground.clock.push(24 * hourMs);
  const left = await ground.balance('A-1');
  if (left > 0n) await ground.spend('A-1', left);
  const viewer = ground.viewer('subscriber', 'A-1');
  const set = await setAutoTopUp({ ...deps(), sql: ground.api.sql }, viewer, {
    idempotencyKey: randomUUID(),
    accountId: ground.account('A-1'),
    channelId: ground.channelId,
    instrument: 'cus_1/pm_1',
    below: '5.00',
    amount: '20.00',
    dailyMax: '40.00',
  });
  if (!set.ok) throw new Error(set.message);
  expect(await askProviders(deps())).toEqual({ asked: 1, accepted: 1 });
  const intent = [...ground.stripe.intents.values()].at(-1);
  if (intent === undefined) throw new Error('nothing was charged');
  return intent;
}

/** The provider's own word, late. */
function tell(reference: string) {
  const occurredAtMs = ground.clock.nowMs();
  const eventId = `evt_${reference}`;
  return ground.hear({ reference, eventId, occurredAtMs, receivedAtMs: occurredAtMs });
}

async function order() {
  const accountId = ground.account('A-1');
  const viewer = ground.viewer('subscriber', 'A-1');
  const found = await asViewer(ground.api.sql, viewer, (tx) => findAutoTopUp(tx, accountId));
  return { isActive: found?.isActive, pausedCode: found?.pausedCode };
}

test('a charge whose word never comes is asked after, and credited once', async () => {
  const { id } = await charge();
  const before = ground.stripe.requests();
  ground.clock.push(hourMs - 1);
  await askProviders(deps());
  expect(ground.stripe.requests()).toBe(before);
  ground.clock.push(1);
  await askProviders(deps());
  expect(await ground.balance('A-1')).toBe(20n * euro);
  await tell(id);
  expect(await ground.balance('A-1')).toBe(20n * euro);
});

test('one that failed there pauses its order', async () => {
  const intent = await charge();
  intent.status = 'canceled';
  ground.clock.push(hourMs);
  await askProviders(deps());
  expect(await order()).toEqual({ isActive: false, pausedCode: 'canceled' });
});

test('one that stays open for two weeks holds its order no more, and may still come', async () => {
  const intent = await charge();
  intent.status = 'processing';
  for (let day = 1; day < 14; day += 1) {
    ground.clock.push(24 * hourMs);
    await askProviders(deps());
    expect(await order()).toEqual({ isActive: true, pausedCode: null });
  }
  ground.clock.push(24 * hourMs);
  await askProviders(deps());
  expect(await order()).toEqual({ isActive: false, pausedCode: 'CHARGE_UNANSWERED' });
  await tell(intent.id);
  expect(await ground.balance('A-1')).toBe(20n * euro);
  const next = await charge();
  expect(next.id).not.toBe(intent.id);
});

test('the doctor finds nothing wrong in all of it', async () => {
  expect(await ground.findings()).toEqual([]);
});
