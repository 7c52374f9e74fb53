import { expect, test } from 'vitest';
import { bills, dayMs, flat, hourMs, june, july } from './billsGround.ts';
import { expectReplayed, mark } from './marksGround.ts';

test('a bill that a version cut down to nothing is none once nothing was read', async () => {
  const ground = await bills('given_back_cut', flat('0.10'));
  const read = june + 9 * dayMs;
  await ground.read([
    { atMs: read, wh: 0 },
    { atMs: read + hourMs, wh: 1_000 },
    { atMs: july + dayMs, wh: 3_000 },
  ]);
  // A price from the fifth on, told later: of the days before it nothing is known.
  const [tariff] = ground.fleet.tariffs;
  const later = { validFromMs: june + 4 * dayMs, document: flat('0.20') };
  await ground.register({
    ...ground.fleet,
    tariffs: [{ ...tariff, versions: [...tariff.versions, later] }],
  });
  const missing = async () => {
    const rows = await ground.database.sql<{ slots: string }[]>`
      select detail->>'missingSlots' as slots from vee_decision
      where rule = 'missingQuantity' and withdrawn_at is null`;
    return rows.map(({ slots }) => slots);
  };
  // Nine days of 96 quarter hours.
  expect(await missing()).toEqual(['864']);
  // It was taken away before it was ever read: all of it is given back, the empty part too.
  await mark(ground, { atMs: june + 2 * dayMs, kind: 'removed' });
  expect((await ground.charges()).map(({ wh, micros }) => [wh, micros])).toEqual([
    [0n, 0n],
    [0n, 0n],
  ]);
  expect(await missing()).toEqual([]);
  await expectReplayed(ground);
});
