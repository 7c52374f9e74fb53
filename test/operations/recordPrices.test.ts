import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordPrices } from '../../src/operations/recordPrices.ts';
import type { RecordPricesInput } from '../../src/operations/recordPrices.ts';
import { openGround } from './smallFleet.ts';
import type { Ground } from './smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('prices');
});
afterAll(() => ground.close());

const hourMs = 3_600_000;
const start = Date.UTC(2026, 2, 1);
const series = { name: 'day-ahead', currency: 'EUR', unit: 'MWh', stepMinutes: 60 } as const;

function record(input: Partial<RecordPricesInput>, role: 'administrator' | 'operator') {
  const deps = {
    sql: ground.api.sql,
    clock: ground.clock,
    wake: (bell: Ground['bells'][number]) => ground.bells.push(bell),
  };
  return recordPrices(deps, ground.viewer(role), {
    idempotencyKey: randomUUID(),
    series,
    points: [
      { startMs: start, price: '81.37' },
      { startMs: start + hourMs, price: '-4.2' },
    ],
    ...input,
  });
}

async function points(): Promise<readonly string[]> {
  const rows = await ground.writer.sql<{ said: string }[]>`
    select concat_ws(' ', s.name, extract(epoch from p.starts_at)::int8, p.price_e8) as said
    from price_point p join price_series s on s.id = p.series_id order by p.id`;
  return rows.map((row) => row.said);
}

describe('recording prices', () => {
  test('keeps each word on an instant once, and the later word beside the earlier', async () => {
    const idempotencyKey = randomUUID();
    const first = await record({ idempotencyKey }, 'administrator');
    expect(first).toMatchObject({ ok: true, value: { recorded: 2, isReplay: false } });
    expect(ground.bells).toEqual([{ kind: 'rating' }]);
    const again = await record({ idempotencyKey }, 'administrator');
    expect(again).toMatchObject({ ok: true, value: { recorded: 2, isReplay: true } });
    const known = await record({}, 'administrator');
    expect(known).toMatchObject({ ok: true, value: { recorded: 0 } });
    const corrected = await record(
      {
        points: [
          { startMs: start, price: '81.37' },
          { startMs: start + hourMs, price: '-4.25' },
        ],
      },
      'administrator',
    );
    expect(corrected).toMatchObject({ ok: true, value: { recorded: 1 } });
    const at = start / 1_000;
    // 81.37 and -4.2 a MWh, at 10^-8 a kWh.
    expect(await points()).toEqual([
      `day-ahead ${at} 8137000`,
      `day-ahead ${at + 3_600} -420000`,
      `day-ahead ${at + 3_600} -425000`,
    ]);
    const audits = await ground.writer.sql`select action from audit_entry`;
    expect(audits.map((row) => row['action'])).toEqual(['prices.record', 'prices.record']);
  });

  test.each<[string, string, Partial<RecordPricesInput>]>([
    ['no price', 'PRICES_EMPTY', { points: [] }],
    ['a price off the step', 'PRICE_OFF_GRID', { points: [{ startMs: start + 1, price: '1' }] }],
    ['a float', 'DECIMAL_MALFORMED', { points: [{ startMs: start, price: '1e3' }] }],
    ['40 digits', 'DECIMAL_MALFORMED', { points: [{ startMs: start, price: '1'.repeat(40) }] }],
    [
      'two prices of an instant',
      'PRICE_REPEATED',
      {
        points: [
          { startMs: start, price: '1' },
          { startMs: start, price: '2' },
        ],
      },
    ],
    ['another unit', 'SERIES_CONFLICT', { series: { ...series, unit: 'kWh' } }],
    ['a currency of nobody', 'CURRENCY_UNKNOWN', { series: { ...series, currency: 'QQQ' } }],
    ['no name', 'SERIES_NAME_MALFORMED', { series: { ...series, name: '' } }],
  ])('%s is refused with its place, and nothing is recorded', async (_, code, input) => {
    const before = await points();
    const refused = await record(input, 'administrator');
    expect(refused).toMatchObject({ ok: false, code });
    expect(refused.ok ? [] : refused.path?.length).toBeGreaterThan(0);
    expect(await points()).toEqual(before);
  });

  test('is not for operators', async () => {
    expect(await record({}, 'operator')).toMatchObject({ ok: false, code: 'NOT_PERMITTED' });
  });
});
