import { expect, test } from 'vitest';
import { bills, flat, june } from '../billsGround.ts';
import { quarterHours } from './ground.ts';
import type { BillsGround } from '../billsGround.ts';
import { decisionEvents } from '../../../src/operations/vee/decisionEvents.ts';
import { mark } from '../marksGround.ts';

/** What validation tells on the stream of events, from readings to the event. */

type Told = { readonly company_id: number; readonly states: readonly string[] };

async function toldBy({ database }: BillsGround): Promise<readonly Told[]> {
  return database.sql<Told[]>`
    select company_id, array(
      select e->>'state' from jsonb_array_elements(detail->'decisions') e) as states
    from event where kind = 'decision' order by shard, sequence`;
}

test('a hold is told when it is made and when it is withdrawn, an alert is not', async () => {
  const ground = await bills('told_holds', flat('1'));
  const companyId = ground.registered.companyId;
  const before = june - 86_400_000;
  await mark(ground, { atMs: before, factor: '400/5' });
  // Zeros at an occupied place are an alert.
  const zeros = quarterHours(june, { slots: 98, wh: 5, whOf: () => 0 });
  await ground.read(zeros, { multiplierThousandths: new Int32Array(99).fill(40_000) });
  expect(await toldBy(ground)).toEqual([{ company_id: companyId, states: ['held', 'held'] }]);
  await mark(ground, { atMs: before, factor: '200/5' });
  const told = await toldBy(ground);
  expect(told.slice(1)).toEqual([{ company_id: companyId, states: ['withdrawn', 'withdrawn'] }]);
  // Nothing new is no news.
  await ground.read(zeros, { multiplierThousandths: new Int32Array(99).fill(40_000) });
  expect(await toldBy(ground)).toEqual(told);
});

test('each company has events of its own, of a hundred decisions at most', () => {
  const news = (companyId: number, count: number) =>
    Array.from({ length: count }, (_, at) => ({
      decisionId: BigInt(at + 1),
      companyId,
      state: 'held' as const,
    }));
  const events = decisionEvents([...news(1, 150), ...news(2, 1)], june);
  const idsOf = (detail: unknown) => [...JSON.stringify(detail).matchAll(/"id":"(\d+)"/g)];
  const told = events.map(({ companyId, detail }) => {
    const ids = idsOf(detail).map(([, id]) => id);
    return [companyId, ids.length, ids[0], ids.at(-1)];
  });
  expect(told).toEqual([
    [1, 100, '1', '100'],
    [1, 50, '101', '150'],
    [2, 1, '1', '1'],
  ]);
  expect(events.every(({ meterIds, accountIds }) => meterIds[0] === 0 && accountIds[0] === 0)).toBe(
    true,
  );
});
