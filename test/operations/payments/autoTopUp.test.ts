import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findAutoTopUp } from '../../../src/db/autoTopUps.ts';
import { asViewer } from '../../../src/db/viewer.ts';
import { providerGiveUpMs } from '../../../src/domain/payment/limits.ts';
import { askProviders } from '../../../src/operations/topUps/askProviders.ts';
import { setAutoTopUp, stopAutoTopUp } from '../../../src/operations/topUps/setAutoTopUp.ts';
import type { SetAutoTopUpInput } from '../../../src/operations/topUps/setAutoTopUp.ts';
import { providersWith } from '../../../src/providers/paymentProviders.ts';
import { Fuse, SimulatedCrash, noCrash } from '../../simulate/faults.ts';
import { makeChannel, secondCompany } from './paymentGround.ts';
import { brittleDeps, openProviderGround } from './providerGround.ts';
import type { ProviderGround } from './providerGround.ts';

let ground: ProviderGround;
beforeAll(async () => {
  ground = await openProviderGround('autotopup');
});
afterAll(() => ground.close());

const euro = 1_000_000n;
const hourMs = 3_600_000;

function deps() {
  const { clock, providerOf } = ground;
  const wake = (bell: (typeof ground.bells)[number]) => ground.bells.push(bell);
  return { sql: ground.writer.sql, clock, providerOf, wake };
}

function set(part: Partial<SetAutoTopUpInput> = {}, account = 'A-1') {
  const viewer = ground.viewer('subscriber', account);
  return setAutoTopUp({ ...deps(), sql: ground.api.sql }, viewer, {
    idempotencyKey: randomUUID(),
    accountId: ground.account(account),
    channelId: ground.channelId,
    instrument: 'cus_1/pm_1',
    below: '5.00',
    amount: '20.00',
    dailyMax: '40.00',
    ...part,
  });
}

/** The provider tells of all that was charged and not told yet. */
async function tell(account = 'A-1') {
  const nowMs = ground.clock.nowMs();
  for (const reference of ground.stripe.intents.keys()) {
    const accountId = ground.account(account);
    const event = { reference, accountId, eventId: `evt_${reference}`, occurredAtMs: nowMs };
    await ground.hear({ ...event, receivedAtMs: nowMs });
  }
}

function order(account = 'A-1') {
  const viewer = ground.viewer('subscriber', account);
  return asViewer(ground.api.sql, viewer, (tx) => findAutoTopUp(tx, ground.account(account)));
}

function notices() {
  return ground.writer.sql`
    select n.kind, n.detail->>'code' as code, n.detail->>'amount' as amount, s.state
    from notice n join notice_step s on s.notice_id = n.id
    where n.kind = 'top_up_failed' order by n.at, n.id, s.ordinal`;
}

/** A dead process does none of its stages. */
function isCrash(error: unknown): boolean {
  return error instanceof AggregateError
    ? error.errors.every(isCrash)
    : error instanceof SimulatedCrash;
}

const nothing = { asked: 0, accepted: 0 };
const one = { asked: 1, accepted: 1 };

describe('a standing order (002.24)', () => {
  test('charges once when less is left than it says; credit comes by the word of it', async () => {
    expect(await set()).toMatchObject({ ok: true, value: { isReplay: false } });
    expect(ground.bells).toContainEqual({ kind: 'providers' });
    expect(await askProviders(deps())).toEqual(one);
    expect(await askProviders(deps())).toEqual(nothing);
    const [intent] = ground.stripe.intents.values();
    expect(intent).toMatchObject({ amount: 2_000, currency: 'eur', status: 'succeeded' });
    expect(await ground.balance('A-1')).toBe(0n);
    await tell();
    expect(await ground.balance('A-1')).toBe(20n * euro);
    expect(await askProviders(deps())).toEqual(nothing);
    await ground.spend('A-1', 15n * euro);
    expect(await askProviders(deps())).toEqual(nothing); // 5.00 is not below 5.00
    await ground.spend('A-1', 1n);
    expect(await askProviders(deps())).toEqual(one);
    await tell();
    expect(await ground.balance('A-1')).toBe(25n * euro - 1n);
  });

  test('never charges more than its most in a local day, and goes on the next one', async () => {
    await ground.spend('A-1', 24n * euro);
    expect(await askProviders(deps())).toEqual(nothing);
    expect(ground.stripe.intents.size).toBe(2);
    ground.clock.push(10 * hourMs); // 13:00 to 23:00 in Berlin
    expect(await askProviders(deps())).toEqual(nothing);
    ground.clock.push(hourMs);
    expect(await askProviders(deps())).toEqual(one);
    await tell();
    expect(await ground.balance('A-1')).toBe(21n * euro - 1n);
  });

  test('of a declined card is paused and told, and asks nothing more', async () => {
    await ground.spend('A-1', 20n * euro);
    const before = ground.stripe.requests();
    ground.stripe.faults.push('declined');
    expect(await askProviders(deps())).toEqual({ asked: 1, accepted: 0 });
    for (let round = 0; round < 5; round += 1) {
      ground.clock.push(hourMs);
      expect(await askProviders(deps())).toEqual(nothing);
    }
    expect(ground.stripe.requests()).toBe(before + 1);
    expect(await order()).toMatchObject({ isActive: false, pausedCode: 'PAYMENT_DECLINED' });
    const told = { kind: 'top_up_failed', code: 'PAYMENT_DECLINED', amount: '20.00' };
    expect(await notices()).toEqual([{ ...told, state: 'queued' }]);
  });

  test('that is set again goes on under a new key, and what failed is not of the day', async () => {
    await set();
    expect(await askProviders(deps())).toEqual(one);
    await tell();
    expect(ground.stripe.intents.size).toBe(4);
    expect(await ground.balance('A-1')).toBe(21n * euro - 1n);
  });

  test('whose answer was lost is asked again under its key, later and later', async () => {
    ground.clock.push(24 * hourMs);
    await ground.spend('A-1', 20n * euro);
    // The SDK asks three times by itself.
    ground.stripe.faults.push('cut after', 'cut after', 'cut after');
    expect(await askProviders(deps())).toEqual({ asked: 1, accepted: 0 });
    expect(await askProviders(deps())).toEqual(nothing);
    ground.clock.push(30_000);
    ground.stripe.faults.push('status 500', 'status 500', 'status 500');
    expect(await askProviders(deps())).toEqual({ asked: 1, accepted: 0 });
    ground.clock.push(59_000);
    expect(await askProviders(deps())).toEqual(nothing);
    ground.clock.push(1_000);
    expect(await askProviders(deps())).toEqual(one);
    expect(ground.stripe.intents.size).toBe(5);
    await tell();
    expect(await ground.balance('A-1')).toBe(21n * euro - 1n);
  });

  test('whose provider is silent for too long is paused, as its key may be forgotten', async () => {
    ground.clock.push(24 * hourMs);
    await ground.spend('A-1', 20n * euro);
    ground.stripe.faults.push('cut before', 'cut before', 'cut before');
    await askProviders(deps());
    const before = ground.stripe.requests();
    ground.clock.push(providerGiveUpMs);
    expect(await askProviders(deps())).toEqual({ asked: 1, accepted: 0 });
    expect(ground.stripe.requests()).toBe(before);
    expect(await order()).toMatchObject({ isActive: false, pausedCode: 'PROVIDER_UNAVAILABLE' });
    expect(await notices()).toHaveLength(2);
  });

  test('that a bank refuses days later is paused', async () => {
    await set();
    expect(await askProviders(deps())).toEqual(one);
    const reference = [...ground.stripe.intents.keys()].at(-1) ?? '';
    const accountId = ground.account('A-1');
    await ground.hear({ reference, accountId, kind: 'failed', reason: 'insufficient_funds' });
    expect(await askProviders(deps())).toEqual(nothing);
    const paused = { isActive: false, pausedCode: 'insufficient_funds' };
    expect(await order()).toMatchObject(paused);
    expect(await notices()).toHaveLength(3);
    expect(await ground.balance('A-1')).toBe(euro - 1n);
  });

  test('asked by four processes at once is one charge', async () => {
    ground.clock.push(24 * hourMs);
    await set();
    const before = ground.stripe.intents.size;
    const asked = await Promise.all([1, 2, 3, 4].map(() => askProviders(deps())));
    expect(asked.reduce((sum, each) => sum + each.asked, 0)).toBe(1);
    expect(ground.stripe.intents.size).toBe(before + 1);
  });

  test('a crash between any two awaits charges once', async () => {
    let atAwait = 1;
    for (let isOver = false; !isOver; atAwait += 1) {
      // Two charges are a day's most.
      ground.clock.push(13 * hourMs);
      await tell();
      await ground.spend('A-1', (await ground.balance('A-1')) - euro);
      const before = ground.stripe.intents.size;
      const fuse = new Fuse({ ...noCrash, atAwait });
      const brittle = brittleDeps(ground, ground.writer.sql, fuse);
      try {
        await askProviders({ ...deps(), ...brittle });
        isOver = true;
      } catch (error) {
        if (!isCrash(error)) throw error;
      }
      ground.clock.push(90_000);
      await askProviders(deps());
      await askProviders(deps());
      expect(ground.stripe.intents.size).toBe(before + 1);
    }
    expect(atAwait).toBeGreaterThan(15);
    await tell();
    expect(await ground.trialBalance()).toBe(0n);
  });

  test('whose answer was lost waits for the right key of its channel', async () => {
    ground.clock.push(24 * hourMs);
    await ground.spend('A-1', 20n * euro);
    const before = ground.stripe.intents.size;
    ground.stripe.faults.push('cut after', 'cut after', 'cut after');
    expect(await askProviders(deps())).toEqual({ asked: 1, accepted: 0 });
    expect(ground.stripe.intents.size).toBe(before + 1);
    ground.clock.push(30_000);
    const secret = JSON.stringify({ apiKey: 'sk_test_other', webhookSecret: 'whsec_other' });
    const env = { [`JOULEBOOK_PAYMENT_CHANNEL_${ground.channelId}`]: secret };
    const wrong = providersWith({ dataDirectory: '/nowhere', env });
    expect(await askProviders({ ...deps(), providerOf: wrong })).toEqual({ asked: 1, accepted: 0 });
    expect(await order()).toMatchObject({ isActive: true });
    ground.clock.push(hourMs);
    expect(await askProviders(deps())).toEqual(one);
    expect(ground.stripe.intents.size).toBe(before + 1);
    await tell();
  });

  test('of an account that cannot be worked on holds up no other', async () => {
    ground.clock.push(24 * hourMs);
    await ground.spend('A-1', await ground.balance('A-1'));
    await set({}, 'A-2');
    const before = ground.stripe.intents.size;
    const owner = postgres(ground.url, { max: 1 });
    const move = (zone: string) => owner`
      update service_point p set time_zone = ${zone} from agreement g
      where g.service_point_id = p.id and g.account_id = ${ground.account('A-1')}`;
    await move('Nowhere/At_All');
    await expect(askProviders(deps())).rejects.toThrow(/1 failed/);
    await move('Europe/Berlin');
    const charged = [...ground.stripe.intents.values()].slice(before);
    expect(charged.map(({ metadata }) => metadata['joulebook_account'])).toEqual([
      String(ground.account('A-2')),
    ]);
    expect(await askProviders(deps())).toEqual(one);
    await owner`delete from auto_top_up where account_id = ${ground.account('A-2')}`;
    await owner.end();
    await tell();
  });

  test('that was stopped asks nothing, and a stop of none is refused', async () => {
    const viewer = ground.viewer('subscriber', 'A-1');
    const accountId = ground.account('A-1');
    const api = { ...deps(), sql: ground.api.sql };
    expect(await stopAutoTopUp(api, viewer, { accountId })).toMatchObject({
      value: { isReplay: false },
    });
    expect(await stopAutoTopUp(api, viewer, { accountId })).toMatchObject({
      value: { isReplay: true },
    });
    ground.clock.push(24 * hourMs);
    await ground.spend('A-1', await ground.balance('A-1'));
    expect(await askProviders(deps())).toEqual(nothing);
    const other = { accountId: ground.account('A-2') };
    expect(await stopAutoTopUp(api, viewer, other)).toMatchObject({ code: 'AUTO_TOP_UP_NOT_SET' });
  });
});

test('what an order cannot be is refused with its code', async () => {
  const { companyId } = ground.fleet;
  const counter = await makeChannel(ground, { companyId, name: 'desk', kind: 'cash' });
  const dollars = await makeChannel(ground, {
    companyId,
    name: 'dollars',
    kind: 'stripe',
    currency: 'USD',
  });
  const foreign = await secondCompany(ground);
  const abroad = await makeChannel(ground, {
    companyId: foreign.companyId,
    name: 'card',
    kind: 'stripe',
  });
  const wrong = [
    [{ channelId: counter }, 'CHANNEL_WITHOUT_PROVIDER'],
    [{ channelId: dollars }, 'CURRENCY_MISMATCH'],
    [{ channelId: abroad }, 'PAYMENT_CHANNEL_UNKNOWN'],
    [{ accountId: ground.account('A-2') }, 'ACCOUNT_NOT_FOUND'],
    [{ instrument: '4242424242424242' }, 'INSTRUMENT_MALFORMED'],
    [{ amount: '0' }, 'AMOUNT_NOT_POSITIVE'],
    [{ below: '1.005' }, 'AMOUNT_TOO_PRECISE'],
    [{ dailyMax: '19.99' }, 'DAILY_MAX_BELOW_AMOUNT'],
  ] as const;
  for (const [part, code] of wrong) expect(await set(part)).toMatchObject({ code });
  expect(await set({}, 'A-3')).toMatchObject({ code: 'ACCOUNT_NOT_PREPAID' });
  expect(await order('A-2')).toBeNull();
});

test('the doctor finds nothing wrong in all of it', async () => {
  expect(await ground.findings()).toEqual([]);
});
