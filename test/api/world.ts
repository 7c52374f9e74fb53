import { generateKeyPairSync } from 'node:crypto';
import postgres from 'postgres';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { parseAccountId, parseCompanyId } from '../../src/domain/ids.ts';
import { encodeCarry } from '../../src/domain/series/carryCodec.ts';
import { emptyDay, mergeReadings } from '../../src/domain/series/day.ts';
import type { SeriesDay } from '../../src/domain/series/day.ts';
import { encodeDay } from '../../src/domain/series/dayCodec.ts';
import { walkDays } from '../../src/domain/series/walk.ts';
import { compileTariff } from '../../src/domain/rating/compile.ts';
import { accumulate } from '../../src/domain/rating/kernel.ts';
import { slotOf } from '../../src/domain/rating/slot.ts';
import { parseTariffDocument } from '../../src/domain/tariff/document.ts';
import { encodeSums } from '../../src/operations/rating/storedSums.ts';
import { createApiServer } from '../../src/schema/server.ts';
import type { ApiServer } from '../../src/schema/server.ts';
import { issueToken } from '../../src/operations/issueToken.ts';
import { appendEvent, eventShardOf, wakeReaders } from '../../src/db/events.ts';
import type { EventBlock } from '../../src/db/events.ts';
import { startTail } from '../../src/stream/tail.ts';
import type { Tail } from '../../src/stream/tail.ts';
import { freshDatabase } from '../support/postgres.ts';

/**
 * Made up. Company 1: meter 10 with account 100 (prepaid, 5.00 EUR), meter 11 with account 101,
 * meter 12 that nobody uses. Company 2: meter 20 with account 200. 2026-03-02 is day 20,514.
 */
export const day = 20_514;
export const dayStartMs = day * 86_400_000;

const key = generateKeyPairSync('ed25519');
export const realm = { issuer: 'https://issuer.test', audience: 'joulebook' };
export const signingKey = key.privateKey;

/** 0.30 EUR a kWh at all hours. */
export const flatTariff = {
  currency: 'EUR',
  rounding: {},
  calendars: [{ name: 'all', rules: [{ from: '00:00', to: '24:00', period: 'any' }] }],
  components: [
    { kind: 'energy', name: 'work', flow: 'import', calendar: 'all', prices: { any: '0.30' } },
  ],
};

export function viewerOf(
  role: Viewer['role'],
  options: { company?: number; account?: number; persistedOnly?: boolean } = {},
): Viewer {
  const company = parseCompanyId(options.company ?? 1);
  const account = options.account === undefined ? null : parseAccountId(options.account);
  if (!company.ok || account?.ok === false) throw new Error('the ids of the test are ids');
  return {
    companyId: company.value,
    role,
    accountId: account?.value ?? null,
    actor: `test/${role}/${options.account ?? 0}`,
    persistedOnly: options.persistedOnly ?? false,
  };
}

export function tokenOf(viewer: Viewer, lifetimeMs = 600_000): Promise<string> {
  const signer = { ...realm, privateKey: key.privateKey };
  return issueToken(signer, { viewer, nowMs: Date.now(), lifetimeMs });
}

export function globalId(type: string, id: number | string): string {
  return Buffer.from(`${type}:${id}`).toString('base64url');
}

export function rated(event: Partial<EventBlock> = {}): EventBlock {
  return {
    companyId: 1,
    kind: 'rated',
    atMs: dayStartMs,
    meterIds: [10],
    accountIds: [100],
    readAtMs: [dayStartMs],
    registerWh: [123_456n],
    powerW: [1_500],
    energyWh: [250n],
    chargedMicros: [75_000n],
    balanceMicros: [4_925_000n],
    detail: null,
    ...event,
  };
}

/** The register at 00:00, 00:15, 00:30 and 01:00: 250 Wh each quarter hour, 00:45 missing. */
function daySeries(): SeriesDay {
  const series = emptyDay(day);
  const columns = {
    readAtMs: Float64Array.from([0, 15, 30, 60].map((minute) => dayStartMs + minute * 60_000)),
    value: BigInt64Array.from([1_000n, 1_250n, 1_500n, 2_000n]),
    quality: new Uint8Array(4),
    factor: 1,
    epoch: 1,
    sequence: 1n,
  };
  mergeReadings(series, columns, { from: 0, to: 4 });
  return series;
}

/** Where rating goes on after that day: before its newest reading. */
function carryBytes(): Uint8Array {
  const walked = walkDays([daySeries()], null, {
    powerMaxW: 10_000,
    registerStepWh: 1,
    registerModulusWh: null,
    marks: [],
  });
  if (walked.carrySettled === null) throw new Error('four readings settle something');
  return encodeCarry(walked.carrySettled);
}

/** What rating keeps of a kWh used in the first hour of 2 March UTC, four slots of 250 Wh. */
function marchSums(): Uint8Array {
  const document = parseTariffDocument(flatTariff);
  if (!document.ok) throw new Error(document.message);
  const window = { fromMs: Date.UTC(2026, 1, 28, 23), toMs: Date.UTC(2026, 2, 31, 22) };
  const compiled = compileTariff(document.value, { zone: 'Europe/Berlin', ...window });
  if (!compiled.ok) throw new Error(compiled.message);
  const firstSlot = slotOf(dayStartMs);
  const energies = { import: Float64Array.from([250, 250, 250, 250]), firstSlot };
  const accumulator = accumulate(compiled.value, energies);
  return encodeSums(compiled.value, { untilSlot: firstSlot + 4, accumulator });
}

const registry = `
      insert into company (id, name) overriding system value values (1, 'North'), (2, 'South');
      insert into edge (id, company_id, name, log_shard) overriding system value
        values (1, 1, 'edge', 0), (2, 2, 'edge', 1);
      insert into service_point (id, company_id, name, time_zone) overriding system value
        values (10, 1, 'a', 'Europe/Berlin'), (11, 1, 'b', 'Europe/Berlin'),
               (12, 1, 'c', 'Europe/Berlin'), (20, 2, 'd', 'Europe/Berlin');
      insert into meter (id, company_id, edge_id, service_point_id, serial, map_name, power_max_w,
                         contactor_unit_id, contactor_coil) overriding system value
        values (10, 1, 1, 10, 'M10', 'int64Wh', 10000, 101, 0),
               (11, 1, 1, 11, 'M11', 'int64Wh', 10000, null, null),
               (12, 1, 1, 12, 'M12', 'int64Wh', 10000, null, null),
               (20, 2, 2, 20, 'M20', 'int64Wh', 10000, null, null);
      insert into customer (id, company_id, name) overriding system value
        values (1, 1, 'Ada'), (2, 1, 'Bob'), (3, 2, 'Eve');
      insert into account (id, company_id, customer_id, number, currency) overriding system value
        values (100, 1, 1, 'A100', 'EUR'), (101, 1, 2, 'A101', 'EUR'), (200, 2, 3, 'A200', 'EUR');
      insert into account_balance (account_id, company_id, balance_micros)
        values (100, 1, 5000000), (101, 1, 0), (200, 2, 7000000);
      insert into ledger_account (id, company_id, code, currency, account_id)
        overriding system value
        values (1, 1, 'customer', 'EUR', 100), (2, 1, 'customer', 'EUR', 101),
               (3, 1, 'energy_revenue', 'EUR', null), (4, 1, 'payments_clearing', 'EUR', null),
               (5, 2, 'customer', 'EUR', 200), (6, 2, 'energy_revenue', 'EUR', null),
               (7, 2, 'payments_clearing', 'EUR', null);
      insert into payment_channel (company_id, name, kind, currency)
        values (1, 'counter EUR', 'counter', 'EUR'), (2, 'counter EUR', 'counter', 'EUR');
      alter table ledger_account alter column id restart with 1000;
      insert into tariff (id, company_id, name, currency) overriding system value
        values (1, 1, 'flat', 'EUR'), (2, 2, 'flat', 'EUR');
      insert into tariff_version (id, company_id, tariff_id, valid_from, document, published_at,
                                  published_by) overriding system value
        values (1, 1, 1, '2020-01-01Z', '${JSON.stringify(flatTariff)}', '2020-01-01Z', 'test'),
               (2, 2, 2, '2020-01-01Z', '${JSON.stringify(flatTariff)}', '2020-01-01Z', 'test');
      alter table tariff_version alter column id restart with 1000;
      insert into agreement (id, company_id, account_id, service_point_id, tariff_id, mode,
                             valid_from, balance_limit_micros, reconnect_micros)
        overriding system value
        values (1, 1, 100, 10, 1, 'prepaid', '2020-01-01Z', 0, 1000000),
               (2, 1, 101, 11, 1, 'postpaid', '2020-01-01Z', -99000000, 0),
               (3, 2, 200, 20, 2, 'prepaid', '2020-01-01Z', 0, 1000000);
      alter table agreement alter column id restart with 1000;
      insert into transfer (id, company_id, currency, debit_id, credit_id, amount_micros, code,
                            account_id, posted_at)
        values ('00000000-0000-4000-8000-000000000001', 1, 'EUR', 4, 1, 5300000, 'top_up', 100,
                '2026-03-01Z'),
               ('00000000-0000-4000-8000-000000000002', 1, 'EUR', 1, 3, 300000, 'energy', 100,
                '2026-03-02Z'),
               ('00000000-0000-4000-8000-000000000003', 2, 'EUR', 7, 5, 7000000, 'top_up', 200,
                '2026-03-01Z');
      insert into command (id, company_id, meter_id, account_id, kind, cause, reason, state,
                           requested_by, requested_at, not_after, attempts, next_attempt_at)
        values ('00000000-0000-4000-8000-0000000000c1', 1, 11, 101, 'disconnect', 'manual', 'test',
                'failed', 'test', '2026-03-02Z', '2026-03-03Z', 1, '2026-03-02Z'),
               ('00000000-0000-4000-8000-0000000000c2', 2, 20, 200, 'disconnect', 'manual', 'test',
                'failed', 'test', '2026-03-02Z', '2026-03-03Z', 1, '2026-03-02Z');
      insert into command_step (command_id, ordinal, company_id, account_id, state, at, detail)
        values ('00000000-0000-4000-8000-0000000000c1', 1, 1, 101, 'requested', '2026-03-02Z', 'x');
      insert into unrated_energy (meter_id, period_start, code, company_id, energy_wh, slot_count)
        values (12, '2026-03-01Z', 'AGREEMENT_NOT_FOUND', 1, 9, 1);
      insert into supply (meter_id, company_id, state, cause, since)
        values (11, 1, 'disconnected', 'manual', '2026-03-02Z');
      insert into batch_quarantine (hash, code, message, company_id, edge_id, received_at, carried)
        values ('\\x01', 'SIGNATURE_INVALID', 'made up', 1, 1, '2026-03-02Z', '\\x0102');
      insert into reading_exception (edge_id, epoch, sequence, row, company_id, meter_id, channel,
                                     read_at, value, code, message)
        values (1, 1, 1, 0, 1, 10, 1, '2026-03-02Z', 5, 'REGISTER_WENT_BACKWARDS', 'made up');
    `;

async function seed(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(registry);
    for (const [meter, company] of [
      [10, 1],
      [11, 1],
      [20, 2],
    ] as const) {
      await sql`insert into series_day (meter_id, channel, day, company_id, bytes, revision)
        values (${meter}, 1, ${day}, ${company}, ${encodeDay(daySeries())}, 3)`;
      await sql`insert into series_head (meter_id, channel, company_id, carry, last_read_at,
                                         last_value_wh, last_power_w)
        values (${meter}, 1, ${company}, ${carryBytes()}, ${new Date(dayStartMs + 3_600_000)}, 2000,
                1500)`;
    }
    for (const [agreement, meter, company, account, version] of [
      [1, 10, 1, 100, 1],
      [2, 11, 1, 101, 1],
      [3, 20, 2, 200, 2],
    ] as const) {
      await sql`insert into charge (agreement_id, meter_id, period_start, tariff_version_id,
          company_id, account_id, accumulator, energy_wh, amount_micros, revision)
        values (${agreement}, ${meter}, '2026-02-28T23:00:00Z', ${version}, ${company}, ${account},
                ${marchSums()}, 1000, 300000, 1)`;
    }
  } finally {
    await sql.end();
  }
}

export type World = {
  readonly url: string;
  readonly base: string;
  readonly writer: Database;
  readonly api: Database;
  readonly tail: Tail;
  readonly server: ApiServer;
  readonly errors: unknown[];
  append(block: EventBlock): Promise<void>;
  /** One request over HTTP. */
  post(viewer: Viewer | null, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
};

/** As it came: tests look into it by path. */
export type Answer = { readonly status: number; readonly body: Record<string, unknown> };

export async function openWorld(
  name: string,
  options: { streamProgressMs?: number; webSocketConnectionsMax?: number; sandbox?: boolean } = {},
): Promise<World> {
  const { url } = await freshDatabase(name);
  await seed(url);
  const writer = await connect(url, { role: 'joulebook_writer', connectionsMax: 3, name: 'w' });
  const api = await connect(url, { role: 'joulebook_api', connectionsMax: 5, name: 'api' });
  const errors: unknown[] = [];
  const onError = (error: unknown): void => {
    errors.push(error);
  };
  const tail = await startTail(writer.sql, { pollMs: 100, onError });
  const wake = (bell: { readonly kind: string; readonly shard?: number }): void => {
    if (bell.shard !== undefined) wakeReaders(api.sql, bell.shard).catch(onError);
  };
  const server = createApiServer({
    deps: {
      sql: api.sql,
      clock: { nowMs: () => Date.now() },
      wake,
      tail,
      onError,
      streamProgressMs: options.streamProgressMs ?? 15_000,
    },
    tokens: { ...realm, publicKey: key.publicKey },
    sandbox: options.sandbox ?? false,
    allowedOrigins: ['https://portal.test'],
    ...(options.webSocketConnectionsMax === undefined
      ? {}
      : { webSocketConnectionsMax: options.webSocketConnectionsMax }),
  });
  const port = await server.listen(0, '127.0.0.1');
  const base = `http://127.0.0.1:${port}`;
  return {
    url,
    base,
    writer,
    api,
    tail,
    server,
    errors,
    async append(block) {
      await writer.sql.begin((tx) => appendEvent(tx, block));
      await wakeReaders(writer.sql, eventShardOf(block.companyId));
    },
    async post(viewer, body, headers = {}) {
      const authorization =
        viewer === null ? {} : { authorization: `Bearer ${await tokenOf(viewer)}` };
      const response = await fetch(`${base}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorization, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      // Of a server under test: the expectations look at what it is.
      const answer = (await response.json()) as Record<string, unknown>;
      return { status: response.status, body: answer };
    },
    async close() {
      await server.close();
      await tail.close();
      await api.close();
      await writer.close();
    },
  };
}
