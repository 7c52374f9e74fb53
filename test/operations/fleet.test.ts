import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fleet } from '../../src/domain/fleet.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { flatTariff, openGround, smallFleet } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('fleet');
});
afterAll(() => ground.close());

async function counts(): Promise<string> {
  const [row] = await ground.writer.sql<{ counts: string }[]>`
    select concat_ws('/', (select count(*) from company), (select count(*) from edge),
      (select count(*) from edge_key), (select count(*) from bus),
      (select count(*) from service_point), (select count(*) from meter),
      (select count(*) from customer), (select count(*) from account),
      (select count(*) from ledger_account), (select count(*) from account_balance),
      (select count(*) from tariff), (select count(*) from tariff_version),
      (select count(*) from agreement)) as counts`;
  return row?.counts ?? '';
}

function register(fleet: Fleet) {
  return registerFleet({ sql: ground.writer.sql, clock: ground.clock }, fleet);
}

describe('registering a fleet', () => {
  test('writes every noun with ledgers and balances, and again nothing', async () => {
    // 1 company, 1 edge, 1 key, 1 bus, 3 points, 3 meters, 3 customers, 3 accounts,
    // 3 customer ledger accounts + revenue + clearing, 3 balances, 1 tariff, 1 version,
    // 3 agreements.
    expect(await counts()).toBe('1/1/1/1/3/3/3/3/5/3/1/1/3');
    const again = await register(smallFleet());
    expect(again).toEqual({ ok: true, value: ground.fleet });
    expect(await counts()).toBe('1/1/1/1/3/3/3/3/5/3/1/1/3');
  });

  test('a longer declaration adds what is new, and a rated past is rated again', async () => {
    const base = smallFleet();
    const meterId = ground.fleet.meters.get('JB000001') ?? 0;
    await ground.writer.sql`
      insert into series_day (meter_id, channel, day, company_id, bytes, revision)
      values (${meterId}, 1, ${Date.UTC(2026, 1, 20) / 86_400_000}, ${ground.fleet.companyId},
              ''::bytea, 1)`;
    const tariff = base.tariffs[0];
    const february = { validFromMs: Date.UTC(2026, 1, 1), document: flatTariff('0.35') };
    const longer = await register({
      ...base,
      edges: [...base.edges, { name: 'gateway', publicKeys: [], buses: [] }],
      tariffs: [{ ...tariff, versions: [...tariff.versions, february] }],
    });
    expect(longer.ok).toBe(true);
    expect(await counts()).toBe('1/2/1/1/3/3/3/3/5/3/1/2/3');
    const duties = await ground.writer.sql`
      select meter_id, from_day, reason from rerate_duty`;
    // The day before 1 February: the version's first local day begins in it.
    const fromDay = Date.UTC(2026, 0, 31) / 86_400_000;
    expect([...duties]).toEqual([
      { meter_id: meterId, from_day: fromDay, reason: 'tariff_changed' },
    ]);
    const shards = await ground.writer.sql<{ log_shard: number }[]>`
      select log_shard from edge order by id`;
    expect(shards.map((row) => row.log_shard)).toEqual([0, 1]);
  });

  test('installations, classes and media are kept, and contradicted by nobody', async () => {
    const base = smallFleet();
    const [point, ...points] = base.servicePoints;
    const [meter, ...meters] = base.meters;
    const said = (installed: Fleet['meters'][number]['installed'], isOccupied: boolean): Fleet => ({
      ...base,
      servicePoints: [{ ...point, customerClass: 'large', isOccupied }, ...points],
      meters: [{ ...meter, ...(installed !== undefined && { installed }) }, ...meters],
    });
    const atMs = Date.UTC(2026, 0, 5, 9);
    const installed = { atMs, startValue: 1_900n, factor: '200/5' };
    for (const isOccupied of [false, true]) {
      expect(await register(said(installed, isOccupied))).toMatchObject({ ok: true });
    }
    const marks = await ground.writer.sql`
      select channel, kind, at, start_value, numerator, denominator from register_mark order by id`;
    const of = { kind: 'installed', at: new Date(atMs) };
    expect([...marks]).toEqual([
      { ...of, channel: 0, start_value: null, numerator: 40n, denominator: 1n },
      // Its factor is that of all registers.
      { ...of, channel: 1, start_value: 1_900n, numerator: null, denominator: null },
    ]);
    const [row] = await ground.writer.sql`
      select customer_class, is_occupied from service_point where name = ${point.name}`;
    expect(row).toEqual({ customer_class: 'large', is_occupied: true });
    const other = await register(said({ ...installed, factor: '80' }, true));
    expect(other).toMatchObject({ ok: false, code: 'FLEET_CONFLICT' });
    const gas: Fleet = { ...base, meters: [{ ...meter, medium: 'gas' }, ...meters] };
    expect(await register(gas)).toMatchObject({ ok: false, code: 'FLEET_CONFLICT' });
    expect(await register(said({ atMs, factor: '1/0' }, true))).toMatchObject({
      code: 'FACTOR_MALFORMED',
      path: ['meters', '0', 'installed', 'factor'],
    });
    await ground.writer.sql`delete from rerate_duty where reason = 'register_marked'`;
  });

  test('a bus takes its declared address and pace, because sockets move', async () => {
    const base = smallFleet();
    const [edge] = base.edges;
    const address = { kind: 'tcp', host: '127.0.0.1', port: 1_999 } as const;
    const buses = [{ name: 'bus 1', address, pollIntervalMs: 5_000 }];
    const moved = await register({ ...base, edges: [{ ...edge, buses }] });
    expect(moved.ok && moved.value.buses).toEqual(ground.fleet.buses);
    const rows = await ground.writer.sql`select address, poll_interval_ms from bus`;
    expect([...rows]).toEqual([{ address, poll_interval_ms: 5_000 }]);
  });

  test('an agreement may say more than it did, and is then rated again', async () => {
    const base = smallFleet();
    await ground.writer.sql`delete from rerate_duty`;
    const said = (attributes: Fleet['agreements'][number]['attributes']): Fleet => ({
      ...base,
      agreements: base.agreements.map((agreement, index) =>
        index === 0 && attributes !== undefined ? { ...agreement, attributes } : agreement,
      ),
    });
    expect(await register(said({ contractedKw: '41.5' }))).toMatchObject({ ok: true });
    const duties = await ground.writer.sql`select meter_id, from_day, reason from rerate_duty`;
    expect([...duties]).toEqual([
      {
        meter_id: ground.fleet.meters.get('JB000001') ?? 0,
        from_day: Date.UTC(2025, 11, 31) / 86_400_000,
        reason: 'attributes_added',
      },
    ]);
    expect(await register(said({ phases: 3 }))).toMatchObject({ ok: true });
    const [row] = await ground.writer.sql`select attributes from agreement order by id limit 1`;
    expect(row).toEqual({ attributes: { contractedKw: '41.5', phases: 3 } });
    // Said before, and now otherwise.
    const other = await register(said({ contractedKw: '50' }));
    expect(other).toMatchObject({ ok: false, code: 'FLEET_CONFLICT' });
    const malformed = await register(said({ contractedKw: '5,5' }));
    expect(malformed).toMatchObject({
      ok: false,
      code: 'ATTRIBUTES_MALFORMED',
      path: ['agreements', '0', 'attributes'],
    });
  });

  test('a service point becomes a key zone, and no longer one, as it is declared', async () => {
    const base = smallFleet();
    const zones = async (): Promise<readonly boolean[]> =>
      (
        await ground.writer.sql<{ is_key_zone: boolean }[]>`
          select is_key_zone from service_point order by id`
      ).map((row) => row.is_key_zone);
    const declared = (isKeyZone: boolean): Fleet => ({
      ...base,
      servicePoints: base.servicePoints.map((point, index) =>
        index === 1 ? { ...point, isKeyZone } : point,
      ),
    });
    expect(await register(declared(true))).toMatchObject({ ok: true });
    expect(await zones()).toEqual([false, true, false]);
    expect(await register(base)).toMatchObject({ ok: true });
    expect(await zones()).toEqual([false, true, false]);
    expect(await register(declared(false))).toMatchObject({ ok: true });
    expect(await zones()).toEqual([false, false, false]);
  });

  test.each<[string, string, (fleet: Fleet) => Fleet]>([
    [
      'an unknown zone',
      'ZONE_UNKNOWN',
      (fleet) => ({ ...fleet, servicePoints: [{ name: 'flat 1', timeZone: 'Mars/Olympus' }] }),
    ],
    [
      'agreements of one service point that overlap',
      'FLEET_AGREEMENT_OVERLAP',
      (fleet) => ({
        ...fleet,
        agreements: [
          ...fleet.agreements,
          { ...fleet.agreements[0], account: 'A-2', validFromMs: Date.UTC(2026, 5, 1) },
        ],
      }),
    ],
    [
      'a validity that begins within a quarter hour',
      'VALIDITY_OFF_GRID',
      (fleet) => ({
        ...fleet,
        agreements: [{ ...fleet.agreements[0], validFromMs: Date.UTC(2026, 0, 1, 0, 7) }],
      }),
    ],
    [
      'an account in another currency than its tariff',
      'CURRENCY_MISMATCH',
      (fleet) => ({
        ...fleet,
        customers: fleet.customers.map((customer) => ({
          ...customer,
          accounts: customer.accounts.map((account) => ({ ...account, currency: 'USD' })),
        })),
      }),
    ],
    [
      'a tariff whose period has no price',
      'TARIFF_PRICE_MISSING',
      (fleet) => {
        const [component] = flatTariff('0.30').components;
        const emptied = { ...flatTariff('0.30'), components: [{ ...component, prices: {} }] };
        const versions = [{ validFromMs: Date.UTC(2026, 6, 1), document: emptied }];
        return { ...fleet, tariffs: [{ ...fleet.tariffs[0], versions }] };
      },
    ],
    [
      'a meter on a bus that nobody declared',
      'FLEET_REFERENCE_UNKNOWN',
      (fleet) => ({
        ...fleet,
        meters: [{ ...fleet.meters[0], bus: { name: 'bus 9', unitId: 1 } }],
      }),
    ],
    [
      'a registered meter that moves to another unit',
      'FLEET_CONFLICT',
      (fleet) => ({
        ...fleet,
        meters: [{ ...fleet.meters[0], bus: { name: 'bus 1', unitId: 77 } }],
      }),
    ],
    [
      'an edge key that is another company’s already',
      'FLEET_CONFLICT',
      (fleet) => ({ ...fleet, company: 'South Grid' }),
    ],
  ])('%s is refused and nothing is written', async (_, code, change) => {
    const before = await counts();
    expect(await register(change(smallFleet()))).toMatchObject({ ok: false, code });
    expect(await counts()).toBe(before);
  });
});
