import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Transaction } from '../../src/db/connect.ts';
import { asViewer } from '../../src/db/viewer.ts';
import { openGround } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';

/** A-1 has left the place ten days ago, and A-2 has had it since. */

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let ground: Ground;
let owner: postgres.Sql;
let meterId: number;
/** Of the database's own clock, by which a policy tells who has left. */
let leftMs: number;

beforeAll(async () => {
  ground = await openGround('former_tenants');
  owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  meterId = ground.fleet.meters.get('JB000001') ?? 0;
  const { companyId } = ground.fleet;
  const [now] = await owner<{ ms: number }[]>`
    select floor(extract(epoch from date_trunc('hour', now())) * 1000)::float8 as ms`;
  leftMs = (now?.ms ?? 0) - 10 * dayMs;
  const [at, before] = [new Date(leftMs), new Date(leftMs - 100 * dayMs)];
  const [first, next] = [ground.account('A-1'), ground.account('A-2')];
  await owner`update agreement set valid_from = ${before}, valid_to = ${at}
              where account_id = ${first}`;
  await owner`
    insert into agreement (company_id, account_id, service_point_id, tariff_id, mode, valid_from,
                           balance_limit_micros, reconnect_micros)
    select company_id, ${next}, service_point_id, tariff_id, mode, ${at}, balance_limit_micros,
           reconnect_micros
    from agreement where account_id = ${first}`;
  for (const markAtMs of [leftMs - 20 * dayMs, leftMs - hourMs, leftMs + 5 * dayMs]) {
    await owner`
      insert into register_mark (company_id, meter_id, channel, at, kind, numerator, denominator,
                                 author, reason, recorded_at)
      values (${companyId}, ${meterId}, 0, ${new Date(markAtMs)}, 'factor', 40, 1, 'test', 'x',
              ${new Date(markAtMs)})`;
  }
  await owner`
    insert into token_device (meter_id, company_id, starting_code, sealed_key, token_count, digits,
                              currency, unit_micros, carried_micros)
    values (${meterId}, ${companyId}, 1, '\\x00', 7, 9, 'EUR', 500000, 10)`;
  await owner`
    insert into meter_event (meter_id, code, from_at, to_at, company_id, edge_id, epoch, sequence)
    select ${meterId}, 1, ${new Date(leftMs - hourMs)}, ${at}, ${companyId}, edge.id, 1, 1
    from edge limit 1`;
  for (const [sequence, account] of [
    [1_000_001, first],
    [1_000_002, next],
  ] as const) {
    await owner`
      insert into event (shard, sequence, company_id, kind, at, meter_ids, account_ids, read_at_ms,
                         register_wh, power_w, energy_wh, charged_micros, balance_micros)
      values (0, ${sequence}, ${companyId}, 'rated', ${at}, ${[meterId]}, ${[account]}, '{1}',
              '{2}', '{3}', '{4}', '{5}', '{6}')`;
  }
});
afterAll(async () => {
  await owner.end();
  await ground.close();
});

function as<T>(number: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return asViewer(ground.api.sql, ground.viewer('subscriber', number), work);
}

function countOf(number: string, table: string): Promise<number> {
  return as(number, async (tx) => {
    const { count } = await tx`select from ${tx(table)} where meter_id = ${meterId}`;
    return count;
  });
}

async function marksSeenBy(number: string): Promise<readonly number[]> {
  const rows = await as(
    number,
    (tx) => tx<{ at: Date }[]>`
      select at from register_mark where meter_id = ${meterId} order by at`,
  );
  return rows.map(({ at }) => at.getTime() - leftMs);
}

test('marks of a register behind its time are not told to who has left', async () => {
  expect(await marksSeenBy('A-1')).toEqual([-20 * dayMs, -hourMs]);
  // Readings of now are worth what marks of before say.
  expect(await marksSeenBy('A-2')).toEqual([-20 * dayMs, -hourMs, 5 * dayMs]);
  expect(await marksSeenBy('A-3')).toEqual([]);
});

test('the keypad of a place is of who has it now, to read and to count', async () => {
  const count = (number: string) =>
    as(number, async (tx) => {
      const counted = await tx`
        update token_device set token_count = token_count + 1 where meter_id = ${meterId}`;
      return counted.count;
    });
  for (const [number, seen] of [
    ['A-1', 0],
    ['A-2', 1],
    ['A-3', 0],
  ] as const) {
    expect(await countOf(number, 'token_device')).toBe(seen);
    expect(await count(number)).toBe(seen);
  }
});

test('power and readings as they come are told to who had the place then', async () => {
  for (const number of ['A-1', 'A-2']) expect(await countOf(number, 'subject_event')).toBe(1);
  expect(await countOf('A-3', 'subject_event')).toBe(0);
});

test('a meter’s own log and batches are told to no subscriber', async () => {
  for (const number of ['A-1', 'A-2', 'A-3']) expect(await countOf(number, 'meter_event')).toBe(0);
  const policies = await owner<{ policyname: string }[]>`
    select policyname from pg_policies where tablename in ('batch_log', 'meter_event')
    order by policyname`;
  const names = policies.map(({ policyname }) => policyname);
  expect(names).toEqual(['batch_log_staff', 'meter_event_staff']);
});
