import { generateKeyPairSync } from 'node:crypto';
import { connect } from '../../src/db/connect.ts';
import type { Database, Sql } from '../../src/db/connect.ts';
import type { Role, Viewer } from '../../src/domain/access/viewer.ts';
import type { Bell } from '../../src/domain/bell.ts';
import type { Fleet } from '../../src/domain/fleet.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import type { RegisteredFleet } from '../../src/operations/registerFleet.ts';
import { freshDatabase } from '../support/postgres.ts';

/** Sunday, a quarter hour: nothing in these tests depends on today. */
export const startMs = Date.UTC(2026, 2, 1, 12, 0);

export function flatTariff(price: string, currency = 'EUR') {
  return {
    currency,
    calendars: [{ name: 'always', rules: [{ from: '00:00', to: '24:00', period: 'flat' }] }],
    components: [
      {
        kind: 'energy',
        name: 'energy',
        flow: 'import',
        calendar: 'always',
        prices: { flat: price },
      },
    ],
    rounding: {},
  };
}

export const edgeKeys = generateKeyPairSync('ed25519');

function rawPublicKey(): Uint8Array {
  return edgeKeys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
}

/** Two accounts with one switched meter each, and a third meter without a contactor. */
export function smallFleet(company = 'North Grid'): Fleet {
  const meter = (index: number) => ({
    serial: `JB00000${index}`,
    edge: 'head-end',
    servicePoint: `flat ${index}`,
    bus: { name: 'bus 1', unitId: index },
    mapName: 'int64Wh',
    powerMaxW: 24_000,
    registerModulusWh: null,
    contactor: index === 3 ? null : { unitId: 100 + index, coil: 0 },
  });
  const agreement = (index: number) => ({
    account: `A-${index}`,
    servicePoint: `flat ${index}`,
    tariff: 'household',
    mode: index === 3 ? ('postpaid' as const) : ('prepaid' as const),
    validFromMs: Date.UTC(2026, 0, 1),
    validToMs: null,
    balanceLimitMicros: 0n,
    reconnectMicros: 5_000_000n,
  });
  return {
    company,
    edges: [
      {
        name: 'head-end',
        publicKeys: [rawPublicKey()],
        buses: [
          {
            name: 'bus 1',
            address: { kind: 'tcp', host: '127.0.0.1', port: 1502 },
            pollIntervalMs: 1_000,
          },
        ],
      },
    ],
    servicePoints: [1, 2, 3].map((index) => ({ name: `flat ${index}`, timeZone: 'Europe/Berlin' })),
    meters: [1, 2, 3].map(meter),
    customers: [1, 2, 3].map((index) => ({
      name: `customer ${index}`,
      accounts: [{ number: `A-${index}`, currency: 'EUR' }],
    })),
    tariffs: [
      {
        name: 'household',
        currency: 'EUR',
        versions: [{ validFromMs: Date.UTC(2026, 0, 1), document: flatTariff('0.30') }],
      },
    ],
    agreements: [1, 2, 3].map(agreement),
  };
}

export type Ground = {
  readonly writer: Database;
  readonly api: Database;
  readonly fleet: RegisteredFleet;
  readonly clock: { nowMs(): number; push(ms: number): void };
  readonly bells: Bell[];
  readonly url: string;
  viewer(role: Role, accountNumber?: string): Viewer;
  account(number: string): AccountId;
  close(): Promise<void>;
};

export function settableClock(atMs = startMs) {
  let nowMs = atMs;
  return {
    nowMs: () => nowMs,
    push(ms: number) {
      nowMs += ms;
    },
  };
}

/** Nothing protects: a balance at its limit is cut at any time of any day. */
export const openPolicy = {
  name: 'standard',
  protectedHours: [],
  weather: null,
  notice: null,
  breaker: { cutsMax: 10_000, minutes: 1 },
};

/** Published for all accounts of a company that are under no other, from 1970 on. */
export async function publishForTest(
  sql: Sql,
  companyId: number,
  document: object = openPolicy,
): Promise<void> {
  await sql`
    insert into prepaid_policy (company_id, name, valid_from, document, published_at, published_by)
    select ${companyId}, d->>'name', to_timestamp(count(p.id)), d, to_timestamp(count(p.id)), 'test'
    from (select ${JSON.stringify(document)}::text::jsonb as d) x
    left join prepaid_policy p on p.company_id = ${companyId} and p.name = d->>'name'
    group by d`;
}

/** A database of its own with the small fleet in it, under the open policy. */
export async function openGround(name: string, fleet = smallFleet()): Promise<Ground> {
  const { url } = await freshDatabase(name);
  const writer = await connect(url, { role: 'joulebook_writer', connectionsMax: 8, name });
  const api = await connect(url, { role: 'joulebook_api', connectionsMax: 12, name });
  const clock = settableClock();
  const registered = await registerFleet({ sql: writer.sql, clock }, fleet);
  if (!registered.ok) throw new Error(`${registered.code}: ${registered.message}`);
  const { companyId, accounts } = registered.value;
  await publishForTest(writer.sql, companyId);
  const account = (number: string): AccountId => {
    const id = accounts.get(number);
    if (id === undefined) throw new Error(`the fleet has no account ${number}`);
    return id;
  };
  return {
    writer,
    api,
    clock,
    fleet: registered.value,
    bells: [],
    url,
    account,
    viewer: (role, accountNumber) => ({
      companyId,
      role,
      accountId: accountNumber === undefined ? null : account(accountNumber),
      actor: `${role}:${accountNumber ?? 'one'}`,
      persistedOnly: false,
    }),
    async close() {
      await api.close();
      await writer.close();
    },
  };
}
