import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { publishTariff } from '../../src/operations/publishTariff.ts';
import type { PublishTariffInput } from '../../src/operations/publishTariff.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { flatTariff, openGround, smallFleet } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('publish');
});
afterAll(() => ground.close());

const july = Date.UTC(2026, 6, 1);

function publish(viewer: Viewer, input: Partial<PublishTariffInput>) {
  const tariffId = ground.fleet.tariffs.get('household');
  if (tariffId === undefined) throw new Error('the fleet has its tariff');
  const deps = {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: Ground['bells'][number]) => ground.bells.push(bell),
  };
  return publishTariff(deps, viewer, {
    idempotencyKey: randomUUID(),
    tariffId,
    validFromMs: july,
    document: flatTariff('0.40'),
    backdatedReason: null,
    ...input,
  });
}

/** Credits in money are a matter of whole bills. */
const withCredits = {
  ...flatTariff('0.40'),
  components: [
    ...flatTariff('0.40').components,
    { kind: 'energy', name: 'sold', flow: 'export', price: '0.10' },
    { kind: 'netting', name: 'credits', method: 'moneyCredits', of: ['energy', 'sold'] },
  ],
};

/** 10 kWh at 0.40 are 4.00. */
function withExample(total: string) {
  const day = { from: '2026-01-01', to: '2026-01-02' };
  return {
    ...flatTariff('0.40'),
    zone: 'Europe/Berlin',
    examples: [
      {
        name: 'a day',
        ...day,
        intervalMinutes: 60,
        load: [{ ...day, importKwh: '10' }],
        expect: { total },
      },
    ],
  };
}

async function versions(): Promise<number> {
  return (await ground.writer.sql`select from tariff_version`).count;
}

describe('publishing a tariff (004.10, 003.2)', () => {
  test('adds a version once, with duties for the meters that have data there', async () => {
    const meterId = ground.fleet.meters.get('JB000002') ?? 0;
    const lastOfJune = Date.UTC(2026, 5, 30) / 86_400_000;
    await ground.writer.sql`
      insert into series_day (meter_id, channel, day, company_id, bytes, revision)
      values (${meterId}, 1, ${lastOfJune}, ${ground.fleet.companyId}, ''::bytea, 1),
             (${ground.fleet.meters.get('JB000001') ?? 0}, 1, ${lastOfJune - 1},
              ${ground.fleet.companyId}, ''::bytea, 1)`;
    const idempotencyKey = randomUUID();
    const viewer = ground.viewer('administrator');
    const first = await publish(viewer, { idempotencyKey });
    expect(first).toMatchObject({ ok: true, value: { metersToRate: 1, isReplay: false } });
    expect(ground.bells).toEqual([
      { kind: 'events', shard: ground.fleet.companyId % 4 },
      { kind: 'rating' },
    ]);
    const again = await publish(viewer, { idempotencyKey });
    expect(again).toEqual({ ok: true, value: { ...(first.ok && first.value), isReplay: true } });
    expect(await versions()).toBe(2);
    const duties = await ground.writer.sql`select meter_id, from_day from rerate_duty`;
    expect([...duties]).toEqual([{ meter_id: meterId, from_day: lastOfJune }]);
    const events = await ground.writer.sql`select kind, account_ids from event`;
    expect([...events]).toEqual([{ kind: 'tariff', account_ids: [0] }]);
    const audits = await ground.writer.sql`select action, actor from audit_entry`;
    expect([...audits]).toEqual([{ action: 'tariff.publish', actor: 'administrator:one' }]);
  });

  test.each<[string, string, Partial<PublishTariffInput>]>([
    ['a second version at the same instant', 'TARIFF_VERSION_EXISTS', {}],
    ['an instant within a quarter hour', 'VALIDITY_OFF_GRID', { validFromMs: july + 60_000 }],
    ['an instant of another age', 'VALIDITY_OUT_OF_RANGE', { validFromMs: 9e15 }],
    ['another currency', 'CURRENCY_MISMATCH', { document: flatTariff('0.40', 'USD') }],
    ['no document', 'TARIFF_MALFORMED', { document: undefined }],
    ['no instant at all', 'VALIDITY_MISSING', { validFromMs: null }],
    [
      'a local begin without a zone and without an instant',
      'VALIDITY_MISSING',
      { validFromMs: null, document: { ...flatTariff('0.40'), validFrom: '2026-08-01' } },
    ],
    [
      'two begins that differ',
      'VALIDITY_MISMATCH',
      {
        validFromMs: july,
        document: { ...flatTariff('0.40'), zone: 'Europe/Berlin', validFrom: '2026-07-01' },
      },
    ],
    [
      'an end, which only the next version makes',
      'VALIDITY_END_UNSUPPORTED',
      { document: { ...flatTariff('0.40'), validTo: '2027-01-01' } },
    ],
    [
      'what a prepaid balance cannot follow, as prepaid agreements have the tariff',
      'PREPAID_UNSUPPORTED',
      { document: withCredits },
    ],
    ['a golden example that fails', 'TARIFF_EXAMPLE_FAILED', { document: withExample('3.99') }],
    ['a blank reason for going back', 'REASON_MISSING', { backdatedReason: ' ' }],
    [
      'a document with a price that is a float',
      'TARIFF_MALFORMED',
      {
        document: { ...flatTariff('0.40'), components: [{ prices: { flat: 0.4 } }] },
      },
    ],
  ])('%s is refused with its place, and nothing is published', async (_, code, input) => {
    const before = await versions();
    const refused = await publish(ground.viewer('administrator'), input);
    expect(refused).toMatchObject({ ok: false, code });
    expect(refused.ok ? [] : refused.path?.length).toBeGreaterThan(0);
    expect(await versions()).toBe(before);
  });

  test('a document says itself when it begins, and its golden examples are billed', async () => {
    const document = { ...withExample('4.00'), validFrom: '2026-01-01' };
    const published = await publish(ground.viewer('administrator'), {
      validFromMs: null,
      document,
    });
    // Midnight of Berlin in winter.
    const validFromMs = Date.UTC(2025, 11, 31, 23);
    expect(published).toMatchObject({ ok: true, value: { validFromMs } });
  });

  test('a tariff with credits takes no prepaid agreement afterwards', async () => {
    const base = smallFleet('East Grid');
    const [first] = base.tariffs;
    const postpaid = base.agreements.map((each) => ({ ...each, mode: 'postpaid' as const }));
    const east = await openGround('publish_east', { ...base, agreements: postpaid.slice(0, 1) });
    const tariffId = east.fleet.tariffs.get(first.name);
    if (tariffId === undefined) throw new Error('the fleet has its tariff');
    const deps = { sql: east.api.sql, clock: east.clock, wake: () => {} };
    const published = await publishTariff(deps, east.viewer('administrator'), {
      idempotencyKey: randomUUID(),
      tariffId,
      validFromMs: july,
      document: withCredits,
      backdatedReason: null,
    });
    expect(published).toMatchObject({ ok: true });
    const more = { ...base, agreements: [postpaid[0], base.agreements[1]] };
    const refused = await registerFleet({ sql: east.writer.sql, clock: east.clock }, more);
    expect(refused).toMatchObject({ ok: false, code: 'PREPAID_UNSUPPORTED' });
    await east.close();
  });

  test('is not for subscribers and operators, and not for another company’s tariff', async () => {
    for (const viewer of [ground.viewer('subscriber', 'A-1'), ground.viewer('operator')]) {
      const refused = await publish(viewer, {});
      expect(refused).toMatchObject({ ok: false, code: 'NOT_PERMITTED' });
    }
    const tariffId = ground.fleet.tariffs.get('household');
    const [other] = await ground.writer.sql<{ id: number }[]>`
      insert into company (name) values ('South Grid') returning id`;
    const [foreign] = await ground.writer.sql<{ id: typeof tariffId }[]>`
      insert into tariff (company_id, name, currency) values (${other?.id ?? 0}, 'x', 'EUR')
      returning id`;
    const unseen = await publish(ground.viewer('administrator'), {
      ...(foreign?.id && { tariffId: foreign.id }),
    });
    expect(unseen).toMatchObject({ ok: false, code: 'TARIFF_NOT_FOUND' });
  });
});
