import { onTestFinished } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import type { Fleet } from '../../src/domain/fleet.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { accrueTime } from '../../src/operations/accrueTime.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import { rateReadings } from '../../src/operations/rateReadings.ts';
import type { RateDeps } from '../../src/operations/rateReadings.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import type { RegisteredFleet } from '../../src/operations/registerFleet.ts';
import type { EventBlock } from '../../src/wire/batch.ts';
import { BatchMaker, importBlock, testEdge } from '../support/build/edge.ts';
import type { TestReading } from '../support/build/edge.ts';
import type { RegisterBlock } from '../../src/wire/batch.ts';
import { fleetOf } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';

/** A road from readings to bills, on a database of its own, with a clock that is set by hand. */
export type BillsGround = {
  /** Of the superuser. */
  readonly url: string;
  readonly database: Database;
  readonly api: Database;
  readonly fleet: Fleet;
  readonly registered: RegisteredFleet;
  readonly viewer: Viewer;
  readonly clock: { nowMs(): number; set(ms: number): void };
  /** By serial, M1 and so on. */
  meter(serial: string): number;
  read(
    readings: readonly (Omit<TestReading, 'meterId'> & { meter?: string })[],
    register?: Partial<RegisterBlock>,
  ): Promise<void>;
  /** A signed batch of any edge. */
  send(carried: Uint8Array): Promise<void>;
  readonly maker: BatchMaker;
  readonly edgeId: number;
  /** What meters' own logs say. */
  tell(events: EventBlock): Promise<void>;
  rateAll(): Promise<void>;
  accrue(): Promise<void>;
  register(fleet: Fleet): Promise<void>;
  /** Amounts in micros and Wh by the local month in which the period begins (UTC text). */
  charges(): Promise<readonly { period: string; micros: bigint; wh: bigint; open: boolean }[]>;
  transfers(): Promise<readonly { code: string; micros: bigint }[]>;
  unrated(): Promise<readonly { code: string; wh: bigint }[]>;
  close(): Promise<void>;
};

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
export const june = Date.UTC(2026, 5, 1);
export const july = Date.UTC(2026, 6, 1);

/** One price for all import, in euro. */
export function flat(price: string, more: TariffText['components'] = []): TariffText {
  return {
    currency: 'EUR',
    components: [{ kind: 'energy', name: 'energy', flow: 'import', price }, ...more],
  };
}

/** Open until the test ends. */
export async function bills(...given: Parameters<typeof openBills>): Promise<BillsGround> {
  const ground = await openBills(...given);
  onTestFinished(() => ground.close());
  return ground;
}

async function openBills(
  name: string,
  document: TariffText,
  change: (fleet: Fleet) => Fleet = (fleet) => fleet,
  judge?: RateDeps['judge'],
): Promise<BillsGround> {
  const { url } = await freshDatabase(name);
  const database = await connect(url, { role: 'joulebook_writer', connectionsMax: 4, name });
  const api = await connect(url, { role: 'joulebook_api', connectionsMax: 2, name });
  const { sql } = database;
  // After all readings: one of the future would not be believed.
  let nowMs = Date.UTC(2026, 11, 1);
  const clock = {
    nowMs: () => nowMs,
    set(ms: number) {
      nowMs = ms;
    },
  };
  const edge = testEdge();
  const shape = { meters: 1, timeZone: 'UTC', versions: [{ validFromMs: 0, document }] };
  const fleet = change(fleetOf(shape, edge));
  const outcome = await registerFleet({ sql, clock }, fleet);
  if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.message}`);
  const registered = outcome.value;
  const edgeId = registered.edges.get('edge 1')?.edgeId ?? 0;
  const maker = new BatchMaker(edge, { edgeId });
  const deps: RateDeps = {
    sql,
    clock,
    rate: async (job) => rateJob(job),
    memory: createRatingMemory(),
    ...(judge === undefined ? {} : { judge }),
  };
  const meter = (serial: string): number => registered.meters.get(serial) ?? 0;
  const rateAll = async (): Promise<void> => {
    while ((await rateReadings(deps, { shard: 0 })).more);
  };
  const send = async (carried: Uint8Array): Promise<void> => {
    const answers = await commitBatches(deps, [carried]);
    if (!answers.every((answer) => answer.ok)) throw new Error('the batch is accepted');
    await rateAll();
  };
  return {
    url,
    database,
    api,
    fleet,
    registered,
    clock,
    meter,
    rateAll,
    viewer: {
      companyId: registered.companyId,
      role: 'administrator',
      accountId: null,
      actor: 'administrator:one',
      persistedOnly: false,
    },
    async read(readings, register = {}) {
      const rows = readings.map(({ meter: serial = 'M1', ...reading }) => ({
        ...reading,
        meterId: meter(serial),
      }));
      const block = { ...importBlock(rows), ...register };
      await send(maker.sign([block]));
    },
    send,
    maker,
    edgeId,
    async tell(events) {
      const batch = maker.sign([], Date.UTC(2026, 0, 1), [], events);
      const answers = await commitBatches(deps, [batch]);
      if (!answers.every((answer) => answer.ok)) throw new Error('the batch is accepted');
      await rateAll();
    },
    async accrue() {
      await accrueTime({ sql, clock });
      await rateAll();
    },
    async register(next) {
      const again = await registerFleet({ sql, clock }, next);
      if (!again.ok) throw new Error(`${again.code}: ${again.message}`);
      await rateAll();
    },
    charges: () => sql<{ period: string; micros: bigint; wh: bigint; open: boolean }[]>`
      select to_char(period_start at time zone 'UTC', 'YYYY-MM') as period,
             sum(amount_micros)::int8 as micros, sum(energy_wh)::int8 as wh,
             bool_or(open_until is not null) as open
      from charge group by 1 order by 1`,
    transfers: () => sql<{ code: string; micros: bigint }[]>`
      select t.code, case when l.code = 'customer' then t.amount_micros
                          else -t.amount_micros end as micros
      from transfer t join ledger_account l on l.id = t.debit_id
      order by t.posted_at, t.log_position, t.id`,
    unrated: () => sql<{ code: string; wh: bigint }[]>`
      select code, sum(energy_wh)::int8 as wh from unrated_energy group by code order by code`,
    async close() {
      await database.close();
      await api.close();
    },
  };
}
